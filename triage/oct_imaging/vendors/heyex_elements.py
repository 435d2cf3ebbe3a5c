"""Elements of a Heidelberg XML export that are read: eye, scale, positions, boundaries."""

from __future__ import annotations

import re
from contextlib import suppress
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from triage.oct_imaging.vendors.heyex import MOST_SURFACE_SAMPLES, Surfaces, too_many_boundaries
from triage.oct_imaging.vendors.raster_scan import raster_lines

CONTEXT = "OphthalmicAcquisitionContext/"
_LONGEST_NUMBER = 40  # characters, with the space before it
_LAYER_NAME = re.compile(r"[A-Za-z0-9+\-]{1,16}")


def images_of(series: Element, kind: str) -> list[Element]:
    """Images of a series that are of one type: 'OCT' or 'LOCALIZER'."""
    return [image for image in series.iter("Image") if image.findtext("ImageType/Type") == kind]


def lateralities(series: Element) -> list[tuple[str, str]]:
    """Distinct statements on the eye, each with its element."""
    stated = [((series.findtext("Laterality") or "").strip(), "Series/Laterality")]
    stated += [
        ((image.findtext("Laterality") or "").strip(), "Image/Laterality")
        for image in series.iter("Image")
    ]
    return [(value, source) for value, source in dict.fromkeys(stated) if value in ("R", "L")]


def number(image: Element, path: str) -> float:
    """Number of an element; 0, which is neither a size nor a scale, if there is none."""
    try:
        value = float(image.findtext(path) or "")
    except ValueError:
        return 0.0
    return value if np.isfinite(value) else 0.0


def image_number(image: Element) -> float:
    """Position of an image in its series; elements may be in another order."""
    return number(image, "ImageNumber")


def scan_lines(images: list[Element]) -> NDArray[np.floating] | None:
    """Start and end of each B-scan in mm [S, 2, 2]; None unless every one has both."""
    try:
        lines = np.array(
            [
                [
                    [float(image.findtext(f"{CONTEXT}{end}/Coord/{axis}") or "") for axis in "XY"]
                    for end in ("Start", "End")
                ]
                for image in images
            ]
        )
    except ValueError:
        return None
    return raster_lines(lines)


def surfaces_of(images: list[Element], height: int, width: int) -> dict[str, NDArray[np.float32]]:
    """Vendor's boundaries by name; lines of another length than the B-scan are left out.

    Raises
    ------
    ImageRejected
        As `Surfaces.put`.
    """
    surfaces = Surfaces((len(images), height, width))
    converted = 0
    for index, image in enumerate(images):
        for line in image.iter("SegLine"):
            name = (line.findtext("Name") or "").strip()
            text = line.findtext("Array") or ""
            if len(text) > _LONGEST_NUMBER * width:
                continue
            numbers = text.split()
            if len(numbers) != width or not _LAYER_NAME.fullmatch(name):
                continue
            converted += width  # the same boundary may stand there many times
            if converted > MOST_SURFACE_SAMPLES:
                raise too_many_boundaries()
            with suppress(ValueError):
                rows = np.array(numbers, np.float64)
                surfaces.put(name, index, np.minimum(rows, 1e30))
    return surfaces.found()
