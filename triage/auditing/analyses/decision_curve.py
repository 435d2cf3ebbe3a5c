"""Decision curve: net benefit of urgent referral by the predicted probability.

With TP and FP of n cases at threshold t, net benefit is TP/n - FP/n * t/(1-t); of referring every
case, prevalence - (1-prevalence) * t/(1-t); of referring none, 0. Net interventions avoided are the
difference to referring every case, divided by t/(1-t) (Vickers & Elkin 2006).
"""

from __future__ import annotations

import numpy as np

from triage.auditing.analyses.group_sums import FloatArray, GroupSums, every_axis, group_sums
from triage.auditing.analyses.numbers import (
    Name,
    measured_ratio,
    missing_columns,
    named_number,
    unavailable,
)
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import (
    ALL,
    OVERALL,
    Analysis,
    Curve,
    CurvePoint,
    NamedNumber,
)
from triage.evaluation.metrics.weighted import ratio
from triage.vocabulary.clinical import Urgency

KEY, TITLE = "decision_curve", "Decision curve"
SYSTEM, EVERYONE, NO_ONE = "this system", "refer everyone as urgent", "refer no one as urgent"
UNIT = "net benefit"
_N, _URGENT = 0, 1


def decision_curve(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Measure net benefit at the plan's thresholds, of all cases and by level.

    Returns
    -------
    Analysis
        Curves of net benefit; numbers by threshold: `net_benefit_gain` (difference to referring
        everyone) by level, and of all cases `interventions_avoided` of 100 cases.
    """
    reason = missing_columns(
        {"probability of an urgent condition": table.p_urgent, "true urgency": table.true_urgency}
    )
    if reason:
        return unavailable(KEY, TITLE, reason)
    assert table.p_urgent is not None
    assert table.true_urgency is not None
    abstained = np.zeros(len(table), dtype=np.bool_)
    abstained = abstained if table.abstained is None else table.abstained
    where = (table.true_urgency >= 0) & (np.isfinite(table.p_urgent) | abstained)
    if not where.any():
        return unavailable(KEY, TITLE, "no case has a true urgency and a probability")
    urgent = table.true_urgency == Urgency.URGENT.rank
    values = [where, urgent]
    for threshold in plan.thresholds:
        treated = abstained | (table.p_urgent >= np.float32(threshold))
        values += [treated & urgent, treated & ~urgent]
    numbers: list[NamedNumber] = []
    curves: list[Curve] = []
    for axis, levels in every_axis(table):
        sums = group_sums(table, levels, values, where)
        replicates = sums.replicates(plan.intervals)
        for place, level in enumerate(levels.levels):
            if not sums.totals[place, 0]:
                continue
            scope = (axis, level)
            numbers += _numbers(scope, sums, place, replicates, plan)
            curves += _curves(scope, sums.totals[place], plan)
    notes = [
        "A case is referred as urgent where its probability of an urgent condition is at least the "
        "threshold, or where the system gives no opinion.",
        "The system's probability is given that the condition is one that it knows; the curve "
        "needs calibrated probabilities.",
        f"'{NO_ONE}' stands for no AI: every case waits in its ordinary place.",
    ]
    return Analysis(
        key=KEY, title=TITLE, available=True, numbers=numbers, curves=curves,
        x_title="threshold probability of an urgent condition", y_title=UNIT, notes=notes,
    )  # fmt: skip


def net_benefit(
    true_positives: FloatArray, false_positives: FloatArray, n: FloatArray, threshold: float
) -> FloatArray:
    """Net benefit per case; NaN of no case."""
    return ratio(true_positives - false_positives * threshold / (1 - threshold), n)


def _numbers(
    scope: tuple[str, str],
    sums: GroupSums,
    place: int,
    replicates: FloatArray | None,
    plan: AuditPlan,
) -> list[NamedNumber]:
    found = []
    for number, threshold in enumerate(plan.thresholds):
        at = f"threshold {threshold:g}"
        gain = Name("net_benefit_gain", f"net benefit above '{EVERYONE}', {at}", *scope, UNIT)
        rows = [(gain, 1.0)]
        if scope == (OVERALL, ALL):
            title = f"urgent referrals avoided, net of urgent cases missed, {at}"
            avoided = Name("interventions_avoided", title, *scope, "of 100 cases")
            rows.append((avoided, 100 * (1 - threshold) / threshold))
        for name, scale in rows:
            measured = measured_ratio(
                name, sums, place, scale * _gain(number, threshold, sums.n_values), sums.unit(_N),
                n_patients=int(sums.patients[place, _URGENT]), replicates=replicates,
            )  # fmt: skip
            found.append(named_number(name, measured, plan.intervals))
    return found


def _gain(number: int, threshold: float, n_values: int) -> FloatArray:
    """Coefficients of the difference to referring everyone, of `n_values` totals."""
    weight = threshold / (1 - threshold)
    found = np.zeros(n_values)
    found[2 + 2 * number], found[3 + 2 * number] = 1.0, -weight
    found[_N], found[_URGENT] = weight, -(1.0 + weight)
    return found


def _curves(scope: tuple[str, str], total: FloatArray, plan: AuditPlan) -> list[Curve]:
    n, urgent = total[0], total[1]

    def curve(name: str, counts: list[tuple[float, float]]) -> Curve:
        points = [
            CurvePoint(x=at, y=float(net_benefit(np.array(hits), np.array(alarms), n, at)))
            for at, (hits, alarms) in zip(plan.thresholds, counts, strict=True)
        ]
        return Curve(name=name, axis=scope[0], level=scope[1], points=points)

    everyone = [(urgent, n - urgent)] * len(plan.thresholds)
    own = list(zip(total[2::2].tolist(), total[3::2].tolist(), strict=True))
    none = [(0.0, 0.0)] * len(plan.thresholds)
    return [curve(SYSTEM, own), curve(EVERYONE, everyone), curve(NO_ONE, none)]
