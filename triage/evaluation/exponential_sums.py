"""Tail probabilities of weighted sums of independent unit exponential variables."""

from __future__ import annotations

import numpy as np
from scipy import optimize

from triage.evaluation.metrics.weighted import FloatArray

_STEP = 0.125
_MOST_NODES = 80
_NEGLIGIBLE = 1e-17


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
    parts = coefficients / (1 - coefficients * point)
    width = 1 / np.sqrt(counts @ parts**2 + 1 / point**2)
    nodes = _nodes(parts, counts, width)
    line = width * np.sinh(nodes)
    turned = parts[:, None] * line
    size, angle = counts @ np.log1p(turned**2) / 2, counts @ np.arctan(turned)
    values = np.exp(1j * angle - size) / (point + 1j * line) * width * np.cosh(nodes)
    values[0] /= 2
    height = np.exp(-(counts @ np.log1p(-coefficients * point)))
    return float(min(max(height * values.real.sum() * _STEP / np.pi, 0.0), 1.0))


def _nodes(parts: FloatArray, counts: FloatArray, width: float) -> FloatArray:
    """Return points up to where the integrand is negligible.

    With d_i the parts and d the largest, the logarithm of its squared size is at most
    -(sum_i d_i^2 / d^2) log(1 + d^2 y^2), since the logarithm is concave.
    """
    largest = np.abs(parts).max()
    equal = counts @ (parts / largest) ** 2
    reach = np.sqrt(np.expm1(-2 * np.log(_NEGLIGIBLE) / equal)) / largest
    last = np.ceil(np.arcsinh(reach / width) / _STEP)
    return np.arange(min(last, _MOST_NODES) + 1) * _STEP
