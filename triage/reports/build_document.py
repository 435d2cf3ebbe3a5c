"""The document of an audit report: its sections in order."""

from __future__ import annotations

from triage.reports.audit_report import AuditReport
from triage.reports.document import Document
from triage.reports.sections import attached, closing, cover, data, people, system
from triage.reports.sections.abstention import abstention
from triage.reports.sections.bundle_sections import extra_sections
from triage.reports.sections.calibration import calibration
from triage.reports.sections.cells import tally_text
from triage.reports.sections.performance import performance
from triage.reports.sections.plan import plan
from triage.reports.sections.subgroups import subgroups
from triage.reports.sections.summary import summary

SECTIONS = (
    cover.cover, summary, system.intended_use, system.system, data.data, data.reference, plan,
    performance, subgroups, calibration, abstention, people.team, people.errors,
    attached.robustness, attached.drift, attached.incidents, attached.security, attached.changes,
    attached.risk, closing.limitations,
)  # fmt: skip
"""What makes each section, in the order of the report, until the checklists."""
LAST_SECTIONS = (closing.reproducibility, closing.integrity, attached.approvals)
"""What makes each section after the checklists."""


def build_document(report: AuditReport) -> Document:
    """Return the document that every format is rendered from."""
    verdicts = tally_text(each.verdict for each in report.findings)
    lead = f"{len(report.findings)} verdicts: {verdicts}." if report.findings else "No verdicts."
    sections = tuple(section(report) for section in SECTIONS)
    last = tuple(section(report) for section in LAST_SECTIONS)
    checklists = closing.checklists((*sections, *last))
    return Document(
        title=report.title,
        report_id=report.report_id,
        date=report.generated_at[:10],
        lead=lead,
        sections=(*sections, checklists, *last, *extra_sections(report)),
    )
