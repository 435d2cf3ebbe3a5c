"""The cases of an audited table as metrics read them: all of them, or those of a level."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import MISSING, AuditTable
from triage.data.spec import OutcomeCosts
from triage.evaluation.metrics.cases import BoolColumn, Column, ScoreSteps, distinct_steps

N_BINS = 2048
MOST_DISTINCT = 50_000
"""In tables with more cases, sets of more than `N_BINS` cases are ranked by bins of the score."""
_CHUNK = 2**18
_DEFAULT_LARGEST: float = max(OutcomeCosts().model_dump().values())


@dataclass(frozen=True)
class AuditCases:
    """N cases of an audited table; satisfies `Cases` and `ReadCases` as far as there are columns.

    Made by `audit_cases`. Columns are as in `AuditTable`; `bins` holds the bin of each case by
    score, highest first, for tables with more than `MOST_DISTINCT` cases.
    """

    classes: tuple[str, ...]
    cost_ceiling: float
    truth: NDArray[np.int16]
    cluster: NDArray[np.int32]
    predicted: NDArray[np.int16] | None
    correct: BoolColumn
    probabilities: NDArray[np.float32] | None
    confidence: NDArray[np.float32] | None
    p_truth: NDArray[np.float32] | None
    squared_error: NDArray[np.float32] | None
    ood_score: NDArray[np.float64] | None
    abstained: BoolColumn | None
    cost: NDArray[np.float64] | None
    true_urgency: NDArray[np.int8] | None
    queue_urgency: NDArray[np.int8] | None
    p_urgent: NDArray[np.float32] | None
    first_right: NDArray[np.int8] | None
    final_right: NDArray[np.int8] | None
    first_urgency: NDArray[np.int8] | None
    final_urgency: NDArray[np.int8] | None
    seconds: NDArray[np.float32] | None
    ai_shown: NDArray[np.int8] | None
    bins: dict[str, NDArray[np.int16]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def labelled(self) -> BoolColumn:
        """Whether the true condition of each case is known, bool [N]."""
        found: BoolColumn = self.truth >= MISSING
        return found

    @property
    def is_inlier(self) -> BoolColumn:
        """Whether each case is of one of the classes, bool [N]."""
        found: BoolColumn = self.truth >= 0
        return found

    @property
    def is_outlier(self) -> BoolColumn:
        """Whether each case is out-of-distribution, bool [N]."""
        found: BoolColumn = self.truth == MISSING
        return found

    @property
    def named(self) -> BoolColumn:
        """Whether the system named a class, bool [N]."""
        assert self.predicted is not None
        found: BoolColumn = self.predicted != MISSING
        return found

    @property
    def shown(self) -> BoolColumn:
        """Whether the person was shown the system's output; true where that is not recorded."""
        if self.ai_shown is None:
            return np.ones(len(self), dtype=np.bool_)
        found: BoolColumn = self.ai_shown == 1
        return found

    def probability(self, label: int) -> Column:
        """Return the probability of one class, float32 [N]."""
        assert self.probabilities is not None
        return self.probabilities[:, label]

    def steps(self, score: str) -> ScoreSteps:
        """Return the steps of a score: its distinct values, or bins in large tables."""
        codes = self.bins.get(score)
        if codes is None or len(codes) <= N_BINS:
            return distinct_steps(getattr(self, score))
        present = np.bincount(codes, minlength=N_BINS) > 0
        place = np.cumsum(present) - 1
        return ScoreSteps(place[codes], int(present.sum()), binned=True)

    def take(self, rows: NDArray[np.int64]) -> AuditCases:
        """Return the cases at some places."""
        changed: dict[str, Any] = {
            each.name: value[rows]
            for each in fields(self)
            if isinstance(value := getattr(self, each.name), np.ndarray)
        }
        changed["bins"] = {name: codes[rows] for name, codes in self.bins.items()}
        return replace(self, **changed)


def audit_cases(table: AuditTable, plan: AuditPlan) -> AuditCases:
    """Return the cases of a table with what metrics need of each of them."""
    derived = _of_probabilities(table)
    predicted = derived.pop("predicted")
    correct = np.zeros(len(table), dtype=np.bool_)
    if predicted is not None:
        correct = (predicted == table.truth) & (table.truth >= 0)
    scores = {"ood_score": table.ood_score, "p_urgent": table.p_urgent}
    large = len(table) > MOST_DISTINCT
    return AuditCases(
        classes=table.classes,
        cost_ceiling=_ceiling(table, plan),
        truth=table.truth,
        cluster=table.cluster,
        predicted=predicted,
        correct=correct,
        probabilities=table.probabilities,
        ood_score=table.ood_score,
        abstained=table.abstained,
        cost=table.cost,
        true_urgency=table.true_urgency,
        queue_urgency=table.queue_urgency,
        p_urgent=table.p_urgent,
        first_right=table.first_right,
        final_right=table.final_right,
        first_urgency=table.first_urgency,
        final_urgency=table.final_urgency,
        seconds=table.seconds,
        ai_shown=table.ai_shown,
        bins={name: _bins(x) for name, x in scores.items() if large and x is not None},
        **derived,
    )


def _ceiling(table: AuditTable, plan: AuditPlan) -> float:
    """Return the plan's largest cost, or else the largest seen or that of the default matrix."""
    if plan.largest_cost is not None:
        return plan.largest_cost
    seen = 0.0 if table.cost is None else float(np.nanmax(table.cost, initial=0.0))
    return max(_DEFAULT_LARGEST, seen)


def _of_probabilities(table: AuditTable) -> dict[str, Any]:
    """Return what is made from the matrix of probabilities, in pieces that fit into memory."""
    names = ("confidence", "p_truth", "squared_error")
    if table.probabilities is None:
        return dict.fromkeys(names) | {"predicted": table.predicted}
    n = len(table)
    found = {name: np.empty(n, dtype=np.float32) for name in names}
    predicted = np.empty(n, dtype=np.int16)
    for start in range(0, n, _CHUNK):
        here = slice(start, start + _CHUNK)
        p, truth = table.probabilities[here].astype(np.float64), table.truth[here]
        inlier, rows = truth >= 0, np.arange(len(truth))
        of_truth = p[rows, np.where(inlier, truth, 0)]
        predicted[here] = p.argmax(axis=1)
        found["confidence"][here] = p.max(axis=1)
        found["p_truth"][here] = of_truth
        found["squared_error"][here] = (p**2).sum(axis=1) - 2 * of_truth + 1
    return found | {"predicted": predicted if table.predicted is None else table.predicted}


def _bins(score: Column) -> NDArray[np.int16]:
    """Return the bin of each case among `N_BINS` of equally many cases, highest scores first."""
    ranked = np.sort(score)
    edges = np.unique(ranked[np.arange(1, N_BINS) * len(ranked) // N_BINS])
    above = np.searchsorted(edges, score, side="right")
    return (len(edges) - above).astype(np.int16)
