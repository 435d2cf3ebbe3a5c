"""Reading one photograph of a known kind, and being refused one."""

from __future__ import annotations

import numpy as np
import pytest

from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.raster.raster_formats import raster_kind
from triage.imaging.raster.read import read_raster


def read(data: bytes, kind: str, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """Frames of a file that is of this kind by its content."""
    assert raster_kind(data[:64]) == kind
    return read_raster(data, kind, limits)[0]


def refused(data: bytes, kind: str, limits: Limits = DEFAULT_LIMITS) -> RejectReason:
    """Why a file is refused; every refusal says what to do."""
    with pytest.raises(ImageRejected) as refusal:
        read_raster(data, kind, limits)
    assert refusal.value.hint
    return refusal.value.reason
