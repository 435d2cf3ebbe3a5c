"""Unverified content of a volume as read from a file.

A reader stores the pixels as stored in the file and, for each field, every claim it found with its
source. `triage.oct_imaging.claims.finish` resolves the claims.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.oct_imaging.volume import Claim, Flag, Localizer


@dataclass(frozen=True)
class Part:
    """Position of a file in a DICOM concatenation (PS3.3 C.7.6.16.2.2.4).

    Parameters
    ----------
    concatenation : str
        ConcatenationUID, '' where it is not given. Never leaves the reader.
    number : int or None
        InConcatenationNumber, from 1.
    total : int or None
        InConcatenationTotalNumber.
    offset : int or None
        ConcatenationFrameOffsetNumber: frames in the parts before this one.
    """

    concatenation: str
    number: int | None
    total: int | None
    offset: int | None

    @property
    def is_whole(self) -> bool | None:
        """Whether this part is the whole volume; None if unknown."""
        if self.total is not None:
            return self.total == 1
        return False if (self.number or 1) > 1 or (self.offset or 0) > 0 else None


@dataclass
class Draft:
    """One volume as read from a file; it holds nothing that identifies a person.

    Parameters
    ----------
    bscans : uint8, uint16 or float array [S, H, W]
        In the order of the file; row 0 is the vitreous side if the format defines it. uint8 is
        taken as it is, the rest is scaled to 8 bits by `finish`. A format whose numbers are not
        linear in what a person is shown is transformed by its reader.
    kind : str
        Format, such as 'dicom', 'heyex_vol', 'heyex_xml', 'images', 'npz'.
    sha256 : str
        Hash of the file's bytes, or of names and content of a folder's files.
    claims : dict of list of Claim
        Statements by field, the most trusted first. Fields: 'laterality' (R, L, OD, OS, right,
        left), 'bscan_spacing', 'depth_spacing', 'column_spacing' (a number in mm, as text),
        'fixation' (macula, disc), 'manufacturer', 'model'. See `claim`.
    localizer : Localizer or None
        With its lines, if the format gives them on the picture.
    positions : float array [S, 2, 2] or None
        Start and end of each B-scan as (x, y) in one plane, in any unit: only their order is
        used. Lines of the localizer are used where this is None.
    surfaces : dict of float32 array [S, W]
        Vendor's boundaries in rows from the top, NaN where absent.
    flags : list of Flag
        Flags set by the reader itself.
    part : Part or None
        Which part of a larger object the file is, if it states that it is one.
    announced : frozenset of int
        How many images DICOM headers state. Some devices count files, others
        B-scans; see `lacks_images`.
    """

    bscans: NDArray[Any] = field(repr=False)
    kind: str
    sha256: str
    claims: dict[str, list[Claim]] = field(default_factory=dict)
    localizer: Localizer | None = None
    positions: NDArray[np.floating] | None = field(default=None, repr=False)
    surfaces: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)
    flags: list[Flag] = field(default_factory=list)
    part: Part | None = None
    announced: frozenset[int] = frozenset()

    def lacks_images(self, files: int, pictures: int = 0) -> bool:
        """Return whether headers state more images than there are, by either count.

        Parameters
        ----------
        files : int
            Files that hold the B-scans.
        pictures : int
            Pictures of the fundus in the same series, which a device may count too.
        """
        bscans = len(self.bscans)
        return any(
            number > files + pictures and number not in (bscans, bscans + pictures)
            for number in self.announced
        )

    def claim(self, name: str, value: object, source: str) -> None:
        """Add a claim of the file; None and blank text are ignored."""
        text = "" if value is None else str(value).strip()
        if text:
            self.claims.setdefault(name, []).append(Claim(text, source))
