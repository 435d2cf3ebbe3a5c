"""Decoding of untrusted image files to pixels.

Every file is treated as hostile: limits are checked on headers before any decoder runs, decoders
run in worker processes with limits on memory and time, metadata is dropped, and every invalid file
raises `triage.errors.ImageRejected`.

`triage.decoding.read_picture` reads photographs and `triage.decoding.read_volume` OCT volumes;
`triage.decoding.inspect_file` reports the format and size of a file and never raises. Workers run
`decode` and `triage.oct_imaging.decode`, which use the readers of containers (`raster`, `dicom`)
and of coded pixels (`triage.codecs`).
"""

from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.picture import Picture

__all__ = ["DEFAULT_LIMITS", "Limits", "Picture"]
