"""Limitations, checklists, and how to repeat and verify the report."""

from __future__ import annotations

from collections.abc import Sequence

from triage.auditing.measurement import OVERALL
from triage.reports.audit_report import AuditReport
from triage.reports.checklists import CHECKLISTS
from triage.reports.crosswalk import CrosswalkRow, crosswalk
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
from triage.reports.names import ALL_CASES, level_name, words
from triage.reports.sections.cells import count, known, limit_text, share_text, unless_empty
from triage.vocabulary.subgroup_levels import UNKNOWN
from triage.vocabulary.verdicts import Verdict


def limitations(report: AuditReport) -> Section:
    """What the report must not be read as saying, and what it does not know."""
    blocks: list[Block] = [Items(tuple(_sentences(report)))]
    table = _not_enough(report)
    blocks += unless_empty(table)
    return Section("limitations", "Limitations and missing evidence", tuple(blocks))


def _sentences(report: AuditReport) -> list[str]:
    found = [
        "The numbers describe the audited cases, looked at afterwards. They do not promise the "
        "same at another site, with other devices, or in other patients.",
        "Intervals are pointwise. P-values, and with them verdicts, are corrected for their "
        "number; intervals are not, so an interval may lie beyond a limit without a verdict.",
        "The worst level of an axis is chosen after looking. Its estimate tends to be worse than "
        "its truth.",
        f"The limits were set by: {report.plan.source}.",
    ]
    if not report.patients_known:
        found.append(
            "The source does not name patients. Where several cases are of one patient, intervals "
            "are too narrow."
        )
    if report.n_labelled != report.n_cases:
        found.append(
            f"Of {count(report.n_cases, 'case')} {known(report.n_labelled)} have a reference "
            "label. Metrics describe these; the others may differ from them."
        )
    if not report.plan.axes:
        found.append("The plan names no axis of groups: nothing is known about any group.")
    for each in report.levels:
        if each.level == UNKNOWN and each.n_cases:
            share = share_text(each.n_cases, report.n_cases)
            found.append(f"{words(each.axis)} of {each.n_cases} cases ({share}) is unknown.")
    if report.public:
        found.append("Small cells are suppressed in this copy.")
    return found


def _not_enough(report: AuditReport) -> Table:
    """Name every set of cases without enough evidence, by limit."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for each in report.findings:
        if each.verdict is Verdict.NOT_ENOUGH:
            by_axis = found.setdefault((each.title, limit_text(each, each.unit)), {})
            by_axis.setdefault(each.axis, []).append(each.level)
    rows = tuple(
        (Cell(title, limit), Cell(" ".join(_levels(axis, names) for axis, names in axes.items())))
        for (title, limit), axes in found.items()
    )
    return Table(
        "Limits without enough evidence, and the sets of cases",
        (Column("Limit"), Column("Sets of cases")),
        rows,
        "How many more cases it would take is in the tables of every verdict.",
    )


def _levels(axis: str, levels: Sequence[str]) -> str:
    if axis == OVERALL:
        return f"{ALL_CASES}."
    return f"{words(axis)}: {'; '.join(map(level_name, levels))}."


def checklists(sections: Sequence[Section]) -> Section:
    """Items of reporting guidelines, and where the other sections cover them."""
    found = crosswalk(sections)
    counts = tuple(
        f"{name}: {sum(row.section is not None for row in found if row.checklist == name)} of "
        f"{len(items)} items covered, at least in part."
        for name, items in CHECKLISTS.items()
    )
    note = Paragraph(
        "Topics are in our words; the checklists say what an item asks. A section may cover an "
        "item in part only; tables/checklists.csv says how far. A section that is not available "
        "covers nothing."
    )
    blocks = (Items(counts), note, _covered(sections, found), _uncovered(found))
    return Section("checklists", "Cross-walk to reporting checklists", blocks)


def _covered(sections: Sequence[Section], found: Sequence[CrosswalkRow]) -> Table:
    """Return the numbers of the items that each section addresses, one column a checklist."""
    items: dict[tuple[str | None, str], list[str]] = {}
    for row in found:
        items.setdefault((row.section, row.checklist), []).append(row.item)
    rows = tuple(
        (
            Cell(section.title),
            *(Cell(", ".join(items.get((section.key, name), ()))) for name in CHECKLISTS),
        )
        for section in sections
        if any((section.key, name) in items for name in CHECKLISTS)
    )
    columns = (Column("Section"), *(Column(name) for name in CHECKLISTS))
    return Table("Items that each section addresses", columns, rows)


def _uncovered(found: Sequence[CrosswalkRow]) -> Table:
    """Return the items that nothing in this report addresses, by checklist and reason."""
    items: dict[tuple[str, str], list[str]] = {}
    for row in found:
        if row.section is None:
            items.setdefault((row.checklist, row.note), []).append(f"{row.item} {row.topic}")
    rows = tuple(
        (Cell(checklist), Cell(note), Cell("; ".join(names)))
        for (checklist, note), names in items.items()
    )
    columns = (Column("Checklist"), Column("Reason"), Column("Items"))
    return Table("Items that are not covered", columns, rows)


def reproducibility(report: AuditReport) -> Section:
    """What it takes to make the same report again."""
    planned = report.plan
    facts = (
        ("Version of the code", report.code_version),
        ("Command", report.command),
        ("Seed", str(planned.intervals.seed)),
        ("Resamples", str(planned.intervals.replicates)),
        ("Plan, SHA-256", report.plan_sha256),
        *((("Data spec", planned.spec), ("Data spec, SHA-256", planned.spec_sha256))
          if planned.spec else ()),
        *((("File of metrics, SHA-256", planned.metrics_sha256),) if planned.metrics_file else ()),
        *((words(name), value) for name, value in report.facts.items()),
    )  # fmt: skip
    text = Paragraph(
        "The same plan and data give the same bytes of every file, on one machine and number of "
        "threads. The date of all files is that of the plan."
    )
    return Section("reproducibility", "Reproducibility", (Facts(facts), text))


def integrity(report: AuditReport) -> Section:
    """How to verify that the report is whole and from whom."""
    registered = report.registration
    facts = (
        ("Report", report.report_id),
        ("Plan, SHA-256", report.plan_sha256),
        ("Bundle, SHA-256", report.system.bundle),
        ("Head of the ledger", registered.head or registered.sentence),
        *((f"Attachment {each.name}, SHA-256", each.sha256) for each in report.attachments),
    )
    steps = Items(
        (
            "This report is a member of audit.zip. Its manifest.json has the SHA-256 of every "
            "member, and manifest.sig the Ed25519 signature of the manifest where it was signed.",
            "With this software: triage audit verify audit.zip --public-key KEY",
            "Without it: python verify_report.py audit.zip KEY",
            "The page on verification in the documentation shows how to do it with sha256sum and "
            "openssl alone.",
        )
    )
    return Section("integrity", "Integrity", (Facts(facts), Heading("How to verify"), steps))
