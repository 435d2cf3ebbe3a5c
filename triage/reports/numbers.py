"""How numbers are written in a report: one way for each unit."""

from __future__ import annotations

from triage.evaluation.results import Estimate

MISSING = "–"
_PERCENT, _AREA = "proportion", "area"


def number(value: float | None, unit: str) -> str:
    """Write a value in its unit: proportions as percent, the rest with three decimals."""
    if value is None:
        return MISSING
    return f"{100 * value:.1f} %" if unit == _PERCENT else f"{value:.3f}"


def span(low: float | None, high: float | None, unit: str) -> str:
    """Write an interval, "no interval" where there is none."""
    if low is None or high is None:
        return "no interval"
    if unit == _PERCENT:
        return f"{100 * low:.1f} to {100 * high:.1f} %"
    return f"{low:.3f} to {high:.3f}"


def interval(estimate: Estimate) -> str:
    """Write an estimate's interval, "no interval" where there is none."""
    return span(estimate.low, estimate.high, estimate.unit)


def signed(value: float) -> str:
    """Write a difference with its sign, a true minus."""
    return f"{value:+.3f}".replace("-", "−")


def tick(value: float, unit: str) -> str:
    """Write a value on an axis, as short as it can be."""
    if unit == _PERCENT:
        return f"{round(100 * value, 4):g} %"
    return f"{round(value, 6):g}"


def ceiling(unit: str) -> float:
    """Largest value a unit allows."""
    return 1.0 if unit in (_PERCENT, _AREA) else float("inf")
