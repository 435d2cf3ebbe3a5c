"""What the report of a bundle holds beyond the table of metrics: `AuditReport.extra`, typed."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from triage.auditing.measurement import ResultModel
from triage.evaluation.policy_costs import PolicyCosts
from triage.evaluation.prediction_sets import PredictionSetResult
from triage.evaluation.referral import ReferralResult
from triage.evaluation.results import Confusion, ReliabilityBin, RiskCoverage
from triage.evaluation.segmentation import SegmentationResult
from triage.evaluation.uncertainty import UncertaintyResult
from triage.reports.audit_report import AuditReport
from triage.reports.reviews import ReviewCount
from triage.vocabulary.modality import Modality


class DataFacts(ResultModel):
    """The data a system was made and measured with; None or empty where nothing was stated.

    Parameters
    ----------
    spec : str
        Name of the data spec.
    title, licence, source : str, optional
    modality : Modality
        What a case is: decides the words of the report.
    hashes : dict of str
        What was hashed and its SHA-256.
    counts : dict of dict of int
        Cases by split, then by role.
    notes : list of str
        What has to be said of the data.
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
    exclusions: dict[str, int] = Field(default_factory=dict)


class BundleExtra(ResultModel):
    """Evaluations of a bundle on the test split of its spec.

    `referral` and `tissue` are there for OCT volumes, `prediction_sets` where the system gives
    sets, `reviews` and `review_tallies` where a case database was named.
    """

    data: DataFacts
    confusion: Confusion
    reliability: list[ReliabilityBin]
    risk_coverage: RiskCoverage
    abstention_reasons: dict[str, int]
    uncertainty: UncertaintyResult | None = None
    prediction_sets: PredictionSetResult | None = None
    policy_costs: PolicyCosts | None = None
    referral: ReferralResult | None = None
    tissue: SegmentationResult | None = None
    reviews: list[ReviewCount] | None = None
    review_tallies: dict[str, dict[str, int]] = Field(default_factory=dict)

    @classmethod
    def of(cls, report: AuditReport) -> Self | None:
        """Return what a report holds of a bundle, None where it is of a table or a database."""
        return cls.model_validate(report.extra) if report.extra else None
