"""HEAL, a measure of health equity: is the system better for groups whose health is worse.

For the levels of an axis with a burden each, R is minus the rank correlation of health outcome and
performance, health outcome being minus the burden. HEAL is the share of patient resamples with
R > 0, so R = 0 counts against the system (Schaekermann et al. 2024, eClinicalMedicine).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from triage.auditing.analyses.case_flags import known_condition, named_right
from triage.auditing.analyses.group_sums import FloatArray, group_sums
from triage.auditing.analyses.numbers import SHARE, missing_columns, unavailable
from triage.auditing.audit_plan import AuditPlan, Axis
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import Analysis, NamedNumber
from triage.evaluation.metrics.weighted import ratio

KEY, TITLE = "heal", "Health equity (HEAL)"
_RIGHT, _ALL = range(2)


@dataclass(frozen=True)
class Heal:
    """HEAL of one axis.

    Parameters
    ----------
    levels : tuple of str, length G
        Levels with a burden and enough patients.
    accuracy : float array [G]
    correlation : float
        R; NaN where it is undefined.
    share : float
        HEAL, 0 to 1.
    n_cases, n_patients : int
    interval : str
        How other samples were drawn.
    """

    levels: tuple[str, ...]
    accuracy: FloatArray
    correlation: float
    share: float
    n_cases: int
    n_patients: int
    interval: str


def heal(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Measure HEAL of every axis with burdens, with accuracy on known conditions as performance.

    Returns
    -------
    Analysis
        By axis `heal`, `heal_correlation` (R) and `heal_groups`; by level `heal_accuracy`.
    """
    axes = [axis for axis in plan.axes if axis.burden and axis.name in table.axes]
    reason = missing_columns({"named condition": table.predicted})
    if not axes:
        reason = "no axis of the plan states the burden of its levels"
    if reason:
        return unavailable(KEY, TITLE, reason)
    numbers: list[NamedNumber] = []
    notes = []
    for axis in axes:
        assert axis.burden is not None
        source = f"{axis.name}: burden from {axis.burden_source}."
        found = heal_of(table, plan, axis)
        if found is None:
            notes.append(f"{source} Fewer than two levels with a burden and enough patients.")
            continue
        numbers += _numbers(axis, found)
        coarse = " With so few groups the value is coarse." if len(found.levels) <= 4 else ""
        notes.append(f"{source} Groups compared: {len(found.levels)}.{coarse}")
    if not numbers:
        return unavailable(KEY, TITLE, " ".join(notes))
    return Analysis(key=KEY, title=TITLE, available=True, numbers=numbers, notes=notes)


def heal_of(table: AuditTable, plan: AuditPlan, axis: Axis) -> Heal | None:
    """Measure HEAL of one axis; None with fewer than two levels with a burden and patients.

    Parameters
    ----------
    table : AuditTable
        With a named condition of each case.
    plan : AuditPlan
    axis : Axis
        With burdens.
    """
    assert axis.burden is not None
    levels, known = table.axes[axis.name], known_condition(table)
    sums = group_sums(table, levels, (named_right(table), known), known)
    counted = [
        place
        for place, level in enumerate(levels.levels)
        if level in axis.burden and sums.patients[place, _ALL] >= plan.intervals.min_patients
    ]
    if len(counted) < 2:
        return None
    burden = np.array([axis.burden[levels.levels[place]] for place in counted])
    drawn, interval = sums.draw(plan.intervals)
    resampled = correlations(burden, _accuracy(drawn[:, counted]))
    accuracy = _accuracy(sums.totals[counted])
    return Heal(
        levels=tuple(levels.levels[place] for place in counted),
        accuracy=accuracy,
        correlation=float(correlations(burden, accuracy[None])[0]),
        share=float(np.mean(resampled > 0)),
        n_cases=int(sums.totals[counted, _ALL].sum()),
        n_patients=int(sums.patients[counted, _ALL].min()),
        interval=interval,
    )


def correlations(burden: FloatArray, performance: FloatArray) -> FloatArray:
    """R of each row: Spearman's correlation of burden and performance, 0 where one is constant.

    Parameters
    ----------
    burden : float array [G]
        Larger = worse.
    performance : float array [B, G]
        Larger = better. A row with NaN has R = NaN.

    Returns
    -------
    float array [B]
    """
    wanted = stats.rankdata(burden)
    ranks = stats.rankdata(performance, axis=1)
    wanted = wanted - wanted.mean()
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    size = np.sqrt((wanted**2).sum() * (ranks**2).sum(axis=1))
    products = ranks @ wanted
    found: FloatArray = np.where(size > 0, products / np.where(size > 0, size, 1.0), 0.0)
    return np.where(np.isnan(performance).any(axis=1), np.nan, found)


def _accuracy(totals: FloatArray) -> FloatArray:
    return ratio(totals[..., _RIGHT], totals[..., _ALL])


def _numbers(axis: Axis, found: Heal) -> list[NamedNumber]:
    assert axis.burden is not None
    common = {"axis": axis.name, "n": found.n_cases, "n_patients": found.n_patients}
    rows: list[NamedNumber] = [
        NamedNumber.model_validate(common | own)
        for own in (
            {"key": "heal", "title": "HEAL", "value": found.share, "unit": SHARE,
             "note": f"share of resamples with R > 0 ({found.interval})"},
            {"key": "heal_correlation", "title": "R", "value": found.correlation,
             "unit": "correlation"},
            {"key": "heal_groups", "title": "groups compared", "value": len(found.levels),
             "unit": "count"},
        )
    ]  # fmt: skip
    for level, accuracy in zip(found.levels, found.accuracy.tolist(), strict=True):
        rows.append(
            NamedNumber(
                key="heal_accuracy",
                title="accuracy on known conditions",
                axis=axis.name,
                level=level,
                value=accuracy,
                note=f"burden {axis.burden[level]:g}",
            )
        )
    return rows
