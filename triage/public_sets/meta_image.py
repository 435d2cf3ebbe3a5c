"""Bounded reader of untrusted MetaImage volumes (`.mhd` with `.raw` or `.zraw`, `.mha`).

The format is that of MetaIO as documented on the ITK wiki; only the options that scalar volumes use
are supported.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.imaging.decode import refusal_of
from triage.imaging.shown_name import shown_name
from triage.oct_imaging.limits import DEFAULT_VOLUME_LIMITS, VolumeLimits
from triage.regular_file import open_regular

_HEADER_BYTES = 1 << 16
_BLOCK = 1 << 20
_MOST_DEFLATED = 1033  # no deflated byte becomes more (zlib's technical notes)
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
        Distance of samples (z, y, x), in the file's unit; None if it does not state it.
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
        voxels = _voxels(path, fields, rest, shape, dtype)
        return MetaImage(voxels, _spacing(fields))
    except ImageRejected as refusal:
        raise ImageRejected(
            refusal.reason, refusal.what, where=shown_name(path), hint=refusal.hint
        ) from None


def _refuse(what: str, reason: RejectReason = RejectReason.UNREADABLE) -> ImageRejected:
    return ImageRejected(reason, what)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields and the offset of the bytes after `ElementDataFile`."""
    with _opened(path, None) as stream:
        head = stream.read(_HEADER_BYTES)
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
    # ElementSize is the size of a sample, not the distance to the next one.
    text = fields.get("ElementSpacing", "")
    try:
        x, y, z = (float(part) for part in text.split())
    except ValueError:
        return None
    return (z, y, x) if all(0.0 < side < math.inf for side in (x, y, z)) else None


def _voxels(
    path: Path,
    fields: dict[str, str],
    rest: int,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """Read exactly the samples that the header states, allocating only for data that exist."""
    file, skip = _data_file(path, fields, rest)
    size = math.prod(shape) * dtype.itemsize
    with _opened(file, path.parent) as stream:
        available = os.fstat(stream.fileno()).st_size
        packed = _flag(fields, "CompressedData")
        if packed:
            skip = max(skip, 0)
            enough = (available - skip) * _MOST_DEFLATED >= size
        else:
            skip = available - size if skip < 0 else skip
            enough = skip >= 0 and available - skip >= size
            if enough and available - skip > size:
                raise _surplus()
        if not enough:
            raise _too_few()
        voxels = np.empty(shape, dtype)
        content = voxels.reshape(-1).view(np.uint8)
        stream.seek(skip)
        if packed:
            _inflate(stream, content)
        elif stream.readinto(content.data) != size:
            raise _too_few()
    return voxels if dtype.isnative else _native(voxels)


def _data_file(path: Path, fields: dict[str, str], rest: int) -> tuple[Path, int]:
    """File with the samples and their offset in it, -1 for 'at the end'."""
    name = fields["ElementDataFile"]
    if name in {"LOCAL", "Local", "local"}:
        return path, rest
    if Path(name).name != name or "\\" in name or ":" in name or " " in name:
        raise _refuse("The header places the data in another folder, a list or a pattern of files.")
    return path.parent / name, _skip(fields)


def _inflate(stream: BufferedReader, content: NDArray[np.uint8]) -> None:
    """Inflate the rest of a file into an array, in pieces."""
    unpacker = zlib.decompressobj()
    filled, size = 0, len(content)
    try:
        while not unpacker.eof and (packed := unpacker.unconsumed_tail or stream.read(_BLOCK)):
            # Reading one byte more than fits shows whether there is more.
            piece = unpacker.decompress(packed, min(_BLOCK, size - filled + 1))
            if filled + len(piece) > size:
                raise _surplus()
            content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
    except zlib.error:
        raise _refuse("The compressed samples are damaged.") from None
    if filled < size:
        raise _too_few()


def _native(voxels: NDArray[Any]) -> NDArray[Any]:
    """Samples in the machine's byte order, in the memory that they occupy already."""
    return voxels.byteswap(inplace=True).view(voxels.dtype.newbyteorder("="))


def _too_few() -> ImageRejected:
    return _refuse("There are fewer samples than DimSize states.", RejectReason.TRUNCATED)


def _surplus() -> ImageRejected:
    return _refuse("There are more samples than DimSize states.")


def _skip(fields: dict[str, str]) -> int:
    try:
        return max(int(fields.get("HeaderSize", "0")), -1)
    except ValueError:
        raise _refuse("HeaderSize is no number.") from None


@contextmanager
def _opened(file: Path, folder: Path | None) -> Iterator[BufferedReader]:
    """Open a regular file; no link may lead out of the folder, if one is given."""
    try:
        with open_regular(file, root=folder) as stream:
            yield stream
    except (OSError, ValueError) as error:
        raise refusal_of(error) from None
