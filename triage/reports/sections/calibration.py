"""Calibration of all cases and of each group."""

from __future__ import annotations

from triage.reports.audit_report import AuditReport
from triage.reports.document import Section
from triage.reports.sections.by_group import metrics_by_group

CALIBRATION_METRICS = (
    "calibration_slope", "calibration_intercept", "ece", "adaptive_ece", "brier", "nll",
    "ece_equal_mass", "classwise_ece", "brier_reliability", "brier_resolution",
    "brier_uncertainty",
)  # fmt: skip


def calibration(report: AuditReport) -> Section:
    """Whether probabilities are as large as they should be."""
    return metrics_by_group(
        report, "calibration", "Calibration", CALIBRATION_METRICS, "reliability",
        "no metric of calibration was measured; the cases have no probabilities, or the plan "
        "asks for none",
    )  # fmt: skip
