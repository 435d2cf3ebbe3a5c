"""Which columns of a table each metric is computed from, so that none is made up."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from triage.auditing.audit_table import AuditTable
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS


class Column(StrEnum):
    """What a table may hold beyond the label.

    The first six are arguments of `triage.audit`; the others are those of `AuditTable`.
    """

    OUTLIERS = "outliers"
    OOD_SCORE = "ood_score"
    ABSTAINED = "abstained"
    COST = "cost"
    TRUE_URGENCY = "true_urgency"
    QUEUE_URGENCY = "queue_urgency"
    PREDICTED = "predicted"
    PROBABILITIES = "probabilities"
    P_URGENT = "p_urgent"
    FIRST_RIGHT = "first_right"
    FINAL_RIGHT = "final_right"
    FINAL_URGENCY = "final_urgency"
    SECONDS = "seconds"


_P, _NAMED = Column.PROBABILITIES, Column.PREDICTED
_URGENCIES = (Column.TRUE_URGENCY, Column.QUEUE_URGENCY)
_OF_BOTH_KINDS = (Column.OOD_SCORE, Column.OUTLIERS)
_READS = (Column.FIRST_RIGHT, Column.FINAL_RIGHT)

_COLUMNS: dict[str, tuple[Column, ...]] = {
    "accuracy": (_NAMED,),
    "balanced_accuracy": (_NAMED,),
    "ood_auroc": _OF_BOTH_KINDS,
    "ood_aupr": _OF_BOTH_KINDS,
    "ood_fpr95": _OF_BOTH_KINDS,
    "ece": (_P,),
    "ece_equal_mass": (_P,),
    "classwise_ece": (_P,),
    "adaptive_ece": (_P,),
    "nll": (_P,),
    "brier": (_P,),
    "brier_reliability": (_P,),
    "brier_resolution": (_P,),
    "brier_uncertainty": (_P,),
    "clinical_cost": (Column.COST,),
    "abstention_rate": (Column.ABSTAINED,),
    "coverage": (Column.ABSTAINED,),
    "selective_accuracy": (_NAMED, Column.ABSTAINED),
    "selective_risk": (_NAMED, Column.ABSTAINED),
    "aurc": (_NAMED, Column.OOD_SCORE),
    "e_aurc": (_NAMED, Column.OOD_SCORE),
    "aurc_gain": (_NAMED, Column.OOD_SCORE),
    "outlier_abstention_rate": (Column.ABSTAINED, Column.OUTLIERS),
    "under_triage_rate": _URGENCIES,
    "over_triage_rate": _URGENCIES,
    "abstained_under_triage_rate": (*_URGENCIES, Column.ABSTAINED),
    "urgent_at_observation_rate": _URGENCIES,
    "sensitivity_urgent": _URGENCIES,
    "specificity_urgent": _URGENCIES,
    "sensitivity_semi_urgent": _URGENCIES,
    "specificity_semi_urgent": _URGENCIES,
    "sensitivity_routine": _URGENCIES,
    "specificity_routine": _URGENCIES,
    "auroc_urgent": (Column.TRUE_URGENCY, Column.P_URGENT),
    "calibration_slope": (_P,),
    "calibration_intercept": (_P,),
    "first_read_accuracy": (Column.FIRST_RIGHT,),
    "final_accuracy": (Column.FINAL_RIGHT,),
    "team_gain": _READS,
    "helpful_switch_rate": _READS,
    "harmful_switch_rate": _READS,
    "final_sensitivity_urgent": (Column.TRUE_URGENCY, Column.FINAL_URGENCY),
    "abstention_under_call_rate": (
        Column.TRUE_URGENCY, Column.FINAL_URGENCY, Column.ABSTAINED,
    ),
    "mean_seconds": (Column.SECONDS,),
}  # fmt: skip

METRIC_COLUMNS: dict[str, frozenset[Column]] = {
    key: frozenset(columns) for key, columns in _COLUMNS.items()
}
"""Columns that each metric reads beyond the label."""


def columns_of(table: AuditTable) -> set[Column]:
    """Return the columns that a table has."""
    given: set[Column] = {
        each for each in Column if each is not Column.OUTLIERS and getattr(table, each) is not None
    }
    if table.probabilities is not None:
        given.add(Column.PREDICTED)
    return given | {Column.OUTLIERS} if table.is_outlier.any() else given


def measurable(given: Collection[Column]) -> list[str]:
    """Return the keys of the metrics whose columns are all given, in the order of tables."""
    return [key for key in AUDIT_METRICS if METRIC_COLUMNS[key] <= {*given}]
