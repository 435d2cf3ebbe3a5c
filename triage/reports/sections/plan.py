"""The plan of the analysis, its registration, and deviations from it."""

from __future__ import annotations

from triage.auditing.audit_plan import Axis
from triage.reports.audit_report import AuditReport
from triage.reports.document import (
    Block,
    Cell,
    Column,
    Facts,
    Heading,
    Items,
    Paragraph,
    Section,
    Table,
)
from triage.reports.names import minutes, words
from triage.reports.sections.cells import limit_text, metric_key, unless_empty


def plan(report: AuditReport) -> Section:
    """What was decided before the data were read, and what was done otherwise."""
    registered = report.registration
    planned = report.plan.intervals
    blocks: list[Block] = [
        Facts(
            (
                ("Plan, SHA-256", report.plan_sha256),
                ("Made at", minutes(report.generated_at)),
                ("Limits set by", report.plan.source),
                ("Registration", registered.sentence),
                ("Registered at", minutes(registered.at) if registered.at else None),
                *((("Event of the ledger", str(registered.sequence)),)
                  if registered.sequence is not None else ()),
                *((("Hash of the event", registered.head),) if registered.head else ()),
            )
        ),
        *unless_empty(_axes(report)),
        *unless_empty(_limits(report)),
        Heading("Intervals and corrections"),
        Items((
            f"Intervals at {planned.confidence:.0%} confidence: Clopper-Pearson for proportions, "
            "Korn-Graubard where patients have several cases, Gaffke for bounded means such as "
            "costs, a bootstrap of patients for other metrics, or their influence functions where "
            "there are more than "
            f"{planned.max_bootstrap_patients} patients. Each number names its method.",
            f"{planned.replicates} resamples of patients, seed {planned.seed}"
            + (f", within levels of {planned.strata}." if planned.strata else "."),
            f"No interval is printed below {planned.min_patients} patients of the kind that a "
            "metric needs.",
            "P-values of the primary set are corrected by Holm's method, all others by that of "
            "Benjamini and Hochberg. Both the plain and the corrected value are printed.",
        )),
        Heading("Deviations from the plan"),
        Items(tuple(report.deviations))
        if report.deviations
        else Paragraph("No deviation was recorded."),
    ]  # fmt: skip
    return Section("plan", "Plan of the analysis and deviations", tuple(blocks))


def _axes(report: AuditReport) -> Table:
    rows = tuple((Cell(words(axis.name)), Cell(_source(axis))) for axis in report.plan.axes)
    return Table("Axes of groups", (Column("Axis"), Column("Taken from")), rows)


def _source(axis: Axis) -> str:
    if axis.of is not None:
        return f"intersection of {words(axis.of[0]).lower()} and {words(axis.of[1]).lower()}"
    if axis.property is not None:
        return f"{axis.property} of the true condition"
    bands = f", bands {', '.join(f'{edge:g}' for edge in axis.bands)}" if axis.bands else ""
    return f"column {axis.column}{bands}"


def _limits(report: AuditReport) -> Table:
    known = {each.metric: each for each in report.estimates}
    rows = []
    for limit in report.plan.limits:
        found = known.get(metric_key(limit))
        rows.append(
            (
                Cell(found.title if found else words(limit.metric)),
                Cell(limit_text(limit, found.unit if found else "")),
                Cell(limit.scope),
                Cell("primary, Holm" if limit.primary else "secondary, Benjamini-Hochberg"),
            )
        )
    columns = (Column("Metric"), Column("Limit"), Column("Judged"), Column("Set"))
    return Table("Limits", columns, tuple(rows))
