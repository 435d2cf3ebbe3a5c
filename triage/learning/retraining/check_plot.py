"""Small plots of differences between two systems, with interval and margin."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from triage.charts.svg import line, picture, tag

_WIDTH, _HEIGHT, _EDGE = 170.0, 20.0, 6.0
_WIDEST, _NARROWEST = 0.5, 0.05
_SHARES = ("proportion", "area")
_RISES = ("clinical_cost", "adaptive_ece", "near_ood_fpr95", "far_ood_fpr95", "negative_flips")
"""Checks whose margin is a rise; of the others it is a fall."""
_EITHER_WAY = "coverage"


def range_of(ends: Sequence[float | None]) -> float:
    """Return how far plots of shares reach on both sides of zero, so that they can be compared.

    It is rounded up to 5 points, and at most 50.
    """
    known = [abs(end) for end in ends if end is not None]
    widest = max(known, default=_NARROWEST)
    steps = -(-widest // 0.05)
    return min(max(0.05 * steps, _NARROWEST), _WIDEST)


def difference_plot(
    key: str,
    check: str,
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    unit: str,
    reach: float,
    margin: float | None = None,
) -> Markup:
    """Return the plot of a difference of shares; empty for other units.

    What lies beyond the edge is cut off there.

    Parameters
    ----------
    key : str
        Unique on the page.
    check : str
        Decides on which side of zero its margin is.
    value, low, high : float or None
    unit : str
    reach : float
        Of `range_of`.
    margin : float, optional
    """
    if unit not in _SHARES or value is None:
        return Markup("")
    middle = _HEIGHT / 2
    marks = [line(_at(0, reach), 1, _at(0, reach), _HEIGHT - 1, "axis")]
    known = 0.0 if margin is None or margin > reach else margin
    for side in _sides(check) if known else ():
        here = _at(side * known, reach)
        marks.append(line(here, 2, here, _HEIGHT - 2, "reference"))
    if low is not None and high is not None:
        marks.append(line(_at(low, reach), middle, _at(high, reach), middle, "whisker"))
    weak = "" if low is not None and high is not None else " weak"
    if abs(value) <= reach:
        marks.append(tag("circle", cx=_at(value, reach), cy=middle, r=4, class_=f"dot{weak}"))
    told = f"{100 * value:+.1f} points"
    if low is not None and high is not None:
        told += f", interval {100 * low:+.1f} to {100 * high:+.1f}"
    return picture(key, f"{check}: difference", told, _WIDTH, _HEIGHT, *marks)


def _at(value: float, reach: float) -> float:
    clipped = min(max(value, -reach), reach)
    return _EDGE + (clipped + reach) / (2 * reach) * (_WIDTH - 2 * _EDGE)


def _sides(check: str) -> tuple[int, ...]:
    if check == _EITHER_WAY:
        return (-1, 1)
    return (1,) if check.removeprefix("worst_") in _RISES else (-1,)
