"""Retinal OCT volumes: a scanner's file, an export folder or pictures become one volume.

`read_volume` is the way in. What a file says of itself (eye, scale, device) is a claim with its
source; where claims disagree the volume is flagged, never guessed. Libraries for vendors' formats
are imported only when such a file is opened.
"""

from triage.oct_imaging.volume import Claim, Flag, Localizer, OctVolume, Spacing

__all__ = ["Claim", "Flag", "Localizer", "OctVolume", "Spacing"]
