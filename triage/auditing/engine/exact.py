"""Sums of floats that depend neither on their order nor on the number of threads.

Floats are rounded to multiples of a power of two so coarse that every sum of them is exact in 53
bits. For a million values of up to one the multiple is 2^-29, so each is off by at most 1e-9 and
their mean by far less.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.weighted import FloatArray

_SPARE_BITS = 4
"""Resamples may weigh the largest cases up to sixteen times."""


def summable(values: NDArray[Any]) -> FloatArray:
    """Return values [N] rounded so that sums of all of them are exact; booleans as 0 and 1."""
    numbers = np.asarray(values, dtype=np.float64)
    if values.dtype.kind in "bui" or not len(values):
        return numbers
    largest = max(float(numbers.max()), -float(numbers.min()))
    if not 0 < largest < np.inf:
        return numbers
    exponent = int(np.ceil(np.log2(largest) + np.log2(len(numbers)))) + _SPARE_BITS
    unit = 2.0 ** (exponent - 53)
    rounded: FloatArray = np.rint(numbers / unit)
    rounded *= unit
    return rounded
