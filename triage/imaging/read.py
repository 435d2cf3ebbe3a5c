"""The way in: a path becomes a picture or a typed refusal."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes
from triage.imaging.dicom import read_dicom
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.picture import Picture
from triage.imaging.raster import read_raster

RASTER_MAGIC = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"II+\x00": "tiff",
    b"MM\x00+": "tiff",
}


def read_picture(
    path: Path, limits: Limits = DEFAULT_LIMITS, *, photographs_only: bool = True
) -> Picture:
    """Read a photograph as RGB frames.

    Parameters
    ----------
    path : Path
        A JPEG, PNG, TIFF or DICOM file; its name does not matter.
    limits : Limits
        Bounds that hold before decoding.
    photographs_only : bool
        Refuse DICOM objects other than VL Photographic, Dermoscopic
        Photography and Secondary Capture.

    Returns
    -------
    Picture
        Pixels, format and hash; nothing that identifies a person.

    Raises
    ------
    ImageRejected
        Whatever is wrong with the file. The message names the file, and
        quotes nothing from within it. Running out of memory counts as the
        file's fault (`TOO_LARGE`), so that a batch goes on; an interrupt by
        the user passes through.
    """
    try:
        data = read_bytes(path, limits)
        return decode_bytes(data, limits, photographs_only=photographs_only)
    except ImageRejected as refusal:
        raise ImageRejected(
            refusal.reason, refusal.what, where=shown_name(path), mend=refusal.mend
        ) from None


def decode_bytes(data: bytes, limits: Limits, *, photographs_only: bool) -> Picture:
    """Decode a file's content; see `read_picture`.

    Raises
    ------
    ImageRejected
        Whatever is wrong with the content.
    """
    kind = identify(data)
    modality = None
    try:
        if kind == "dicom":
            frames, modality = read_dicom(data, limits, photographs_only=photographs_only)
        else:
            frames = read_raster(data, kind, limits)
    except ImageRejected:
        raise
    except MemoryError:
        raise ImageRejected(
            RejectReason.TOO_LARGE, "Decoding needs more memory than there is."
        ) from None
    except Exception:
        # Decoders raise nearly anything on hostile bytes, and their messages may quote the
        # header, which may name a patient.
        raise ImageRejected(RejectReason.UNREADABLE, f"The {kind} data is damaged.") from None
    return Picture(frames=frames, kind=kind, modality=modality, sha256=hash_bytes(data))


def identify(data: bytes) -> str:
    """Tell a file's format by its magic bytes: 'jpeg', 'png', 'tiff' or 'dicom'.

    DICOM comes first, for its preamble may hold another format's magic.

    Raises
    ------
    ImageRejected
        With `RejectReason.EMPTY` or `RejectReason.UNKNOWN_FORMAT`.
    """
    if not data:
        raise ImageRejected(RejectReason.EMPTY, "The file is empty.")
    if data[128:132] == b"DICM":
        return "dicom"
    for magic, kind in RASTER_MAGIC.items():
        if data.startswith(magic):
            return kind
    raise ImageRejected(
        RejectReason.UNKNOWN_FORMAT,
        "The content is not JPEG, PNG, TIFF or DICOM, whatever the name says.",
        mend="Export the picture as one of these.",
    )


def read_bytes(path: Path, limits: Limits) -> bytes:
    """Read a regular file of at most `limits.max_bytes`.

    Raises
    ------
    ImageRejected
        With `RejectReason.MISSING`, `UNREADABLE` or `TOO_LARGE`.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageRejected(RejectReason.MISSING, "This is not a regular file.")
        limits.check_bytes(status.st_size)
        with path.open("rb") as stream:
            # a read allocates what it asks for
            data = stream.read(min(status.st_size, limits.max_bytes) + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise ImageRejected(
            RejectReason.MISSING, "There is no such file.", mend="Check the name and folder."
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown error"
        raise ImageRejected(
            RejectReason.UNREADABLE, f"The file cannot be opened ({reason})."
        ) from None
    limits.check_bytes(len(data))
    return data


def shown_name(path: Path) -> str:
    """Return the file's own name, fit for any output: folders may name a patient too."""
    return os.fsencode(path.name).decode("utf-8", "replace")
