"""Intervals on a scale on which estimates are nearer to normally distributed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from triage.auditing.intervals.result import Bounds

_MIDDLE = 0.1


@dataclass(frozen=True)
class Scale:
    """The logit between two bounds, the logarithm above one, else the number itself.

    Parameters
    ----------
    low, high : float
        Infinite where there is no bound.
    """

    low: float = -math.inf
    high: float = math.inf

    def to(self, value: float) -> float:
        """Carry a value to the scale; values at or beyond a bound become infinite."""
        if math.isinf(self.low):
            return value
        if math.isinf(self.high):
            return math.log(value - self.low) if value > self.low else -math.inf
        share = (value - self.low) / (self.high - self.low)
        return float(special.logit(min(max(share, 0.0), 1.0)))

    def back(self, value: float) -> float:
        """Carry a number of the scale back."""
        if math.isinf(self.low):
            return value
        if math.isinf(self.high):
            return self.low + math.exp(value)
        return self.low + (self.high - self.low) * float(special.expit(value))

    def slope(self, value: float) -> float:
        """Return the derivative of `to`."""
        if math.isinf(self.low):
            return 1.0
        if math.isinf(self.high):
            return 1 / (value - self.low)
        width = self.high - self.low
        return width / ((value - self.low) * (self.high - value))


def scale_of(bounds: tuple[float, float], value: float) -> Scale:
    """Return the scale of a metric; the plain one where the value lies at a bound."""
    low, high = bounds
    if math.isinf(low) or not low < value < high:
        return Scale()
    return Scale(low, high)


@dataclass(frozen=True)
class Scaled:
    """Student's distribution on a scale, with an error of its own on either side.

    Between and beyond the limits of an interval that was made otherwise, such as the BCa
    bootstrap's, p-values follow Student's distribution whose quantile lies at that limit: the
    way back from an interval to a p-value (Altman & Bland 2011, "How to obtain the P value from a
    confidence interval"), here for each side (derived).

    Parameters
    ----------
    centre, below, above : float
        On the scale: the estimate, and the standard errors towards lower and higher values.
    freedom : float
    scale : Scale
    """

    centre: float
    below: float
    above: float
    freedom: float
    scale: Scale

    def limits(self, confidence: float) -> Bounds:
        """Return the two-sided interval."""
        quantile = student(confidence, self.freedom)
        low, high = self.centre - quantile * self.below, self.centre + quantile * self.above
        return Bounds(self.scale.back(low), self.scale.back(high))

    def p_value(self, bound: float) -> float:
        """Return the two-sided p-value that the true value is `bound`."""
        distance = self.scale.to(bound) - self.centre
        error = self.above if distance > 0 else self.below
        if distance == 0 or math.isinf(error):
            return 1.0
        return float(2 * special.stdtr(self.freedom, -abs(distance) / error))


def scaled_from_limits(
    value: float, limits: Bounds, confidence: float, freedom: float, scale: Scale
) -> Scaled:
    """Return the law whose interval at one confidence is the given one.

    The centre is the estimate, or the nearest point of the middle four fifths of the interval
    where the estimate lies outside these.
    """
    low, high = scale.to(limits.low), scale.to(limits.high)
    centre = scale.to(value)
    if math.isfinite(low) and math.isfinite(high):
        margin = _MIDDLE * (high - low)
        centre = min(max(centre, low + margin), high - margin)
    quantile = student(confidence, freedom)
    return Scaled(centre, (centre - low) / quantile, (high - centre) / quantile, freedom, scale)


def student(confidence: float, freedom: float) -> float:
    """Return the upper quantile of Student's distribution for a two-sided confidence."""
    return -float(special.stdtrit(freedom, (1 - confidence) / 2))
