"""Measure an audit: a table of cases and a plan to everything that the report says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from triage.auditing.audit_plan import AuditPlan, Limit
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import (
    ALL,
    OVERALL,
    AuditEstimate,
    AuditFinding,
    AuditMeasurement,
    LevelSummary,
)
from triage.evaluation.evaluate import evaluate
from triage.evaluation.metrics import METRICS
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.results import Estimate
from triage.progress import Progress
from triage.vocabulary.verdicts import Verdict

# PLACEHOLDER of the skeleton: it measures through `evaluate`, which is slow on large tables, and
# corrects nothing. The engine replaces it; signature and result stay.


def measure_audit(
    table: AuditTable,
    plan: AuditPlan,
    *,
    progress: Progress = lambda *_: None,
    folder: Path | None = None,
) -> AuditMeasurement:
    """Measure every metric, analysis and comparison of a plan.

    Parameters
    ----------
    table : AuditTable
    plan : AuditPlan
    progress : callable
        Called with a stage, how much of it is done, and its total.
    folder : Path, optional
        Where finished parts are kept, so that an interrupted run goes on from there; parts of
        another plan or other data are not used.

    Returns
    -------
    AuditMeasurement
        The same for the same table and plan.
    """
    found = evaluate(
        _outcomes(table), n_resamples=plan.intervals.replicates, seed=plan.intervals.seed,
        metrics=["accuracy", "balanced_accuracy", "ece", "brier"], progress=progress,
    )  # fmt: skip
    scopes = [(OVERALL, ALL, found.overall)]
    scopes += [(each.axis, each.level, each.metrics) for each in found.subgroups]
    estimates = [
        _estimate(axis, level, each) for axis, level, part in scopes for each in part.values()
    ]
    return AuditMeasurement(
        plan_sha256=plan.sha256(),
        facts=table.facts,
        excluded=table.excluded,
        deviations=list(table.notes),
        n_cases=len(table),
        n_patients=len(np.unique(table.cluster)),
        n_labelled=int(table.labelled.sum()),
        patients_known=table.patients_known,
        classes=list(table.classes),
        levels=[
            LevelSummary(
                axis=each.axis, level=each.level, n_cases=each.n_cases,
                n_patients=each.n_clusters, n_labelled=each.n_cases, n_outliers=each.outliers,
            )
            for each in found.subgroups
        ],
        estimates=estimates,
        findings=[
            _finding(each, limit)
            for limit in plan.limits
            for each in estimates
            if each.metric == limit.metric
        ],
        comparisons=[],
        worst=[],
        analyses=[],
    )  # fmt: skip


def _outcomes(table: AuditTable) -> Outcomes:
    n = len(table)
    zeros = np.zeros(n)
    assert table.probabilities is not None
    return Outcomes(
        classes=table.classes,
        truth=table.truth.astype(np.int64),
        probabilities=np.asarray(table.probabilities, dtype=np.float64),
        ood_score=zeros if table.ood_score is None else table.ood_score,
        abstained=zeros.astype(np.bool_) if table.abstained is None else table.abstained,
        cost=zeros,
        true_urgency=zeros.astype(np.int64),
        queue_urgency=zeros.astype(np.int64),
        cluster=table.cluster.astype(str),
        subgroups=pd.DataFrame(
            {name: np.array(axis.levels)[axis.codes] for name, axis in table.axes.items()},
            index=range(n),
        ),
    )


def _estimate(axis: str, level: str, found: Estimate) -> AuditEstimate:
    return AuditEstimate(
        axis=axis, level=level, metric=found.metric, title=METRICS[found.metric].title,
        unit=found.unit, value=found.value, low=found.low, high=found.high, n=found.n_cases,
        n_patients=found.n_clusters, interval=found.interval, evidence=found.evidence,
    )  # fmt: skip


def _finding(found: AuditEstimate, limit: Limit) -> AuditFinding:
    verdict = Verdict.NOT_ENOUGH
    if found.evidence == "enough" and found.low is not None and found.high is not None:
        floor = -np.inf if limit.at_least is None else limit.at_least
        ceiling = np.inf if limit.at_most is None else limit.at_most
        if found.low >= floor and found.high <= ceiling:
            verdict = Verdict.MEETS
        elif found.high < floor or found.low > ceiling:
            verdict = Verdict.FAILS
    return AuditFinding(
        **found.model_dump(), at_least=limit.at_least, at_most=limit.at_most, verdict=verdict,
        p_value=None, p_adjusted=None, primary=limit.primary, correction="Holm",
    )  # fmt: skip
