"""Build a report from an evaluation and what is known of the system, the data and the reviews."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ValidationError

from triage.auditing import DEFAULT_PLAN, AuditPlan, judge_plan, worst_group
from triage.errors import UsageError
from triage.evaluation.metrics import METRICS
from triage.evaluation.policy_costs import PolicyCosts
from triage.evaluation.prediction_sets import PredictionSetResult
from triage.evaluation.referral import ReferralResult
from triage.evaluation.results import Evaluation
from triage.evaluation.segmentation import SegmentationResult
from triage.evaluation.uncertainty import UncertaintyResult
from triage.hashing import hash_json
from triage.reports.limitations import limitations
from triage.reports.model import DataFacts, Gap, MetricText, Report, WorstGroup
from triage.reports.reviews import review_counts
from triage.reports.system import file_hashes, system_facts

WORST_METRICS = (
    "accuracy", "ood_auroc", "selective_risk", "under_triage_rate", "clinical_cost",
)  # fmt: skip
"""Metrics for which the worst group of each axis is named."""


def build_report(
    evaluation: Evaluation,
    *,
    bundle: Mapping[str, Any],
    data: Mapping[str, Any],
    reviews: Mapping[str, Any] | None,
    predictions_hash: str,
    generated_at: str,
    abstention_reasons: Mapping[str, int] | None = None,
    plan: AuditPlan = DEFAULT_PLAN,
    referral: ReferralResult | None = None,
    tissue: SegmentationResult | None = None,
    uncertainty: UncertaintyResult | None = None,
    prediction_sets: PredictionSetResult | None = None,
    policy_costs: PolicyCosts | None = None,
) -> Report:
    """Put a report together; the same inputs give the same report.

    Parameters
    ----------
    evaluation : Evaluation
        Of the system on labelled cases.
    bundle : mapping
        Content of the bundle's `manifest.json`; absent fields are reported as not stated.
    data : mapping
        Fields of `DataFacts`.
    reviews : mapping or None
        Counts from the case database: name -> count, or name -> {name -> count}.
    predictions_hash : str
        SHA-256 of the predictions table that was evaluated.
    generated_at : str
        Time of the report, as it shall read.
    abstention_reasons : mapping of str to int, optional
        Abstained cases by reason.
    plan : AuditPlan
        Limits to judge by.
    referral, tissue : ReferralResult and SegmentationResult, optional
        Referrals and tissue maps of OCT volumes.
    uncertainty, policy_costs : UncertaintyResult and PolicyCosts, optional
        Uncertainty between known classes and its parts; policies compared by cost.
    prediction_sets : PredictionSetResult, optional

    Raises
    ------
    UsageError
        If the inputs do not have these shapes.
    """
    with _malformed_inputs():
        facts = DataFacts.model_validate(dict(data))
        manifest = _without_digest(bundle)
        report = Report(
            title=f"Audit report: {manifest.get('name') or facts.title or facts.spec}",
            report_id="",
            generated_at=generated_at,
            predictions_hash=predictions_hash,
            manifest_hash=hash_json(manifest),
            plan=plan,
            findings=judge_plan(evaluation, plan),
            intended_use=manifest.get("intended_use"),
            system=system_facts(manifest), files=file_hashes(manifest), manifest=manifest,
            data=facts, evaluation=evaluation,
            referral=referral,
            tissue=tissue,
            uncertainty=uncertainty,
            prediction_sets=prediction_sets,
            policy_costs=policy_costs,
            metrics=_metric_texts(),
            worst_groups=_worst_groups(evaluation),
            abstention_reasons=None if abstention_reasons is None else dict(abstention_reasons),
            reviews=None if reviews is None else review_counts(reviews),
            review_tallies=_tallies(reviews or {}),
            limitations=limitations(
                evaluation, facts, plan, referral=referral, tissue=tissue, reviewed=bool(reviews)
            ),
            not_enough_evidence=_gaps(evaluation),
            command="triage report --bundle BUNDLE --spec SPEC --root ROOT --out FOLDER",
        )  # fmt: skip
        report_id = hash_json(_identity(report, reviews))[:16]
        return report.model_copy(update={"report_id": report_id})


@contextmanager
def _malformed_inputs() -> Iterator[None]:
    """Raise UsageError instead of the errors of pydantic and of JSON."""
    try:
        yield
    except ValidationError as error:
        places = sorted({".".join(map(str, item["loc"])) or "report" for item in error.errors()})
        raise UsageError(f"the report's inputs are malformed: {', '.join(places)}") from error
    except (TypeError, ValueError) as error:
        raise UsageError("the bundle's manifest is not plain JSON", where="manifest") from error


def _without_digest(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest without its digest, which is the hash of all the other fields."""
    manifest: dict[str, Any] = json.loads(json.dumps(dict(bundle), allow_nan=False))
    manifest.pop("digest", None)
    return manifest


def _identity(report: Report, reviews: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the content whose hash is the report's id: all inputs of the report."""
    optional: dict[str, BaseModel | None] = {
        "referral": report.referral,
        "tissue": report.tissue,
        "uncertainty": report.uncertainty,
        "prediction_sets": report.prediction_sets,
        "policy_costs": report.policy_costs,
    }
    return {
        "manifest": report.manifest_hash,
        "predictions": report.predictions_hash,
        "generated_at": report.generated_at,
        "data": report.data.model_dump(),
        "plan": report.plan.model_dump(),
        "evaluation": report.evaluation.model_dump(),
        "reviews": None if reviews is None else dict(reviews),
        "reasons": report.abstention_reasons,
        **{name: part.model_dump() for name, part in optional.items() if part is not None},
    }


def _tallies(reviews: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """The counts by name among the numbers of reviews."""
    return {key: dict(tally) for key, tally in reviews.items() if isinstance(tally, Mapping)}


def _metric_texts() -> list[MetricText]:
    return [
        MetricText(
            key=metric.key,
            title=metric.title,
            unit=metric.unit,
            larger_is_better=metric.larger_is_better,
            needs=[need.value for need in metric.needs],
            interval=metric.interval.value,
            definition=metric.definition,
            source=metric.source,
        )
        for metric in METRICS.values()
    ]


def _worst_groups(evaluation: Evaluation) -> list[WorstGroup]:
    found = []
    for axis in evaluation.axes:
        for metric in WORST_METRICS:
            worst = worst_group(evaluation, axis, metric)
            found.append(
                WorstGroup(
                    axis=axis,
                    metric=metric,
                    level=worst.level if worst else None,
                    estimate=worst.metrics[metric] if worst else None,
                )
            )
    return found


def _gaps(evaluation: Evaluation) -> list[Gap]:
    scopes = [("All cases", evaluation.n_cases, evaluation.overall)]
    scopes += [(f"{x.axis}: {x.level}", x.n_cases, x.metrics) for x in evaluation.subgroups]
    gaps = [
        Gap(
            scope=scope,
            n_cases=n_cases,
            metrics=[key for key, found in metrics.items() if found.evidence == "not enough"],
        )
        for scope, n_cases, metrics in scopes
    ]
    return [gap for gap in gaps if gap.metrics]
