"""Sections that the quality officer fills with attached files, or that have no source yet."""

from __future__ import annotations

from typing import Literal

from triage.reports.attachment_blocks import attachment_blocks
from triage.reports.audit_report import AuditReport
from triage.reports.document import Paragraph, Section, SignatureLines

_Kind = Literal["incidents", "risk", "sbom", "approvals"]
_TO_SIGN = ("Prepared by", "Checked by", "Approved by")


def robustness(report: AuditReport) -> Section:
    """Behaviour under changes of the pictures."""
    reason = "an audit reads finished predictions; it changes no picture and scores none"
    return Section("robustness", "Robustness", unavailable=reason)


def drift(report: AuditReport) -> Section:
    """Changes over time."""
    reason = "this report describes one period; it follows no number over time"
    return Section("drift", "Drift", unavailable=reason)


def incidents(report: AuditReport) -> Section:
    """Incidents, complaints, corrective and preventive actions."""
    return _section(report, "incidents", "Incidents, complaints, corrective actions", "incidents")


def security(report: AuditReport) -> Section:
    """Bill of materials of the software."""
    return _section(report, "security", "Security and privacy", "sbom")


def changes(report: AuditReport) -> Section:
    """Changes since the report before."""
    reason = "no record of changes since an earlier report was given"
    return Section("changes", "Changes since the last report", unavailable=reason)


def risk(report: AuditReport) -> Section:
    """Risks and what remains of them."""
    return _section(report, "risks", "Risks", "risk")


def approvals(report: AuditReport) -> Section:
    """Approvals that were attached, or lines to sign."""
    title = "Approvals"
    attached = attachment_blocks(report, "approvals")
    if attached:
        return Section("approvals", title, attached)
    nothing = Paragraph("No approvals were attached. To be signed:")
    return Section("approvals", title, (nothing, SignatureLines(_TO_SIGN)))


def _section(report: AuditReport, key: str, title: str, kind: _Kind) -> Section:
    blocks = attachment_blocks(report, kind)
    if blocks:
        return Section(key, title, blocks)
    return Section(key, title, unavailable=f"no file with {_WHAT[kind]} was attached")


_WHAT: dict[_Kind, str] = {
    "incidents": "incidents",
    "risk": "risks",
    "sbom": "a bill of materials",
    "approvals": "approvals",
}
