"""Decoding of photographs in the current process; untrusted files are decoded in workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes
from triage.imaging.dicom.support import dicom_is_installed, looks_like_dicom, require_dicom
from triage.imaging.limits import Limits
from triage.imaging.picture import Picture, PictureFlag
from triage.imaging.raster.raster_formats import READERS, raster_kind
from triage.imaging.shown_name import shown_name
from triage.regular_file import (
    FileTooLargeError,
    NotRegularError,
    OutsideRootError,
    read_regular,
)


def decode_picture(
    path: Path,
    limits: Limits,
    *,
    photographs_only: bool = True,
    root: str | Path | None = None,
    announce: Callable[[str], None] = lambda sha256: None,
) -> Picture:
    """Read and decode a photograph in this process.

    Parameters
    ----------
    path : Path
    limits : Limits
        Bounds that hold before decoding.
    photographs_only : bool
        Refuse DICOM objects that are no photographs.
    root : str or Path, optional
        Folder that the path may not leave by links.
    announce : callable, optional
        Called with the hash of the content before it is decoded.

    Raises
    ------
    ImageRejected
        If the file is invalid, with the hash of its content if it was read.
    """
    sha256 = None
    try:
        data = read_bytes(path, limits, root=root)
        sha256 = hash_bytes(data)
        announce(sha256)
        return decode_bytes(data, limits, photographs_only=photographs_only, sha256=sha256)
    except ImageRejected as refusal:
        raise ImageRejected(
            refusal.reason, refusal.what, where=shown_name(path), hint=refusal.hint, sha256=sha256
        ) from None


def decode_bytes(
    data: bytes, limits: Limits, *, photographs_only: bool, sha256: str | None = None
) -> Picture:
    """Decode the content of a file; see `decode_picture`.

    Raises
    ------
    ImageRejected
        If the content is invalid. Running out of memory counts as the file's fault
        (`TOO_LARGE`), so that a batch continues.
    """
    kind = identify(data)
    modality = None
    flags: tuple[PictureFlag, ...] = ()
    mm_per_pixel = None
    try:
        if kind == "dicom":
            require_dicom()
            from triage.imaging.dicom.read import read_dicom

            frames, modality, flags, mm_per_pixel = read_dicom(
                data, limits, photographs_only=photographs_only
            )
        else:
            from triage.imaging.raster.read import read_raster

            frames, flags = read_raster(data, kind, limits)
    except ImageRejected:
        raise
    except MemoryError:
        raise ImageRejected(
            RejectReason.TOO_LARGE,
            "Decoding needs more memory than there is.",
            hint="Export the picture smaller.",
        ) from None
    except Exception:
        # Decoders raise nearly anything on hostile bytes, and their messages may quote the
        # header, which may name a patient.
        raise ImageRejected(
            RejectReason.UNREADABLE,
            f"The {kind} data is damaged.",
            hint="Copy or export the file again.",
        ) from None
    return Picture(
        frames=frames,
        kind=kind,
        modality=modality,
        sha256=sha256 or hash_bytes(data),
        flags=flags,
        mm_per_pixel=mm_per_pixel,
    )


def identify(data: bytes) -> str:
    """Identify the format of a file by its magic bytes: 'dicom', or see `raster_kind`.

    DICOM is checked first because its preamble may hold another format's magic bytes.

    Raises
    ------
    ImageRejected
        With `RejectReason.EMPTY` or `RejectReason.UNKNOWN_FORMAT`.
    """
    if not data:
        raise ImageRejected(
            RejectReason.EMPTY, "The file is empty.", hint="Copy or export the file again."
        )
    if data[128:132] == b"DICM":
        return "dicom"
    if kind := raster_kind(data):
        return kind
    if looks_like_dicom(data):
        return "dicom"
    raise ImageRejected(
        RejectReason.UNKNOWN_FORMAT,
        "The content is not JPEG, PNG, TIFF, WebP, BMP, HEIC, AVIF or DICOM, whatever its name.",
        hint="Export the picture as JPEG or PNG.",
    )


def decoder_modules(head: bytes) -> tuple[str, ...]:
    """Names of the modules that decode a file with these first bytes; empty if unknown."""
    try:
        kind = identify(head)
    except ImageRejected:
        return ()
    if kind == "dicom":
        return ("triage.imaging.dicom.read",) if dicom_is_installed() else ()
    return "triage.imaging.raster.read", READERS[kind][0]


def read_bytes(path: Path, limits: Limits, *, root: str | Path | None = None) -> bytes:
    """Read a regular file of at most `limits.max_bytes`.

    Raises
    ------
    ImageRejected
        With `RejectReason.MISSING`, `UNREADABLE`, `TOO_LARGE` or `OUTSIDE_ROOT`.
    """
    try:
        return read_regular(path, limits.max_bytes, root=root)
    except FileTooLargeError:
        limits.check_bytes(limits.max_bytes + 1)
        raise  # never reached: the check refuses
    except (OSError, ValueError) as error:
        raise refusal_of(error) from None


def refusal_of(error: OSError | ValueError) -> ImageRejected:
    """Return the refusal of a file that could not be opened."""
    if isinstance(error, NotRegularError):
        return ImageRejected(
            RejectReason.MISSING,
            "This is not a regular file.",
            hint="Give the file itself, no folder, pipe or device.",
        )
    if isinstance(error, OutsideRootError):
        return ImageRejected(
            RejectReason.OUTSIDE_ROOT,
            "A link leads out of the folder of the data.",
            hint="Copy the file into the folder.",
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return ImageRejected(
            RejectReason.MISSING, "There is no such file.", hint="Check the name and folder."
        )
    reason = os.strerror(error.errno) if error.errno else "unknown error"
    return ImageRejected(
        RejectReason.UNREADABLE,
        f"The file cannot be opened ({reason}).",
        hint="Check its permissions.",
    )
