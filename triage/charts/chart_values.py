"""Values of control charts as text: shares in percent, other units as they are named."""

from __future__ import annotations

from triage.charts.number_format import MISSING

SHARE = "proportion"
"""Unit of shares, which are shown in percent; other units are written behind the number."""


def shown_value(value: float | None, unit: str) -> str:
    """Return a value: `4.0 %` of a share, else three significant digits and the unit."""
    if value is None:
        return MISSING
    if unit == SHARE:
        return f"{_minus(f'{100 * value:.1f}')} %"
    return f"{_digits(value)} {unit}".rstrip()


def shown_interval(low: float, high: float, unit: str) -> str:
    """Return the two ends of an interval: `2.0 to 7.1 %`."""
    if unit == SHARE:
        return f"{_minus(f'{100 * low:.1f}')} to {_minus(f'{100 * high:.1f}')} %"
    return f"{_digits(low)} to {_digits(high)}"


def shown_tick(value: float, unit: str) -> str:
    """Return a number on an axis, as short as possible; the unit stands at the axis."""
    return _minus(f"{round(100 * value, 4) + 0.0:g}" if unit == SHARE else f"{value:.6g}")


def axis_unit(unit: str) -> str:
    """Return the unit as it stands at an axis."""
    return "%" if unit == SHARE else unit


def percent_only(unit: str) -> str:
    """Return the unit of shares, and none for others: for numbers beside one that has it."""
    return unit if unit == SHARE else ""


def _digits(value: float) -> str:
    return _minus(f"{value:.3g}")


def _minus(text: str) -> str:
    return text.replace("-", "−")
