"""Volumes as NumPy archives: arrays `volume` and `slo`, and `meta` as JSON.

The archive is opened as a zip file, so that each array's size and type are read from its header
before anything is inflated, and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.imaging.decode import refusal_of
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.sidecar import Sidecar
from triage.oct_imaging.volume import Localizer
from triage.oct_imaging.zip_archive import open_zip
from triage.regular_file import open_regular

VOLUME_NAMES = ("volume", "bscans")
_LOCALIZER_NAMES = ("slo", "localizer")
_MAX_MEMBERS = 64
_MAX_META = 2**20
_BLOCK = 2**24
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_DEFLATED = 1033  # no deflated byte becomes more (zlib's technical notes)


def read_npz(path: Path, limits: VolumeLimits) -> Draft:
    """Read an `.npz` file of one volume.

    Parameters
    ----------
    path : Path
        Arrays `volume` or `bscans` (integer or real [S, H, W]); optionally `slo` or `localizer`
        (uint8 [h, w]) and `meta`, a text of the keys of `Sidecar`.
    limits : VolumeLimits
        Checked on the arrays' headers.

    Returns
    -------
    Draft

    Raises
    ------
    ImageRejected
        `WRONG_MODALITY` without a volume, `UNSUPPORTED_ENCODING` for Python objects in an array,
        `TRUNCATED`, or whatever limit is passed.
    """
    try:
        with open_regular(path) as stream, open_zip(stream, _MAX_MEMBERS) as archive:
            limits.check_bytes(os.fstat(stream.fileno()).st_size)
            members = archive.namelist()
            found = {name.removesuffix(".npy") for name in members if name.endswith(".npy")}
            volume = next((name for name in VOLUME_NAMES if name in found), None)
            if volume is None:
                raise ImageRejected(
                    RejectReason.WRONG_MODALITY,
                    "The archive holds no array named volume or bscans.",
                    hint="A data set of many cases is loaded with a data spec, not as a volume.",
                )
            bscans = _volume(archive, volume, limits)
            stream.seek(0)
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            draft = Draft(bscans=bscans, kind="npz", sha256=sha256)
            sidecar = Sidecar.parse(_meta(archive)) if "meta" in found else Sidecar()
            for name in _LOCALIZER_NAMES:
                if name in found:
                    pixels = _localizer(archive, name, limits)
                    draft.localizer = Localizer(pixels, sidecar.localizer_scale)
                    break
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise ImageRejected(
            RejectReason.TRUNCATED,
            "The archive is damaged or ends too early.",
            hint="Copy or export the file again.",
        ) from None
    except OSError as error:
        raise refusal_of(error) from None
    sidecar.note(draft, "meta")
    return draft


def _volume(archive: zipfile.ZipFile, name: str, limits: VolumeLimits) -> NDArray[Any]:
    def check(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if len(shape) == 4 and shape[-1] in (3, 4):
            raise ImageRejected(
                RejectReason.WRONG_MODALITY,
                "The array is of colour pictures; B-scans of an OCT are grey.",
            )
        if len(shape) != 3 or dtype.kind not in "uif":
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "The volume is no array of numbers with axes B-scan, depth and column.",
            )
        limits.check_shape(*shape)

    return _read_array(archive, name, limits, check)


def _localizer(archive: zipfile.ZipFile, name: str, limits: VolumeLimits) -> NDArray[np.uint8]:
    def check(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if len(shape) != 2 or dtype != np.uint8:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "The localizer is no array of uint8 with axes row and column.",
                hint="Save it as one, or leave it out.",
            )
        limits.check_shape(1, *shape)

    return _read_array(archive, name, limits, check)


def _meta(archive: zipfile.ZipFile) -> str:
    def check(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if shape != () or dtype.kind != "U" or dtype.itemsize > _MAX_META:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "The meta array is no text.",
                hint="Save it as one string of JSON, or leave it out.",
            )

    return str(_read_array(archive, "meta", None, check))


def _read_array(
    archive: zipfile.ZipFile,
    name: str,
    limits: VolumeLimits | None,
    check: Callable[[tuple[int, ...], np.dtype[Any]], None],
) -> NDArray[Any]:
    """Read one array after its header has passed `check`."""
    member = archive.getinfo(f"{name}.npy")
    if member.flag_bits & 1 or member.compress_type not in _METHODS:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The archive is encrypted, or compressed in a way that NumPy does not write.",
        )
    with archive.open(member) as stream:
        shape, fortran, dtype = _header(stream)
        if dtype.hasobject:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "An array holds Python objects, which are never unpickled.",
                hint="Save the volume as an array of numbers.",
            )
        check(shape, dtype)
        size = prod(shape) * dtype.itemsize
        if limits is not None:
            limits.check_bytes(size)
        # What the archive cannot hold is not allocated for.
        if size > min(member.file_size, member.compress_size * _MOST_DEFLATED):
            raise _truncated()
        array = np.empty(shape, dtype, order="F" if fortran else "C")
        # The bytes in the order in which they lie in memory, which is that of the file.
        _fill(stream, (array.T if fortran else array).reshape(-1).view(np.uint8))
    return array


def _fill(stream: IO[bytes], content: NDArray[np.uint8]) -> None:
    """Read exactly the bytes of the array."""
    filled, size = 0, len(content)
    while filled < size:
        piece = stream.read(min(_BLOCK, size - filled))
        if not piece:
            raise _truncated()
        content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    if stream.read(1):  # also makes the archive check its CRC
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            "An array is longer than its header states.",
            hint="Save the volume again.",
        )


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read an `.npy` header (NEP 1) of either version that numbers and text can have."""
    try:
        version = npy.read_magic(stream)
        if version == (1, 0):
            return npy.read_array_header_1_0(stream)
        return npy.read_array_header_2_0(stream)
    except ValueError:
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "An array's header is damaged.",
            hint="Copy or export the file again.",
        ) from None


def _truncated() -> ImageRejected:
    return ImageRejected(
        RejectReason.TRUNCATED,
        "An array is shorter than its header states.",
        hint="Copy or export the file again.",
    )
