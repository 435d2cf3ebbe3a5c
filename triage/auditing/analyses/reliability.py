"""Reliability curves: how often what was predicted at some probability came true, by level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from triage.auditing.analyses.case_flags import known_condition, named_right
from triage.auditing.analyses.group_sums import BoolArray, FloatArray, every_axis
from triage.auditing.analyses.numbers import unavailable
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.auditing.measurement import Analysis, Curve, CurvePoint
from triage.evaluation.proportion_difference import wilson
from triage.vocabulary.clinical import Urgency

KEY, TITLE = "reliability", "Reliability"
BINS = 10
CONFIDENCE, P_URGENT = "confidence", "probability of an urgent condition"


def reliability(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Measure reliability curves of the confidence and of the probability of an urgent condition.

    Returns
    -------
    Analysis
        Curves by kind (their name) and level: mean probability and observed share in each of 10
        equal bins that hold a case, with Wilson's interval.
    """
    kinds = list(_kinds(table))
    if not kinds:
        return unavailable(KEY, TITLE, "the table has no probabilities with a truth beside them")
    quantile = float(stats.norm.isf((1 - plan.intervals.confidence) / 2))
    curves = [
        Curve(name=name, axis=axis, level=levels.levels[place], points=points)
        for axis, levels in every_axis(table)
        for name, probability, true, where in kinds
        for place, points in _by_level(levels, probability, true, where, quantile)
    ]
    return Analysis(
        key=KEY, title=TITLE, available=bool(curves), curves=curves,
        reason="" if curves else "no labelled case has a probability",
        x_title="predicted probability", y_title="observed share",
        notes=[
            "Wilson's intervals count cases, not patients: they show, and judge nothing.",
            "Both kinds are of cases whose condition the system knows.",
        ],
    )  # fmt: skip


def _kinds(table: AuditTable) -> list[tuple[str, FloatArray, BoolArray, BoolArray]]:
    """Name, probability, whether it came true, and the cases that count, of each kind."""
    found = []
    known = known_condition(table)
    if table.probabilities is not None and table.predicted is not None:
        confidence = np.asarray(table.probabilities).max(axis=1).astype(np.float64)
        found.append((CONFIDENCE, confidence, named_right(table), known & np.isfinite(confidence)))
    if table.p_urgent is not None and table.true_urgency is not None:
        probability = table.p_urgent.astype(np.float64)
        where = known & (table.true_urgency >= 0) & np.isfinite(probability)
        found.append((P_URGENT, probability, table.true_urgency == Urgency.URGENT.rank, where))
    return found


def _by_level(
    levels: LevelCodes,
    probability: FloatArray,
    true: BoolArray,
    where: NDArray[np.bool_],
    quantile: float,
) -> list[tuple[int, list[CurvePoint]]]:
    bins = np.minimum((probability[where] * BINS).astype(np.int64), BINS - 1)
    cell = levels.codes[where].astype(np.int64) * BINS + bins
    size = len(levels.levels) * BINS
    n = np.bincount(cell, minlength=size)
    means = np.bincount(cell, probability[where], minlength=size) / np.maximum(n, 1)
    hits = np.bincount(cell, true[where], minlength=size)
    found = []
    for place in range(len(levels.levels)):
        points = []
        for number in range(place * BINS, (place + 1) * BINS):
            if n[number]:
                low, high = wilson(int(hits[number]), int(n[number]), quantile=quantile)
                share = float(hits[number] / n[number])
                points.append(CurvePoint(x=float(means[number]), y=share, low=low, high=high))
        if points:
            found.append((place, points))
    return found
