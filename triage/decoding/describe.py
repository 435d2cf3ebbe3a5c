"""Description of a file, made in the current process; `inspect_file` runs it in a worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.atomic_write import whole_file
from triage.decoding.file_report import FileReport
from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes
from triage.imaging.decode import decode_bytes, identify, read_bytes
from triage.imaging.header import Header
from triage.imaging.limits import Limits
from triage.imaging.metadata_removal import device_name
from triage.imaging.quality import assess_quality, quality_problem
from triage.imaging.raster.raster_formats import HEAD_BYTES, raster_kind
from triage.imaging.shown_name import shown_name
from triage.oct_imaging.limits import VolumeLimits
from triage.regular_file import open_regular

_COMPRESSION = 1  # of zlib: the files are looked at, not kept


def describe_file(
    path: Path,
    limits: Limits,
    volume_limits: VolumeLimits,
    *,
    photographs_only: bool = True,
    pixels: str | Path | None = None,
    announce: Callable[[str], None] = lambda sha256: None,
) -> FileReport:
    """Describe a file, or the reason why it is refused, in this process.

    Parameters
    ----------
    path : Path
        Any file or folder, or none.
    limits : Limits
        Bounds that hold before decoding a photograph.
    volume_limits : VolumeLimits
        Bounds that hold before decoding a volume.
    photographs_only : bool
        Refuse DICOM objects that are neither photographs nor OCT volumes.
    pixels : str or Path, optional
        Where the decoded frames are written: `{pixels}_{frame}.png`.
    announce : callable, optional
        Called with the hash of the content before it is decoded.

    Returns
    -------
    FileReport
        Of a refused file the facts that its header states.
    """
    known = facts_of_place(path)
    try:
        if _is_volume(path):
            return _describe_volume(path, volume_limits, known, pixels)
        data = read_bytes(path, limits)
        known["sha256"] = sha256 = hash_bytes(data)
        announce(sha256)
        known["kind"] = kind = identify(data)
        known |= asdict(_header(data, kind, limits))
        picture = decode_bytes(data, limits, photographs_only=photographs_only, sha256=sha256)
        del data
        written = [] if pixels is None else write_pixels(Path(pixels), picture.frames)
    except ImageRejected as refusal:
        return refused(known, refusal)
    quality = assess_quality(picture.frames[0])
    message = quality_problem(quality) or "The file can be read."
    sentences = [message, *(flag.sentence for flag in picture.flags)]
    found = {
        "readable": True,
        "message": " ".join(sentences),
        "quality": quality,
        "flags": picture.flags,
        "pixels": written,
    }
    return FileReport.model_validate(known | found)


def facts_of_place(path: Path) -> dict[str, object]:
    """Facts about a path that need no opening of the file: its name and size."""
    known: dict[str, object] = {"file": shown_name(path)}
    with suppress(OSError, ValueError):
        known["bytes"] = None if path.is_dir() else path.stat().st_size
    return known


def refused(known: dict[str, object], refusal: ImageRejected) -> FileReport:
    """Return the report on a refused file.

    Parameters
    ----------
    known : dict
        Fields of the report that were found before.
    refusal : ImageRejected
    """
    message = f"{refusal.what} {refusal.hint}" if refusal.hint else refusal.what
    known = {"sha256": refusal.sha256} | known
    found = {"readable": False, "reason": refusal.reason, "message": message}
    return FileReport.model_validate(known | found)


def write_pixels(place: Path, frames: NDArray[np.uint8]) -> list[str]:
    """Write frames as 8-bit RGB PNG and return the files' names.

    Parameters
    ----------
    place : Path
        Folder and beginning of the names: `{place}_{frame}.png`, frames from 0.
    frames : uint8 array [F, H, W, 3] or [F, H, W]
        Grey is written with three equal channels.

    Raises
    ------
    ImageRejected
        If a file cannot be written.
    """
    names = []
    try:
        for number, frame in enumerate(frames):
            target = place.with_name(f"{place.name}_{number}.png")
            with whole_file(target) as partial:
                image = Image.fromarray(frame)
                rgb = image if image.mode == "RGB" else image.convert("RGB")
                rgb.save(partial, "PNG", compress_level=_COMPRESSION)
            names.append(target.name)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown error"
        raise ImageRejected(
            RejectReason.UNREADABLE,
            f"Its pixels cannot be written ({reason}).",
            hint="Give --pixels another folder.",
        ) from None
    return names


def may_be_volume(path: Path) -> bool:
    """Whether a path may be a volume, so that readers of volumes are needed."""
    if path.is_dir():
        return True
    try:
        with open_regular(path) as stream:
            return raster_kind(stream.read(HEAD_BYTES)) is None
    except (OSError, ValueError):
        return False


def _is_volume(path: Path) -> bool:
    if not may_be_volume(path):
        return False
    from triage.oct_imaging.decode import is_volume

    return is_volume(path)


def _describe_volume(
    path: Path, limits: VolumeLimits, known: dict[str, object], pixels: str | Path | None
) -> FileReport:
    from triage.oct_imaging.decode import decode_volume
    from triage.oct_imaging.volume_report import report_volume, volume_sentences

    volume = decode_volume(path, limits)
    bscans, rows, columns = volume.bscans.shape
    found: dict[str, object] = {
        "frames": bscans,
        "height": rows,
        "width": columns,
        "channels": 1,
        "kind": volume.kind,
        "sha256": volume.sha256,
        "device": device_name(volume.manufacturer, volume.model),
        "readable": True,
        "message": volume_sentences(volume),
        "flags": volume.flags,
        "volume": report_volume(volume),
        "pixels": [] if pixels is None else write_pixels(Path(pixels), volume.bscans),
    }
    return FileReport.model_validate(known | found)


def _header(data: bytes, kind: str, limits: Limits) -> Header:
    """Return the content of the header; empty if it is damaged."""
    try:
        if kind == "dicom":
            from triage.imaging.dicom.read import dicom_header

            return dicom_header(data, limits)
        from triage.imaging.raster.read import raster_header

        return raster_header(data, kind, limits)
    except Exception:
        # The decoder reports why it is damaged.
        return Header()
