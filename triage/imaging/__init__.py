"""Untrusted files to safe pixels.

Every byte that arrives here is taken as hostile: limits are enforced on headers before any decoder
runs, decoders run in worker processes with limits on memory and time, metadata is dropped, and
whatever is wrong with a file ends in one typed refusal, `triage.errors.ImageRejected`.

`triage.decoding.read_picture` reads photographs and `triage.decoding.read_volume` OCT volumes;
`triage.decoding.inspect` says what a file is, and never raises. What workers do is in `decode` and
`oct.decode`, by the containers (`raster`, `dicom`) and what they hold (`codecs`).
"""

from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.picture import Picture

__all__ = ["DEFAULT_LIMITS", "Limits", "Picture"]
