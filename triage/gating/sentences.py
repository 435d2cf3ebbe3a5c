"""What checks say, in words."""

from __future__ import annotations

import math

from triage.gating.check_keys import Measure
from triage.gating.measures import LOWER_IS_BETTER, UNITS
from triage.vocabulary.learning import GateVerdict


def change(value: float, unit: str) -> str:
    """Return a difference with its sign: percentage points of a proportion or an area."""
    if unit in ("proportion", "area"):
        return f"{100 * value:+.1f}"
    return f"{value:+.3f}"


def amount(value: float, unit: str) -> str:
    """Return a margin without a sign."""
    return change(abs(value), unit).lstrip("+")


def unit_words(unit: str) -> str:
    """Return the unit of a difference as it stands behind a number."""
    return {"proportion": " points", "area": " points"}.get(unit, "")


def interval(value: float, low: float, high: float, unit: str) -> str:
    """Return a difference with its interval."""
    ends = f"[{change(low, unit)}, {change(high, unit)}]"
    return f"{change(value, unit)}{unit_words(unit)} {ends}"


def non_inferiority(
    measure: Measure, verdict: GateVerdict, margin: float, needed: int | None, n_cases: int
) -> str:
    """Return why a non-inferiority check ended as it did, without the numbers of the interval."""
    unit = UNITS.get(measure, "proportion")
    loss = "rise" if measure in LOWER_IS_BETTER else "loss"
    limit = f"a {loss} of {amount(margin, unit)}{unit_words(unit)}"
    if verdict is GateVerdict.PASSES:
        return f"{limit} is excluded"
    if verdict is GateVerdict.FAILS:
        return f"worse, and {limit} is not excluded"
    return f"{limit} is not excluded" + more_cases(needed, n_cases)


def more_cases(needed: int | None, n_cases: int) -> str:
    """Return how many cases it would take; '' where no number is known."""
    if needed is None:
        return ""
    return f"; about {needed} such cases would decide, there are {n_cases}"


def known(value: float) -> float | None:
    """Return a number, None where it is none."""
    return value if math.isfinite(value) else None
