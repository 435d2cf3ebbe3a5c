"""Metrics of the measuring engine on the same cases under both systems, and their difference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from triage.auditing.audit_plan import AuditPlan, IntervalSettings
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.measure import measure_scope
from triage.auditing.engine.scope import Scopes
from triage.auditing.intervals.choice import interval_of, patient_variance
from triage.auditing.intervals.paired import paired_difference_of
from triage.auditing.measured import Measured
from triage.auditing.metric_columns import METRIC_COLUMNS, Column, columns_of
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS

_MOST = 10**9
_NOTHING = 1e-9


@dataclass(frozen=True)
class PairedMetric:
    """A metric of both systems and its difference, challenger less champion.

    Parameters
    ----------
    champion, challenger, value : float
    low, high : float or None
        Two-sided; None where there are too few patients or the value is undefined.
    own_low, own_high : float or None
        Of the challenger's value itself.
    variance : float
        Of the difference, over patients.
    unit : str
    larger_is_better : bool or None
    n_cases, n_patients : int
    """

    champion: float
    challenger: float
    value: float
    low: float | None
    high: float | None
    own_low: float | None
    own_high: float | None
    variance: float
    unit: str
    larger_is_better: bool | None
    n_cases: int
    n_patients: int


def lacking(champion: AuditTable, challenger: AuditTable, key: str) -> str:
    """Return which column a table lacks for a metric; '' where both have all."""
    names = {Column.OUTLIERS: "case of an unknown condition"}
    for table in (champion, challenger):
        for column in sorted(METRIC_COLUMNS[key] - columns_of(table)):
            return f"a table has no {names.get(column, f'column of {column.value}')}"
    return ""


def paired_metrics(
    champion: AuditTable,
    challenger: AuditTable,
    plan: AuditPlan,
    keys: list[str],
    *,
    confidence: float,
    min_patients: int,
    prevalence: float | None = None,
) -> dict[str, PairedMetric]:
    """Measure metrics on all cases of both tables.

    Bounded means have Gaffke's interval of the paired difference, others that of their influence
    functions over patients.

    Parameters
    ----------
    champion, challenger : AuditTable
        The same cases in the same order, with the columns of the metrics.
    plan : AuditPlan
    keys : list of str
    confidence : float
        Two-sided.
    min_patients : int
        With fewer of a kind that a metric needs there is no interval.
    prevalence : float, optional
        Share of outliers that metrics of all cases are given for.
    """
    if not keys:
        return {}
    metrics = [AUDIT_METRICS[key] for key in keys]
    settings = IntervalSettings(
        confidence=confidence, min_patients=min_patients, max_bootstrap_patients=100
    )
    both = []
    for table in (champion, challenger):
        scopes = Scopes(table, plan)
        found = measure_scope(scopes.overall(), metrics, settings, prevalence)
        both.append([_in_order(each, scopes) for each in found])
    exact = settings.model_copy(update={"max_bootstrap_patients": _MOST})
    return {key: _paired(a, b, exact) for key, a, b in zip(keys, *both, strict=True)}


def _in_order(measured: Measured, scopes: Scopes) -> Measured:
    """Put patients back into the order of the table, which both systems share."""
    place = scopes.number
    parts = [measured.sums, measured.sizes]
    sums, sizes = (None if part is None else part[place] for part in parts)
    return replace(
        measured, patients=np.arange(len(place), dtype=np.int32), sums=sums, sizes=sizes,
        influence=measured.influence[place], replicates=None,
    )  # fmt: skip


def _paired(a: Measured, b: Measured, settings: IntervalSettings) -> PairedMetric:
    difference = paired_difference_of(a, b)
    found, own = interval_of(difference, settings), interval_of(b, settings)
    low, high = found.low, found.high
    if low is not None and high is not None and difference.sums is None:
        low, high = _with_unseen(difference, low, high, settings.confidence)
    return PairedMetric(
        champion=a.value, challenger=b.value, value=difference.value, low=low, high=high,
        own_low=own.low, own_high=own.high,
        variance=patient_variance(difference), unit=a.unit, larger_is_better=a.larger_is_better,
        n_cases=a.n, n_patients=min(a.n_patients, b.n_patients),
    )  # fmt: skip


def _with_unseen(
    difference: Measured, low: float, high: float, confidence: float
) -> tuple[float, float]:
    """Return an interval that has at least the width of what may differ unseen.

    A patient of the scarcest kind moves a metric between 0 and 1 by no more than one over their
    number, and as many as the upper Clopper-Pearson bound of none may differ although none of those
    seen does. Where nothing varied the interval is this alone: systems with the same scores are
    not as uncertain as a share of one half.
    """
    unseen = 1 - ((1 - confidence) / 2) ** (1 / max(difference.n_patients, 1))
    if patient_variance(difference) <= _NOTHING**2:
        low = high = difference.value
    return min(low, difference.value - unseen), max(high, difference.value + unseen)
