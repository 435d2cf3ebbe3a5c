"""Detection of outliers, and abstention, of all cases and of each group."""

from __future__ import annotations

from triage.reports.audit_report import AuditReport
from triage.reports.document import Section
from triage.reports.sections.by_group import metrics_by_group

ABSTENTION_METRICS = (
    "ood_auroc", "ood_fpr95", "coverage", "abstention_rate", "selective_risk",
    "selective_accuracy", "outlier_abstention_rate", "aurc", "ood_aupr", "e_aurc", "aurc_gain",
    "abstained_under_triage_rate",
)  # fmt: skip


def abstention(report: AuditReport) -> Section:
    """What the system does not know, and whether it says so, in every group."""
    return metrics_by_group(
        report, "abstention", "Outliers and abstention", ABSTENTION_METRICS, "ood",
        "no metric of outliers or abstention was measured; the cases have no OOD score and no "
        "abstentions, or the plan asks for none",
    )  # fmt: skip
