"""Optovue `.OCT`: bare float samples, described by a `.txt` of the same name beside it.

The text gives the shape and the eye. Its lengths in mm are those of the video picture, not of the
scan, so no scale is claimed. Tested on synthetic files only, against oct-converter.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_file, hash_json
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.intensity import scale_frames
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors.source import Source, damaged, unsupported

_MAX_TEXT = 2**20
_NUMBER = re.compile(r"(?<![\d.])(\d{1,6})(?![\d.])")


def matches(head: bytes, path: Path) -> bool:
    """Whether a file may be Optovue's: `.OCT` without Bioptigen's header."""
    return bool(head) and path.suffix.lower() == ".oct"


def read(path: Path, limits: VolumeLimits) -> Draft:
    """Read an `.OCT` with its `.txt`; see `read_vendor`."""
    text_path = _description(path)
    with Source(text_path, limits, root=path.parent) as source:
        text = source.read(0, min(source.size, _MAX_TEXT)).decode("iso-8859-1")
    height, width, count = _shape(text)
    limits.check_shape(count, height, width)
    with Source(path, limits) as source:
        source.check(0, 4 * count * width * height)

        def stored(index: int) -> NDArray[np.float32]:
            # A-scan by A-scan, each from the choroid up.
            samples = source.array(4 * index * width * height, "<f4", width * height)
            bscan = samples.reshape(width, height).T[::-1]
            return np.asarray(np.nan_to_num(bscan, nan=0, posinf=0, neginf=0))

        bscans = scale_frames(stored, (count, height, width))
    draft = Draft(bscans, "optovue", hash_json([hash_file(path), hash_file(text_path)]))
    draft.claim("manufacturer", "Optovue", "the .OCT format")
    for line in text.splitlines():
        if "Eye Scanned" in line:
            eyes = set(re.findall(r"\b(OD|OS)\b", line))
            draft.claim("laterality", eyes.pop() if len(eyes) == 1 else None, "Eye Scanned")
    return draft


def _description(path: Path) -> Path:
    """Text of the file beside the samples."""
    for suffix in (".txt", ".TXT"):
        if (beside := path.with_suffix(suffix)).is_file():
            return beside
    raise ImageRejected(
        RejectReason.MISSING,
        "The text that describes this Optovue export is not beside it.",
        hint="Put the .txt of the same name into the same folder.",
    )


def _shape(text: str) -> tuple[int, int, int]:
    """Rows, columns and B-scans of the one scan the text describes."""
    height = 0
    scans = []
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if "Window Height" in line:
            height = _number(line)
        if "Scan Length" in line and "Scan Usage" in following:
            scans.append((height, _number(line), _number(following)))
    if len(scans) > 1:
        raise unsupported(
            f"The export holds {len(scans)} scans, one is expected.", "Export one scan a file."
        )
    if not scans:
        raise damaged("The text beside the file does not give the shape of the scan.")
    return scans[0]


def _number(line: str) -> int:
    """First whole number of a line; 0, which no volume has, if there is none."""
    match = _NUMBER.search(line)
    return int(match[1]) if match else 0
