"""OCT volumes: B-scans, scale, eye and localizer, without identifying data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Eye = Literal["R", "L"]


class Flag(StrEnum):
    """What is doubtful about a volume; shown to the reader."""

    LATERALITY_CONFLICT = "laterality_conflict"
    LATERALITY_UNKNOWN = "laterality_unknown"
    LATERALITY_UNLIKELY = "laterality_unlikely"
    SPACING_MISSING = "spacing_missing"
    SPACING_CONFLICT = "spacing_conflict"
    ORDER_CONFLICT = "order_conflict"
    BSCANS_MISSING = "bscans_missing"
    SINGLE_BSCAN = "single_bscan"
    UPSIDE_DOWN = "upside_down"
    NOT_MACULAR = "not_macular"

    @property
    def sentence(self) -> str:
        """Description of the flag."""
        return _SENTENCES[self]


_SENTENCES = {
    Flag.LATERALITY_CONFLICT: "The file's statements disagree on which eye this is.",
    Flag.LATERALITY_UNKNOWN: "The file does not state which eye this is.",
    Flag.LATERALITY_UNLIKELY: "The retina's shape suggests the other eye, or a mirrored scan.",
    Flag.SPACING_MISSING: "The file does not give the scale, so nothing is measured in mm.",
    Flag.SPACING_CONFLICT: "The file's statements disagree on the scale.",
    Flag.ORDER_CONFLICT: "The order of the B-scans is contradicted by their positions.",
    Flag.BSCANS_MISSING: "B-scans seem to be missing from the volume.",
    Flag.SINGLE_BSCAN: "There is one B-scan where a volume is expected.",
    Flag.UPSIDE_DOWN: "The scan looks upside down.",
    Flag.NOT_MACULAR: "The scan is not of the macula.",
}


@dataclass(frozen=True)
class Spacing:
    """Distance between neighbouring samples in mm; None if the file does not state it.

    Parameters
    ----------
    bscan : float or None
        Between neighbouring B-scans.
    depth : float or None
        Between pixels of an A-scan (rows of a B-scan), in tissue.
    column : float or None
        Between neighbouring A-scans (columns of a B-scan).
    """

    bscan: float | None = None
    depth: float | None = None
    column: float | None = None

    def __post_init__(self) -> None:
        for name in ("bscan", "depth", "column"):
            value = getattr(self, name)
            # written so that NaN fails
            if value is not None and not 0.0 < value < 10.0:
                raise ValueError(f"{name} spacing of {value} mm")

    @property
    def complete(self) -> tuple[float, float, float] | None:
        """Spacing (bscan, depth, column) in mm, None if any is missing."""
        if self.bscan is None or self.depth is None or self.column is None:
            return None
        return self.bscan, self.depth, self.column


@dataclass(frozen=True)
class Localizer:
    """A fundus image taken with the scan.

    Parameters
    ----------
    pixels : uint8 array [h, w]
    spacing : float or None
        mm per pixel.
    lines : float32 array [S, 2, 2] or None
        Start and end of each B-scan as (x, y) in pixels of the picture.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    spacing: float | None = None
    lines: NDArray[np.float32] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.uint8 or 0 in self.pixels.shape:
            raise ValueError(f"a localizer is uint8 [h, w], not {self.pixels.shape}")
        if self.lines is not None and (self.lines.ndim != 3 or self.lines.shape[1:] != (2, 2)):
            raise ValueError(f"lines must be [S, 2, 2], not {self.lines.shape}")


@dataclass(frozen=True)
class Claim:
    """One statement about a volume and its source.

    Parameters
    ----------
    value : str
        As text, such as `R` or `0.0039 mm`; never anything that identifies a person.
    source : str
        The field, such as `ImageLaterality (0020,0062)`, `sidecar laterality`, `file name`.
    """

    value: str
    source: str


@dataclass(frozen=True)
class OctVolume:
    """One OCT volume of one eye.

    Parameters
    ----------
    bscans : uint8 array [S, H, W]
        B-scans in the order of their position, superior last or first as acquired; row 0 is the
        vitreous side, columns run along the B-scan.
    spacing : Spacing
    laterality : 'R', 'L' or None
        None where unknown or contradicted.
    fixation : str or None
        'macula' or 'disc', if the file states it.
    localizer : Localizer or None
    manufacturer, model : str
        Of the device, '' where unknown; never a serial number.
    surfaces : dict of float32 array [S, W]
        Vendor's layer boundaries by name, in rows from the top, NaN where absent.
    claims : dict of tuple of Claim
        Provenance of every field: the claims on it and the part of the file that makes each.
    flags : tuple of Flag
    kind : str
        Format, such as 'dicom', 'heyex_vol', 'heyex_xml', 'images'.
    sha256 : str
        Hash of the file's bytes, or of names and content of a folder's files.
    """

    bscans: NDArray[np.uint8] = field(repr=False)
    spacing: Spacing
    kind: str
    sha256: str
    laterality: Eye | None = None
    fixation: str | None = None
    localizer: Localizer | None = None
    manufacturer: str = ""
    model: str = ""
    surfaces: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)
    claims: dict[str, tuple[Claim, ...]] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes; raise ValueError on the first violation."""
        if self.bscans.ndim != 3 or 0 in self.bscans.shape or self.bscans.dtype != np.uint8:
            raise ValueError(f"B-scans must be uint8 [S, H, W], not {self.bscans.shape}")
        count, _, width = self.bscans.shape
        for name, surface in self.surfaces.items():
            if surface.shape != (count, width):
                raise ValueError(f"surface {name} has shape {surface.shape}")
        lines = self.localizer.lines if self.localizer else None
        if lines is not None and len(lines) != count:
            raise ValueError(f"{len(lines)} lines on the localizer for {count} B-scans")

    @property
    def device(self) -> str:
        """Manufacturer and model in one string, 'unknown' if neither is known."""
        return " ".join(part for part in (self.manufacturer, self.model) if part) or "unknown"
