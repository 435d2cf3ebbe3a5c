"""Zeiss Cirrus `.img`: bare grey values without a header.

The two cubes that the device records are recognised by their size: 512 x 128 and 200 x 200 A-scans
of 1024 samples. Another shape is taken from the `512x128` in the file name if it accounts for every
byte. The file states neither scale nor eye, and none is claimed. Tested on synthetic files only.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from triage.hashing import hash_file
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors.source import Source, unsupported

_DEPTH = 1024
_CUBES = ((512, 128), (200, 200))
_SHAPE_IN_NAME = re.compile(r"(?<!\d)(\d{1,4})x(\d{1,4})(?!\d)")


def matches(head: bytes, path: Path) -> bool:
    """Whether a file may be a Cirrus cube: the format has no magic bytes, only its suffix."""
    return bool(head) and path.suffix.lower() == ".img"


def read(path: Path, limits: VolumeLimits) -> Draft:
    """Read an `.img`; see `read_vendor`."""
    with Source(path, limits) as source:
        named = [(int(w), int(n)) for w, n in _SHAPE_IN_NAME.findall(path.name)]
        for width, count in [*named, *_CUBES]:
            if source.size == width * count * _DEPTH:
                break
        else:
            raise unsupported(
                "The size is that of no Cirrus cube (512 x 128 or 200 x 200 A-scans).",
                "Check that the file was copied whole, or export the scan as DICOM.",
            )
        limits.check_shape(count, _DEPTH, width)
        bscans = np.empty((count, _DEPTH, width), np.uint8)
        for index, bscan in enumerate(bscans):
            # A-scan by A-scan
            stored = source.array(index * width * _DEPTH, np.uint8, width * _DEPTH)
            bscan[:] = stored.reshape(width, _DEPTH).T
    draft = Draft(bscans, "zeiss", hash_file(path))
    draft.claim("manufacturer", "Zeiss", "the .img format")
    draft.claim("model", "Cirrus", "the .img format")
    return draft
