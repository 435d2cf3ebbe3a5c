"""Untrusted files to safe pixels.

Every byte that reaches this room is taken as hostile: limits are enforced on
headers before any decoder runs, metadata is dropped, and whatever is wrong
with a file ends in one typed refusal, `triage.errors.ImageRejected`. The way
in is `triage.imaging.read.read_picture`; `triage.imaging.inspect.inspect_file`
says what a file is, and never raises.
"""

from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.picture import Picture

__all__ = ["DEFAULT_LIMITS", "Limits", "Picture"]
