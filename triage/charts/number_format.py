"""Formatting of numbers in reports, one format per unit."""

from __future__ import annotations

from triage.evaluation.results import Estimate

MISSING = "–"
NO_INTERVAL = "no interval"
_PERCENT, _AREA, _LENGTH, _P_VALUE = "proportion", "area", "um", "p-value"
_WHOLE, _TIME = ("case number", "count"), ("s", "seconds")


def number(value: float | None, unit: str) -> str:
    """Format a value in its unit: percent, tenths of um and s, others with three decimals."""
    if value is None:
        return MISSING
    if unit in _WHOLE:
        return f"{value:.0f}"
    if unit == _P_VALUE:
        return p_value(value)
    if unit in _TIME:
        return f"{value:.1f} s"
    if unit == _LENGTH:
        return f"{value:.1f} µm"
    return f"{100 * value:.1f} %" if unit == _PERCENT else f"{value:.3f}"


def p_value(value: float | None) -> str:
    """Format a p-value with three decimals; one below 0.001 as "< 0.001"."""
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def span(low: float | None, high: float | None, unit: str) -> str:
    """Format an interval; "no interval" if there is none."""
    if low is None or high is None:
        return NO_INTERVAL
    if unit == _PERCENT:
        return f"{100 * low:.1f} to {100 * high:.1f} %"
    if unit == _LENGTH:
        return f"{low:.1f} to {high:.1f} µm"
    if unit in _TIME:
        return f"{low:.1f} to {high:.1f} s"
    return f"{low:.3f} to {high:.3f}"


def interval(estimate: Estimate, unit: str = "") -> str:
    """Format an estimate's interval, in another unit than its own if one is given."""
    return span(estimate.low, estimate.high, unit or estimate.unit)


def signed(value: float) -> str:
    """Format a difference with its sign, with a true minus."""
    return f"{value:+.3f}".replace("-", "−")


def tick(value: float, unit: str) -> str:
    """Format a value on an axis as short as possible."""
    if unit == _PERCENT:
        return f"{round(100 * value, 4):g} %"
    return plain(value)


def plain(value: float) -> str:
    """Format a number as short as possible, with a true minus."""
    return f"{round(value, 6):g}".replace("-", "−")


def ceiling(unit: str) -> float:
    """Largest value a unit allows."""
    return 1.0 if unit in (_PERCENT, _AREA) else float("inf")
