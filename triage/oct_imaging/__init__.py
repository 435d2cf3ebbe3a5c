"""Retinal OCT volumes from files of scanners, export folders or pictures.

`triage.decoding.read_volume` reads a volume. What a file states about itself (eye, scale, device)
is stored as a claim with its source; if claims contradict each other, the volume is flagged and no
value is assumed. Libraries for vendors' formats are imported only when such a file is opened.
"""

from triage.oct_imaging.volume import Claim, Flag, Localizer, OctVolume, Spacing

__all__ = ["Claim", "Flag", "Localizer", "OctVolume", "Spacing"]
