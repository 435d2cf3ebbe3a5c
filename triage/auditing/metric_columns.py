"""Which columns of a table each metric is computed from, so that none is made up."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from triage.evaluation.metrics import METRICS


class Column(StrEnum):
    """What a table may hold beyond the label and the probabilities; an argument of `audit`."""

    OUTLIERS = "outliers"
    OOD_SCORE = "ood_score"
    ABSTAINED = "abstained"
    COST = "cost"
    TRUE_URGENCY = "true_urgency"
    QUEUE_URGENCY = "queue_urgency"


_URGENCIES = (Column.TRUE_URGENCY, Column.QUEUE_URGENCY)
_OF_BOTH_KINDS = (Column.OOD_SCORE, Column.OUTLIERS)

METRIC_COLUMNS: dict[str, frozenset[Column]] = {
    "accuracy": frozenset(),
    "balanced_accuracy": frozenset(),
    "ood_auroc": frozenset(_OF_BOTH_KINDS),
    "ood_aupr": frozenset(_OF_BOTH_KINDS),
    "ood_fpr95": frozenset(_OF_BOTH_KINDS),
    "ece": frozenset(),
    "ece_equal_mass": frozenset(),
    "classwise_ece": frozenset(),
    "adaptive_ece": frozenset(),
    "nll": frozenset(),
    "brier": frozenset(),
    "brier_reliability": frozenset(),
    "brier_resolution": frozenset(),
    "brier_uncertainty": frozenset(),
    "clinical_cost": frozenset((Column.COST,)),
    "abstention_rate": frozenset((Column.ABSTAINED,)),
    "coverage": frozenset((Column.ABSTAINED,)),
    "selective_accuracy": frozenset((Column.ABSTAINED,)),
    "selective_risk": frozenset((Column.ABSTAINED,)),
    "aurc": frozenset((Column.OOD_SCORE,)),
    "e_aurc": frozenset((Column.OOD_SCORE,)),
    "aurc_gain": frozenset((Column.OOD_SCORE,)),
    "outlier_abstention_rate": frozenset((Column.ABSTAINED, Column.OUTLIERS)),
    "under_triage_rate": frozenset(_URGENCIES),
    "over_triage_rate": frozenset(_URGENCIES),
    "abstained_under_triage_rate": frozenset((*_URGENCIES, Column.ABSTAINED)),
    "urgent_at_observation_rate": frozenset(_URGENCIES),
}
"""Columns that each metric reads beyond the label and the probabilities."""


def measurable(given: Collection[Column]) -> list[str]:
    """Return the keys of the metrics whose columns are all given, in the order of tables."""
    return [key for key in METRICS if METRIC_COLUMNS[key] <= {*given}]
