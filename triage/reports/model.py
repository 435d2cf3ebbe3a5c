"""The report: everything it says, once, for every rendering."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from triage.auditing import AuditPlan, Finding
from triage.evaluation.policy_costs import PolicyCosts
from triage.evaluation.prediction_sets import PredictionSetResult
from triage.evaluation.referral import ReferralResult
from triage.evaluation.results import Estimate, Evaluation
from triage.evaluation.segmentation import SegmentationResult
from triage.evaluation.uncertainty import UncertaintyResult
from triage.reports.reviews import ReviewCount
from triage.vocabulary.modality import Modality


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataFacts(_Model):
    """The data a system was made and measured with; None or empty where nothing was stated.

    Parameters
    ----------
    spec : str
        Name of the data spec.
    title, licence, source : str, optional
    modality : Modality
        What a case is: decides the words of the page.
    hashes : dict of str
        What was hashed (spec, manifest, images ...) and its SHA-256.
    counts : dict of dict of int
        Cases by split, then by role or condition.
    notes : list of str
        What must be said under every table.
    exclusions : dict of int
        Cases left out, by reason.
    """

    spec: str
    title: str | None = None
    licence: str | None = None
    source: str | None = None
    modality: Modality = Modality.PHOTOGRAPHS
    hashes: dict[str, str] = Field(default_factory=dict)
    counts: dict[str, dict[str, int]] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    exclusions: dict[str, int] | None = None


class Fact(_Model):
    """A label and what was stated; None where nothing was."""

    label: str
    value: str | None


class WorstGroup(_Model):
    """The level of an axis with the worst estimate of a metric, among those with evidence."""

    axis: str
    metric: str
    level: str | None
    estimate: Estimate | None


class Gap(_Model):
    """Metrics without enough evidence in one set of cases."""

    scope: str
    n_cases: int
    metrics: list[str]


class MetricText(_Model):
    """What a metric is, for the reader of a report."""

    key: str
    title: str
    unit: str
    larger_is_better: bool | None
    needs: list[str]
    interval: str
    definition: str
    source: str


class Report(_Model):
    """One audit report; the HTML page is drawn from nothing else.

    `referral` and `tissue` are there for OCT volumes, `uncertainty` and `policy_costs` where they
    were measured, `prediction_sets` where the system gives sets.
    """

    schema_version: Literal["triage-report-1"] = "triage-report-1"
    title: str
    report_id: str
    generated_at: str
    predictions_hash: str
    manifest_hash: str
    plan: AuditPlan
    findings: list[Finding]
    intended_use: str | None
    system: list[Fact]
    files: dict[str, str]
    manifest: dict[str, JsonValue]
    data: DataFacts
    evaluation: Evaluation
    referral: ReferralResult | None = None
    tissue: SegmentationResult | None = None
    uncertainty: UncertaintyResult | None = None
    prediction_sets: PredictionSetResult | None = None
    policy_costs: PolicyCosts | None = None
    metrics: list[MetricText]
    worst_groups: list[WorstGroup]
    abstention_reasons: dict[str, int] | None
    reviews: list[ReviewCount] | None
    review_tallies: dict[str, dict[str, int]]
    limitations: list[str]
    not_enough_evidence: list[Gap]
    command: str
