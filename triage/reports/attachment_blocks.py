"""What sections print of attached files."""

from __future__ import annotations

from collections import Counter

from triage.reports.audit_report import Attachment, AuditReport
from triage.reports.document import Block, Cell, Column, Paragraph, Table

_COUNTED = {
    "incidents": ("severity", "status"),
    "risk": ("residual_risk",),
    "sbom": (),
    "approvals": (),
}
"""Columns whose values are counted above the table."""
_NOTES = {
    "approvals": "As attached. A name here is not a signature: see the section on integrity.",
    "sbom": "Components are counted, not listed; the hash is that of the attached file.",
}


def attachment_blocks(report: AuditReport, kind: str) -> tuple[Block, ...]:
    """Return the attached tables of one kind; empty where none was attached.

    Parameters
    ----------
    report : AuditReport
    kind : {'incidents', 'risk', 'sbom', 'approvals'}
    """
    attached = [each for each in report.attachments if each.kind == kind]
    blocks: list[Block] = []
    for place, each in enumerate(attached):
        if counted := _counts(each):
            blocks.append(Paragraph(counted))
        key = kind if place == 0 else f"{kind}-{place + 1}"
        blocks.append(_table(each, key))
    return tuple(blocks)


def _counts(attachment: Attachment) -> str:
    """Tell how many rows there are of each value of the columns that are counted."""
    rows = attachment.rows
    columns = [name for name in _COUNTED[attachment.kind] if name in attachment.columns]
    if not columns:
        return ""
    parts = [f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}"]
    for column in columns:
        tally = Counter(row.get(column) or "not stated" for row in rows)
        if tally:
            values = ", ".join(f"{value} {count}" for value, count in sorted(tally.items()))
            parts.append(f"by {column.replace('_', ' ')}: {values}")
    return "; ".join(parts) + "."


def _table(attachment: Attachment, key: str) -> Table:
    note = f"File {attachment.name}, SHA-256 {attachment.sha256}."
    more = _NOTES.get(attachment.kind, "")
    return Table(
        title=f"Attached: {attachment.name}",
        columns=tuple(
            Column(
                name.replace("_", " ").capitalize(), "number" if name == "components" else "text"
            )
            for name in attachment.columns
        ),
        rows=tuple(
            tuple(_cell(row.get(name, "")) for name in attachment.columns)
            for row in attachment.rows
        ),
        note=f"{note} {more}".strip(),
        key=key,
    )


def _cell(text: str) -> Cell:
    return Cell(text, value=text) if text else Cell("not stated", weak=True, value="")
