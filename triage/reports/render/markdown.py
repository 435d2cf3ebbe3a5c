"""A document as Markdown, for reading in a repository or an editor."""

from __future__ import annotations

import re

from triage.printable import printable
from triage.reports.document import (
    Block,
    Cell,
    Document,
    Facts,
    Figure,
    Heading,
    Items,
    Paragraph,
    SignatureLines,
    Table,
)

_MARKS = re.compile(r"([\\`*_\[\]<>|#])")


def render_markdown(document: Document) -> str:
    """Return a document as Markdown; its text is escaped, and charts are left out."""
    lines = [f"# {_text(document.title)}", "", _text(document.lead), ""]
    for number, section in enumerate(document.sections, start=1):
        lines += [f"## {number}. {_text(section.title)}", ""]
        if section.unavailable:
            lines += [f"Not available: {_text(section.unavailable)}", ""]
            continue
        for block in section.blocks:
            lines += [*_block(block), ""]
    return "\n".join(lines).rstrip() + "\n"


def _text(text: str) -> str:
    return _MARKS.sub(r"\\\1", printable(text).replace("\n", " "))


def _block(block: Block) -> list[str]:
    match block:
        case Heading():
            return [f"### {_text(block.text)}"]
        case Paragraph():
            return [_text(block.text)]
        case Items():
            return [f"- {_text(item)}" for item in block.items]
        case Facts():
            return [
                f"- **{_text(label)}:** {_text(value or 'not stated')}"
                for label, value in block.facts
            ]
        case Figure():
            return [f"({_text(block.title)}: the chart is in the HTML and PDF renderings)"]
        case SignatureLines():
            return [f"- {_text(role)}, name, date and signature: ________" for role in block.roles]
        case Table():
            return _table(block)


def _table(table: Table) -> list[str]:
    titles = [_text(column.title) for column in table.columns]
    lines = [
        f"**{_text(table.title)}**",
        "",
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
    ]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table.rows]
    return [*lines, "", _text(table.note)] if table.note else lines


def _cell(cell: Cell) -> str:
    said = [
        cell.text,
        cell.verdict.value if cell.verdict else "",
        f"({cell.detail})" * bool(cell.detail),
    ]
    return _text(" ".join(part for part in said if part))
