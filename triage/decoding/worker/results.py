"""Encoding of worker results as message headers and arrays, and their decoding."""

from __future__ import annotations

from typing import Any

import numpy as np

from triage.decoding.file_report import FileReport
from triage.decoding.worker.messages import Arrays, Header, MessageError
from triage.errors import ImageRejected, RejectReason
from triage.imaging.picture import Picture, PictureFlag
from triage.imaging.resized import ResizedPicture
from triage.oct_imaging.volume import Claim, Flag, Localizer, OctVolume, Spacing

Result = Picture | ResizedPicture | OctVolume | FileReport
_REFUSAL = "refusal"


def encode_result(result: Result) -> tuple[Header, Arrays]:
    """Convert a result to a message."""
    if isinstance(result, FileReport):
        return {"type": "report", "report": result.model_dump(mode="json")}, []
    if isinstance(result, OctVolume):
        return _encode_volume(result)
    header: Header = {"sha256": result.sha256, "flags": [str(flag) for flag in result.flags]}
    if isinstance(result, Picture):
        header |= {"type": "picture", "kind": result.kind, "modality": result.modality}
        header["mm_per_pixel"] = result.mm_per_pixel and list(result.mm_per_pixel)
    else:
        header |= {"type": "resized", "problem": result.problem}
    return header, [result.frames] if isinstance(result, Picture) else [*result.inputs]


def encode_refusal(refusal: ImageRejected) -> Header:
    """Convert a refusal to a message header."""
    return {
        "type": _REFUSAL,
        "reason": str(refusal.reason),
        "what": refusal.what,
        "where": refusal.where,
        "hint": refusal.hint,
        "sha256": refusal.sha256,
    }


def decode_result(header: Header, arrays: Arrays) -> Result:
    """Convert a message to a result.

    Raises
    ------
    ImageRejected
        If the message is a refusal.
    MessageError
        If the message is none of these.
    """
    try:
        return _decode(header, arrays)
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise MessageError("the answer is damaged") from error


def _decode(header: Header, arrays: Arrays) -> Result:
    kind = header["type"]
    if kind == _REFUSAL:
        raise ImageRejected(
            RejectReason(header["reason"]),
            str(header["what"]),
            where=header["where"],
            hint=header["hint"],
            sha256=header["sha256"],
        )
    if kind == "report":
        return FileReport.model_validate(header["report"])
    if kind == "volume":
        return _decode_volume(header, arrays)
    sha256, flags = str(header["sha256"]), tuple(map(PictureFlag, header["flags"]))
    if kind == "picture":
        spacing = header["mm_per_pixel"]
        return Picture(
            arrays[0],
            str(header["kind"]),
            header["modality"],
            sha256,
            flags,
            None if spacing is None else (float(spacing[0]), float(spacing[1])),
        )
    if kind == "resized":
        return ResizedPicture((arrays[0], *arrays[1:]), sha256, str(header["problem"]), flags)
    raise MessageError("the answer is of no known kind")


def _encode_volume(volume: OctVolume) -> tuple[Header, Arrays]:
    localizer, spacing = volume.localizer, volume.spacing
    arrays: Arrays = [volume.bscans, *volume.surfaces.values()]
    header: Header = {
        "type": "volume",
        "kind": volume.kind,
        "sha256": volume.sha256,
        "spacing": [spacing.bscan, spacing.depth, spacing.column],
        "laterality": volume.laterality,
        "fixation": volume.fixation,
        "manufacturer": volume.manufacturer,
        "model": volume.model,
        "surfaces": list(volume.surfaces),
        "claims": {
            name: [[claim.value, claim.source] for claim in found]
            for name, found in volume.claims.items()
        },
        "flags": [str(flag) for flag in volume.flags],
        "localizer": None,
    }
    if localizer is not None:
        lines = localizer.lines
        header["localizer"] = {"spacing": localizer.spacing, "lines": lines is not None}
        arrays.append(localizer.pixels)
        arrays += [] if lines is None else [lines.astype(np.float32, copy=False)]
    return header, arrays


def _decode_volume(header: Header, arrays: Arrays) -> OctVolume:
    rest: Any = iter(arrays)
    bscans = next(rest)
    surfaces = {str(name): next(rest) for name in header["surfaces"]}
    localizer = None
    if (found := header["localizer"]) is not None:
        pixels = next(rest)
        localizer = Localizer(pixels, found["spacing"], next(rest) if found["lines"] else None)
    return OctVolume(
        bscans=bscans,
        spacing=Spacing(*header["spacing"]),
        kind=str(header["kind"]),
        sha256=str(header["sha256"]),
        laterality=header["laterality"],
        fixation=header["fixation"],
        localizer=localizer,
        manufacturer=str(header["manufacturer"]),
        model=str(header["model"]),
        surfaces=surfaces,
        claims={
            str(name): tuple(Claim(str(value), str(source)) for value, source in found)
            for name, found in header["claims"].items()
        },
        flags=tuple(map(Flag, header["flags"])),
    )
