"""Sections that the quality officer fills with attached files, or that have no source yet."""

from __future__ import annotations

from typing import Literal

from triage.reports.audit_report import Attachment, AuditReport
from triage.reports.document import Block, Cell, Column, Facts, Paragraph, Section, Table

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
    return _section(report, "risk", "Risks", "risk")


def approvals(report: AuditReport) -> Section:
    """Approvals that were attached, or lines to sign."""
    title = "Approvals"
    attached = _attached(report, "approvals")
    if attached:
        return Section("approvals", title, attached)
    columns = (Column("Role"), Column("Name"), Column("Date"), Column("Signature"))
    rows = tuple((Cell(role), Cell(""), Cell(""), Cell("")) for role in _TO_SIGN)
    lines = Table("To be signed", columns, rows)
    return Section("approvals", title, (Paragraph("No approvals were attached."), lines))


def _section(report: AuditReport, key: str, title: str, kind: _Kind) -> Section:
    blocks = _attached(report, kind)
    if blocks:
        return Section(key, title, blocks)
    return Section(key, title, unavailable=f"no file with {_WHAT[kind]} was attached")


_WHAT: dict[_Kind, str] = {
    "incidents": "incidents",
    "risk": "risks",
    "sbom": "a bill of materials",
    "approvals": "approvals",
}


def _attached(report: AuditReport, kind: _Kind) -> tuple[Block, ...]:
    found = [each for each in report.attachments if each.kind == kind]
    return tuple(
        block for number, each in enumerate(found, 1) for block in _blocks(each, number, len(found))
    )


def _blocks(attached: Attachment, number: int, total: int) -> tuple[Block, ...]:
    columns = tuple(Column(name) for name in attached.columns)
    rows = tuple(
        tuple(Cell(row.get(name, "")) for name in attached.columns) for row in attached.rows
    )
    key = attached.kind if total == 1 else f"{attached.kind}_{number}"
    table = Table(f"Rows of {attached.name}", columns, rows, key=key)
    facts = Facts((("Attached file", attached.name), ("SHA-256", attached.sha256)))
    return (facts, table) if rows else (facts,)
