"""Tail probabilities of weighted sums of independent unit exponential variables."""

from __future__ import annotations

import numpy as np
from scipy import optimize

from triage.evaluation.metrics.weighted import FloatArray

_NODES = np.linspace(0.0, 6.0, 41)
_STEP = _NODES[1]


def probability_above_zero(coefficients: FloatArray, counts: FloatArray) -> float:
    """Return P(sum_i c_i E_i > 0), where each c_i counts as often as stated.

    The inverse Laplace transform of the product of 1 / (1 - c_i s), integrated along a vertical
    line through its saddle point, where the trapezoidal rule converges exponentially
    (Trefethen & Weideman 2014, "The exponentially convergent trapezoidal rule"); small
    probabilities are as exact, relatively, as large ones.

    Parameters
    ----------
    coefficients, counts : float array [K]

    Returns
    -------
    float
        In [0, 1].
    """
    used = (coefficients != 0) & (counts > 0)
    coefficients, counts = coefficients[used], counts[used]
    if len(coefficients) == 0 or coefficients.max() <= 0:
        return 0.0
    if coefficients.min() >= 0:
        return 1.0
    if counts @ coefficients > 0:
        return 1.0 - _smaller_tail(-coefficients, counts)
    return _smaller_tail(coefficients, counts)


def _smaller_tail(coefficients: FloatArray, counts: FloatArray) -> float:
    """Return P(sum > 0) of a sum whose mean is not above zero."""
    coefficients = coefficients / coefficients.max()

    def slope(point: float) -> float:
        return float(counts @ (coefficients / (1 - coefficients * point)) - 1 / point)

    point = optimize.brentq(slope, 1e-12, 1 - 1e-13, xtol=1e-14, rtol=1e-9)
    part = coefficients / (1 - coefficients * point)
    width = 1 / np.sqrt(counts @ part**2 + 1 / point**2)
    line = point + 1j * width * np.sinh(_NODES)
    logs = np.log1p(-coefficients[:, None] * line[None, :])
    values = np.exp(-(counts @ logs)) / line * width * np.cosh(_NODES)
    values[0] /= 2
    return float(min(max(values.real.sum() * _STEP / np.pi, 0.0), 1.0))
