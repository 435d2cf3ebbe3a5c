"""Bioptigen `.OCT`: a header and frames made of fields, each preceded by its name and length.

Fields as oct-converter describes them. Tested on synthetic files only. The file gives the scanned
lengths, assumed to be in mm; it does not state the eye.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.hashing import hash_file
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.intensity import scale_frames
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors.raster_scan import star_scan
from triage.oct_imaging.vendors.source import Source, claim_mm, damaged, unsupported

_FIRST_FIELD = 6
_LONGEST_NAME, _MOST_FIELDS = 64, 256
_RASTER, _RADIAL = 1, 3
_INTEGERS = ("FRAMECOUNT", "LINECOUNT", "LINELENGTH", "SCANTYPE", "SCANS", "FRAMES", "FRAMELINES")
_LENGTHS = ("SCANDEPTH", "AZSCANLENGTH", "ELSCANLENGTH")


def matches(head: bytes, path: Path) -> bool:
    """Whether a file is Bioptigen's: the name of its first field serves as magic bytes."""
    return b"FRAMEHEADER" in head[_FIRST_FIELD : _FIRST_FIELD + 16]


def read(path: Path, limits: VolumeLimits) -> Draft:
    """Read an `.OCT`; see `read_vendor`."""
    with Source(path, limits) as source:
        header, at = _section(source, _FIRST_FIELD)
        count, width = int(header.get("FRAMECOUNT", 0)), int(header.get("LINECOUNT", 0))
        height = int(header.get("LINELENGTH", 0))
        limits.check_shape(count, height, width)
        if header.get("SCANTYPE") == _RADIAL:
            raise star_scan()
        if header.get("SCANS", 1) > 1 and header.get("FRAMES", 1) > 1:
            raise unsupported(
                "The file repeats its B-scans, and their order is not stated.",
                "Export the averaged volume.",
            )
        source.check(at, 2 * count * height * width)
        starts = []
        for _ in range(count):
            frame, end = _section(source, at)
            starts.append(int(frame.get("FRAMESAMPLES", -1)))
            if frame.get("FRAMELINES", width) != width or end - starts[-1] < 2 * height * width:
                raise damaged("A frame has another size than the header states.")
            at = end

        def stored(index: int) -> NDArray[np.uint16]:
            samples = source.array(starts[index], "<u2", width * height)
            return samples.reshape(width, height).T

        bscans = scale_frames(stored, (count, height, width))
    draft = Draft(bscans, "bioptigen", hash_file(path))
    draft.claim("manufacturer", "Bioptigen", "the .OCT format")
    claim_mm(draft, "depth_spacing", header.get("SCANDEPTH", 0) / height, "SCANDEPTH / LINELENGTH")
    claim_mm(
        draft, "column_spacing", header.get("AZSCANLENGTH", 0) / width, "AZSCANLENGTH / LINECOUNT"
    )
    if header.get("SCANTYPE") == _RASTER and count > 1:
        claim_mm(
            draft, "bscan_spacing", header.get("ELSCANLENGTH", 0) / count,
            "ELSCANLENGTH / FRAMECOUNT",
        )  # fmt: skip
    return draft


def _section(source: Source, at: int) -> tuple[dict[str, float], int]:
    """The numbers of the fields from `at` to the closing field, and the offset after it.

    Of FRAMESAMPLES the offset of its content is returned. Texts are skipped: a description may
    name the patient.
    """
    fields: dict[str, float] = {}
    for _ in range(_MOST_FIELDS):
        (length,) = source.unpack("<I", at)
        at += 4
        if not length:
            return fields, at
        if length > _LONGEST_NAME:
            raise damaged("A field of the file has no readable name.")
        name = source.read(at, length).rstrip(b"\0").decode("ascii", "replace")
        (size,) = source.unpack("<I", at + length)
        at += length + 4
        # the field that opens a section states its length, or none, and holds the other fields
        if name in ("FRAMEHEADER", "FRAMEDATA"):
            continue
        source.check(at, size)
        if name in _INTEGERS and 0 < size <= 8:
            fields[name] = int.from_bytes(source.read(at, size), "little")
        elif name in _LENGTHS and size == 8:
            (fields[name],) = struct.unpack("<d", source.read(at, 8))
        elif name == "FRAMESAMPLES":
            fields[name] = at
        at += size
    raise damaged("The file has more fields than any of its kind.")
