"""MetaImage volumes (`.mhd` with `.raw` or `.zraw`, `.mha`), read without trust.

The format is that of MetaIO as its documentation on the ITK wiki has it; of its many options,
those that scalar volumes use.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.imaging.oct.limits import DEFAULT_VOLUME_LIMITS, VolumeLimits
from triage.imaging.read import shown_name

_HEADER_BYTES = 1 << 16
_TYPES = {
    "MET_UCHAR": "u1",
    "MET_CHAR": "i1",
    "MET_USHORT": "u2",
    "MET_SHORT": "i2",
    "MET_UINT": "u4",
    "MET_INT": "i4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


@dataclass(frozen=True)
class MetaImage:
    """A scalar volume.

    Parameters
    ----------
    voxels : array [z, y, x]
        As stored, in the machine's byte order.
    spacing : tuple of float or None
        Distance of samples (z, y, x), in the file's unit; None where it does not say.
    """

    voxels: NDArray[Any] = field(repr=False)
    spacing: tuple[float, float, float] | None


def read_meta_image(path: Path, limits: VolumeLimits = DEFAULT_VOLUME_LIMITS) -> MetaImage:
    """Read a three-dimensional MetaImage.

    Parameters
    ----------
    path : Path
        The `.mhd` or `.mha` file. Data in a file of its own must lie in the same folder: a name
        with a folder in it is refused.
    limits : VolumeLimits
        Bounds that hold before any data is read.

    Raises
    ------
    ImageRejected
        If a file is missing, truncated, too large or not such an image.
    """
    try:
        fields, rest = _header(path)
        shape, dtype = _geometry(fields, limits)
        data = _data(path, fields, rest, math.prod(shape) * dtype.itemsize)
        voxels = np.frombuffer(data, dtype=dtype).reshape(shape)
        return MetaImage(voxels.astype(dtype.newbyteorder("=")), _spacing(fields))
    except ImageRejected as refusal:
        raise ImageRejected(
            refusal.reason, refusal.what, where=shown_name(path), mend=refusal.mend
        ) from None


def _refuse(what: str, reason: RejectReason = RejectReason.UNREADABLE) -> ImageRejected:
    return ImageRejected(reason, what)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields and where the bytes after `ElementDataFile` begin."""
    head = _bytes_of(path, 0, _HEADER_BYTES)
    fields: dict[str, str] = {}
    place = 0
    for line in head.splitlines(keepends=True):
        place += len(line)
        key, equals, value = line.decode("latin-1").partition("=")
        if not equals:
            break
        fields[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            return fields, place
    raise _refuse("The header is no MetaImage header.", RejectReason.UNKNOWN_FORMAT)


def _geometry(
    fields: dict[str, str], limits: VolumeLimits
) -> tuple[tuple[int, int, int], np.dtype[Any]]:
    sides = fields.get("DimSize", "").split()
    # isdecimal takes other scripts' digits too, which int reads; length keeps int cheap
    if (
        fields.get("NDims") != "3"
        or len(sides) != 3
        or not all(side.isdecimal() and len(side) < 10 for side in sides)
    ):
        raise _refuse("NDims and DimSize do not give three sides.")
    if fields.get("ElementType") not in _TYPES or fields.get("ElementNumberOfChannels", "1") != "1":
        raise _refuse(
            "The samples are not single numbers of a known type.",
            RejectReason.UNSUPPORTED_ENCODING,
        )
    if not _flag(fields, "BinaryData", default=True):
        raise _refuse("The samples are written as text.", RejectReason.UNSUPPORTED_ENCODING)
    x, y, z = (int(side) for side in sides)
    limits.check_shape(z, y, x)
    msb = _flag(fields, "ElementByteOrderMSB") or _flag(fields, "BinaryDataByteOrderMSB")
    dtype = np.dtype((">" if msb else "<") + _TYPES[fields["ElementType"]])
    limits.check_bytes(x * y * z * dtype.itemsize)
    return (z, y, x), dtype


def _flag(fields: dict[str, str], name: str, *, default: bool = False) -> bool:
    return fields[name].lower() in {"true", "1"} if name in fields else default


def _spacing(fields: dict[str, str]) -> tuple[float, float, float] | None:
    text = fields.get("ElementSpacing", fields.get("ElementSize", ""))
    try:
        x, y, z = (float(part) for part in text.split())
    except ValueError:
        return None
    return (z, y, x) if all(0.0 < side < math.inf for side in (x, y, z)) else None


def _data(path: Path, fields: dict[str, str], rest: int, size: int) -> bytes:
    """Return exactly `size` bytes of samples."""
    name = fields["ElementDataFile"]
    local = name in {"LOCAL", "Local", "local"}
    if not local and (Path(name).name != name or "\\" in name or ":" in name or " " in name):
        raise _refuse("The data are said to be in another folder, a list or a pattern of files.")
    file = path if local else path.parent / name
    skip = rest if local else _skip(fields)
    if not _flag(fields, "CompressedData"):
        available = _size_of(file)
        if skip < 0:
            skip = available - size
        if skip < 0 or available - skip < size:
            raise _refuse("There are fewer samples than DimSize says.", RejectReason.TRUNCATED)
        if available - skip > size:
            raise _refuse("There are more samples than DimSize says.")
        return _bytes_of(file, skip, size)
    # deflate cannot shrink to less than about a thousandth, nor grow by more than a little
    packed = _bytes_of(file, max(skip, 0), size + size // 100 + 4096)
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, size + 1)
    except zlib.error:
        raise _refuse("The compressed samples are damaged.") from None
    if len(data) < size:
        raise _refuse("There are fewer samples than DimSize says.", RejectReason.TRUNCATED)
    if len(data) > size:
        raise _refuse("There are more samples than DimSize says.")
    return data


def _skip(fields: dict[str, str]) -> int:
    try:
        return max(int(fields.get("HeaderSize", "0")), -1)
    except ValueError:
        raise _refuse("HeaderSize is no number.") from None


def _size_of(file: Path) -> int:
    if not file.is_file():
        raise _refuse("The file with the samples is missing.", RejectReason.MISSING)
    return file.stat().st_size


def _bytes_of(file: Path, skip: int, size: int) -> bytes:
    if not file.is_file():
        raise _refuse("There is no such file.", RejectReason.MISSING)
    try:
        with file.open("rb") as stream:
            stream.seek(skip)
            return stream.read(size)
    except OSError:
        raise _refuse("The file cannot be opened.") from None
