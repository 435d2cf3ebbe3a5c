"""The document of two audits compared: its sections in order."""

from __future__ import annotations

from triage.auditing.measurement import OVERALL
from triage.reports.comparison_report import ComparedAudit, ComparisonReport
from triage.reports.document import Block, Document, Facts, Heading, Items, Section
from triage.reports.names import words
from triage.reports.sections.comparison import comparison_sections


def build_comparison(report: ComparisonReport) -> Document:
    """Return the document that every format is rendered from."""
    groups = {(each.axis, each.level) for each in report.changes if each.axis != OVERALL}
    cases = (
        f"{report.n_first} cases that are in both"
        if report.kind == "same cases"
        else f"{report.n_first} cases and {report.n_second} other cases"
    )
    return Document(
        title=report.title,
        report_id=report.report_id,
        date=report.generated_at[:10],
        lead=f"{cases}, {len(groups)} groups. Differences are the second less the first.",
        sections=(*comparison_sections(report), _plans_and_data(report)),
    )


def _plans_and_data(report: ComparisonReport) -> Section:
    facts = Facts((("Code version", report.code_version), ("Command", report.command)))
    return Section(
        "plans_and_data",
        "Plans and data",
        (facts, *_audit("First", report), *_audit("Second", report.against)),
    )


def _audit(which: str, audit: ComparedAudit) -> tuple[Block, ...]:
    period = audit.plan.period
    days = None if period is None else f"{period.first:%Y-%m-%d} to {period.last:%Y-%m-%d}"
    facts = Facts(
        (
            ("Plan", audit.plan.title),
            ("Registration of the plan", audit.registration.sentence),
            ("Period", "all cases" if days is None else days),
            ("Cohorts", ", ".join(audit.plan.cohorts) or "all"),
            *((words(label), value) for label, value in audit.facts.items()),
        )
    )
    said = [*(f"{n} cases left out: {why}." for why, n in audit.excluded.items())]
    said += audit.deviations
    listed = (Items(tuple(said)),) if said else ()
    return (Heading(which), facts, *listed)
