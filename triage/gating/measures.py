"""The measures of the gate, case by case, under both systems."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_table import AuditTable
from triage.gating.check_keys import Measure
from triage.gating.paired_means import CaseGains
from triage.vocabulary.clinical import Urgency

TITLES: dict[Measure, str] = {
    "urgent_sensitivity": "Sensitivity to urgent",
    "accuracy": "Accuracy",
    "recommendation": "Right recommendation",
    "clinical_cost": "Clinical cost",
}
LOWER_IS_BETTER: frozenset[Measure] = frozenset({"clinical_cost"})
UNITS: dict[Measure, str] = {"clinical_cost": "cost"}


def case_gains(
    measure: Measure, champion: AuditTable, challenger: AuditTable, largest_cost: float
) -> CaseGains | str:
    """Return a measure of every case under both systems, or why it cannot be measured.

    - `urgent_sensitivity`: of urgent cases, with known conditions or not, whether the case is
      queued as urgent. A case without an opinion waits as semi-urgent unless the table says
      otherwise, so that abstaining on an urgent case counts as a miss.
    - `accuracy`: of known conditions, whether the condition is named, also beside an abstention.
    - `recommendation`: of all cases, whether the urgency recommended is that of the condition. On
      an unknown condition no opinion is right; on a known one it is wrong.
    - `clinical_cost`: of all cases, the negative cost in the costs of the data spec.
    """
    both = (champion, challenger)
    if measure == "accuracy":
        if any(table.predicted is None for table in both):
            return "a table has no column condition"
        before, after = (same_values(table.predicted, table.truth) for table in both)
        return _gains(before, after, champion.truth >= 0)
    if measure == "clinical_cost":
        if champion.cost is None or challenger.cost is None:
            return "a table lacks what the cost of a case follows from"
        everyone = np.ones(len(champion), dtype=np.bool_)
        ceiling = max(largest_cost, float(champion.cost.max()), float(challenger.cost.max()))
        return CaseGains(-champion.cost, -challenger.cost, everyone, -ceiling, 0.0)
    if any(table.queue_urgency is None for table in both):
        return "a table has no column recommendation"
    if measure == "urgent_sensitivity":
        urgent = same_values(champion.true_urgency, Urgency.URGENT.rank)
        before, after = (same_values(table.queue_urgency, Urgency.URGENT.rank) for table in both)
        return _gains(before, after, urgent)
    before, after = (_right_recommendation(table) for table in both)
    return _gains(before, after, np.ones(len(champion), dtype=np.bool_))


def same_values(column: NDArray[Any] | None, other: NDArray[Any] | int | None) -> NDArray[np.bool_]:
    """Return where a column that is there, bool [N], equals a value or another column."""
    assert column is not None
    assert other is not None
    same: NDArray[np.bool_] = column == other
    return same


def _right_recommendation(table: AuditTable) -> NDArray[np.bool_]:
    assert table.abstained is not None
    same = same_values(table.queue_urgency, table.true_urgency)
    return np.where(table.abstained, table.is_outlier, same)


def _gains(
    before: NDArray[np.bool_], after: NDArray[np.bool_], where: NDArray[np.bool_]
) -> CaseGains:
    return CaseGains(before.astype(np.float64), after.astype(np.float64), where)
