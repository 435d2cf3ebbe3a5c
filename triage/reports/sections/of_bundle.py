"""What is known of a bundle beyond the audit: model card, evaluations, checklists."""

from __future__ import annotations

from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Section


def model_card(report: AuditReport) -> tuple[Block, ...]:
    """Return the blocks of the model card."""
    return ()


def extra_sections(report: AuditReport) -> tuple[Section, ...]:
    """Return the sections made of `report.extra`; they follow the sections of every audit."""
    return ()


def checklist_items(report: AuditReport) -> list[tuple[str, str, str | None]]:
    """Return checklist, item, and key of the section that covers it, or None."""
    return []
