"""Limit on the samples decoded by codecs that need much memory for each sample."""

from __future__ import annotations

from triage.errors import ImageRejected, RejectReason

MAX_SAMPLES = 96_000_000
"""OpenJPEG and GDCM take five to seven bytes a sample while they decode, and where there is no
memory for that, they call the data damaged. With these, a worker's memory is enough."""


def check_samples(rows: int, columns: int, components: int) -> None:
    """Refuse a picture with too many samples for these codecs.

    Raises
    ------
    ImageRejected
        With `RejectReason.TOO_MANY_PIXELS`.
    """
    if rows * columns * components > MAX_SAMPLES:
        raise ImageRejected(
            RejectReason.TOO_MANY_PIXELS,
            f"{rows} x {columns} x {components} samples are more than the {MAX_SAMPLES} that are "
            "read of this coding.",
            hint="Export the picture smaller, or in another transfer syntax.",
        )
