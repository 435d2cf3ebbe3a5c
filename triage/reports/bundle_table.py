"""The cases of the audit of a bundle: its test split as it was just scored and decided."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from triage.audit_sources.column_values import Coded
from triage.audit_sources.levels import word_levels
from triage.audit_sources.make_plan import PlanRequest, make_plan
from triage.audit_sources.raw_cases import RawCases, audit_table
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.hashing import hash_json
from triage.learning.evaluate import EvaluationRun


def default_plan(run: EvaluationRun, created_at: datetime) -> AuditPlan:
    """Return the plan that reports of a bundle are made by: our limits, the axes of the spec.

    Parameters
    ----------
    run : EvaluationRun
        Its data spec gives axes, costs and prevalence, its manifest the conditions that the system
        knows, which may be drawn.
    created_at : datetime
        With a time zone; the date of the report.
    """
    manifest = run.manifest
    plan = make_plan(
        PlanRequest(
            created_at=created_at,
            title=f"Audit report: {manifest.name}",
            spec=run.dataset.spec,
            system=manifest.name,
            bundle=manifest.digest(),
        )
    )
    known = {*manifest.roles.inliers}
    conditions = tuple(
        each.model_copy(update={"known": each.name in known}) for each in plan.conditions
    )
    return plan.model_copy(update={"conditions": conditions})


def table_of_run(run: EvaluationRun, plan: AuditPlan) -> AuditTable:
    """Return the cases of an evaluation as the table that an audit measures.

    Probabilities are the calibrated ones, and costs those of the spec, as in `run.outcomes`.

    Parameters
    ----------
    run : EvaluationRun
    plan : AuditPlan
        With axes of columns of the spec, and of properties of the true condition.
    """
    outcomes, predictions = run.outcomes, run.predictions
    decisions = predictions.decisions
    assert decisions is not None, "evaluated predictions are decided"

    def coded(words: object) -> Coded:
        return Coded.of(np.asarray(words, dtype=str).tolist())

    raw = RawCases(
        classes=outcomes.classes,
        labels=coded(predictions.cases["label"]),
        cluster=np.unique(outcomes.cluster, return_inverse=True)[1].astype(np.int32),
        patients_known=True,
        axes={
            axis.name: word_levels(axis, coded(outcomes.subgroups[axis.column]))
            for axis in plan.axes
            if axis.column is not None
        },
        probabilities=outcomes.probabilities.astype(np.float32),
        recommendation=coded(decisions["recommendation"]),
        queue_urgency=coded(decisions["queue_urgency"]),
        ood_score=outcomes.ood_score,
        cost=outcomes.cost,
        facts={
            "predictions": hash_json(predictions.mean_probabilities().round(6).tolist()),
            "bundle": run.manifest.digest(),
            "cases, labels and splits": run.dataset.digest(),
        },
        excluded=dict(run.rejected),
    )
    return audit_table(plan, raw)
