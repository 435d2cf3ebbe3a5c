"""Intended use, and the system with its model card."""

from __future__ import annotations

from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Facts, Section
from triage.reports.model_card_blocks import model_card_blocks
from triage.reports.names import words


def intended_use(report: AuditReport) -> Section:
    """What the system is for, as its maker states it."""
    title = "Intended use"
    if not report.system.intended_use:
        reason = "neither the plan nor the bundle states an intended use"
        return Section("intended_use", title, unavailable=reason)
    facts = (
        ("Intended use", report.system.intended_use),
        ("Users", None),
        ("Contra-indications", None),
        ("Out of scope", None),
    )
    return Section("intended_use", title, (Facts(facts),))


def system(report: AuditReport) -> Section:
    """Identity of the system, and what its manifest states."""
    known = report.system
    facts = (
        ("Name", known.name),
        ("Version", known.version),
        ("Bundle, SHA-256", known.bundle),
        ("Conditions it knows", ", ".join(report.classes) or None),
        *(
            (words(label), value)
            for label, value in known.facts.items()
            if report.facts.get(label) != value  # those stand in the section on reproducibility
        ),
    )
    card: tuple[Block, ...] = ()
    if known.manifest is not None:
        card = model_card_blocks(known.manifest)
    return Section("system", "System and model card", (Facts(facts), *card))
