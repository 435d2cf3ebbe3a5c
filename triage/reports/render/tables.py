"""Tables of a report as CSV files that no spreadsheet runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from triage.auditing.measurement import (
    AuditEstimate,
    AuditFinding,
    LevelComparison,
    LevelSummary,
    NamedNumber,
    ResultModel,
    WorstLevel,
)
from triage.csv_file import csv_text
from triage.reports.audit_report import AuditReport
from triage.reports.crosswalk import crosswalk
from triage.reports.document import Cell, Document, Table


def render_tables(document: Document, report: AuditReport) -> dict[str, bytes]:
    """Return `tables/NAME.csv` by name.

    What was measured has every field of its model, unrounded, and is whole also where the document
    shows a part, and the items of the checklists are one a row; each other table of the document
    that has a key is written as it is shown, with numbers unrounded.
    """
    models: list[tuple[str, type[ResultModel], Sequence[ResultModel]]] = [
        ("findings", AuditFinding, report.findings),
        ("estimates", AuditEstimate, report.estimates),
        ("comparisons", LevelComparison, report.comparisons),
        ("levels", LevelSummary, report.levels),
        ("worst", WorstLevel, report.worst),
    ]
    models += [(each.key, NamedNumber, each.numbers) for each in report.analyses if each.numbers]
    return (
        document_tables(document)
        | {"tables/checklists.csv": _checklists(document)}
        | {f"tables/{key}.csv": model_table(model, rows) for key, model, rows in models}
    )


def document_tables(document: Document) -> dict[str, bytes]:
    """Return `tables/KEY.csv` of each table of a document that has a key."""
    return {
        f"tables/{block.key}.csv": _table(block)
        for section in document.sections
        for block in section.blocks
        if isinstance(block, Table) and block.key
    }


def _checklists(document: Document) -> bytes:
    titles = {each.key: each.title for each in document.sections}
    columns = ["Checklist", "Item", "Topic", "Section", "Note"]
    rows = (
        (row.checklist, row.item, row.topic,
         "not covered" if row.section is None else titles[row.section], row.note)
        for row in crosswalk(document.sections)
    )  # fmt: skip
    return csv_text(columns, rows).encode()


def model_table(model: type[ResultModel], rows: Iterable[ResultModel]) -> bytes:
    """Return the CSV file of results: every field of their model, unrounded."""
    columns = list(model.model_fields)
    return csv_text(columns, ([getattr(row, name) for name in columns] for row in rows)).encode()


def _table(table: Table) -> bytes:
    """Write what a table shows; details and verdicts of a column get columns of their own."""
    names: list[str] = []
    places: list[tuple[int, str]] = []
    for index, column in enumerate(table.columns):
        cells = [row[index] for row in table.rows]
        with_verdict = any(cell.verdict is not None for cell in cells)
        if not with_verdict or any(cell.text for cell in cells):
            names.append(column.title)
            places.append((index, "value"))
        if any(cell.detail for cell in cells):
            names.append(f"{column.title}, detail")
            places.append((index, "detail"))
        if with_verdict:
            names.append(column.title if column.title == "Verdict" else f"{column.title}, verdict")
            places.append((index, "verdict"))
    rows = ([_written(row[index], part) for index, part in places] for row in table.rows)
    return csv_text(names, rows).encode()


def _written(cell: Cell, part: str) -> object:
    if part == "detail":
        return cell.detail
    if part == "verdict":
        return cell.verdict
    return cell.text if cell.value is None else cell.value
