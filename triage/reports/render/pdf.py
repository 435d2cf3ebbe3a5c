"""A document as PDF/A-2a and PDF/UA-1, typeset by Typst.

The document is handed to the template as one JSON value, so that no text of it becomes code. Fonts
are those that Typst brings, and the date is given, so that the same document gives the same bytes
on every machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typst

from triage.charts.standalone import standalone
from triage.printable import printable
from triage.reports.document import Block, Cell, Column, Document, Figure, Section, Table
from triage.reports.render.html import kind_of, together

if TYPE_CHECKING:
    from typst import PDFStandard

STANDARDS: list[PDFStandard] = ["a-2a", "ua-1"]
MOST_ROWS = 400
"""Rows of one table in the PDF; the others are in its CSV file."""

_DRAWN = (
    (0x20, 0x7E), (0xA0, 0x23F), (0x250, 0x2E4), (0x384, 0x38A), (0x38E, 0x3A1), (0x3A3, 0x3CE),
    (0x400, 0x45F), (0x490, 0x4C4), (0x1E00, 0x1E9B), (0x1EA0, 0x1EF9), (0x2010, 0x2027),
    (0x2030, 0x2037), (0x2039, 0x203E), (0x2074, 0x208E), (0x20AC, 0x20AC), (0x2190, 0x219B),
    (0x2206, 0x220D), (0x220F, 0x221C), (0x2223, 0x222B), (0x2260, 0x2260), (0x2264, 0x2265),
    (0x25CF, 0x25D7), (0x2713, 0x2713), (0x2717, 0x2717),
)  # fmt: skip
"""Ranges of characters that Typst's text font has in every style, and the signs of verdicts."""
_SVG_FONT = "'Libertinus Serif','DejaVu Sans Mono'"
_PAGE, _MARGIN, _CHARACTER = 172.0, 4.0, 1.55
"""Width of the text, of the space between columns, and of one character, in mm."""
_NARROWEST = 14.0
"""Width of a column of text at least, in mm."""
_LONGEST, _BADGE = 60, 18
"""Characters of a column of text at most, and of the longest verdict."""
_WIDTH, _TALLEST = 780.0, 215.0
"""User units of a picture that is as wide as the page, and height of a picture in mm."""


def render_pdf(document: Document, at: datetime) -> bytes:
    """Typeset a document.

    Parameters
    ----------
    document : Document
    at : datetime
        With its time zone: the date of the file.
    """
    content = _plain(document)
    found = json.dumps(content)
    drawn = {**content, "escaped": _ESCAPED if "\\\\u" in found else ""}
    template = files("triage.reports").joinpath("templates", "audit.typ")
    compiled: bytes = typst.compile(
        Path(str(template)),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"report": json.dumps(drawn)},
        pdf_standards=STANDARDS,
        timestamp=at.astimezone(UTC).replace(microsecond=0),
    )
    return compiled


_ESCAPED = (
    "Characters that the fonts of this file lack are written as their numbers, such as \\u4e2d; "
    "report.html and report.json have them as they are."
)


def drawable(text: str) -> str:
    r"""Return text with every character that the fonts lack as an escape, such as ``\u4e2d``."""
    return "".join(
        character if _is_drawn(ord(character)) else _escape(character)
        for character in printable(text)
    )


def _is_drawn(code: int) -> bool:
    return any(low <= code <= high for low, high in _DRAWN)


def _escape(character: str) -> str:
    return " " if character.isspace() else character.encode("unicode_escape").decode("ascii")


def _plain(document: Document) -> dict[str, Any]:
    return {
        "title": drawable(document.title),
        "kind": drawable(document.kind),
        "report_id": drawable(document.report_id),
        "date": drawable(document.date),
        "lead": drawable(document.lead),
        "sections": [_section(each) for each in document.sections],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": drawable(section.title),
        "unavailable": drawable(section.unavailable),
        "blocks": [] if section.unavailable else [_block(each) for each in section.blocks],
    }


def _block(block: Block) -> dict[str, Any]:
    kind = {"block": kind_of(block)}
    if isinstance(block, Table):
        return kind | _table(block)
    if isinstance(block, Figure):
        return kind | _figure(block)
    written: dict[str, Any] = _drawable_values(asdict(block))
    return kind | written


def _drawable_values(value: Any) -> Any:
    if isinstance(value, str):
        return drawable(value)
    if isinstance(value, Mapping):
        return {key: _drawable_values(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_drawable_values(each) for each in value]
    return value


def _table(table: Table) -> dict[str, Any]:
    shown = table.rows[:MOST_ROWS] if table.key else table.rows
    cut = ""
    if len(shown) < len(table.rows):
        cut = (
            f"Rows {len(shown) + 1} to {len(table.rows)} are not printed here; "
            f"tables/{table.key}.csv and report.html have all."
        )
    widths = _widths(table.columns, shown)
    return {
        "title": drawable(table.title),
        "note": drawable(table.note),
        "cut": cut,
        "columns": [
            {"title": drawable(column.title), "kind": column.kind, "width": width}
            for column, width in zip(table.columns, widths, strict=True)
        ],
        "rows": [[_cell(cell) for cell in row] for row in shown],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "text": together(drawable(cell.text)),
        "detail": together(drawable(cell.detail)),
        "verdict": None if cell.verdict is None else cell.verdict.value,
        "weak": cell.weak,
    }


def _widths(columns: tuple[Column, ...], rows: Sequence[Sequence[Cell]]) -> list[float]:
    """Return the width of each column in mm, within that of the page.

    Columns of numbers and of verdicts keep what they need; columns of text share the rest.
    """
    needs = [
        _MARGIN + _CHARACTER * _longest(column, [row[index] for row in rows])
        for index, column in enumerate(columns)
    ]
    texts = [
        column.kind == "text" and not any(row[index].verdict for row in rows)
        for index, column in enumerate(columns)
    ]
    rest = _PAGE - sum(need for need, text in zip(needs, texts, strict=True) if not text)
    wide = _cap([need for need, text in zip(needs, texts, strict=True) if text], rest)
    needs = [min(need, wide) if text else need for need, text in zip(needs, texts, strict=True)]
    return [round(need * min(1.0, _PAGE / sum(needs)), 2) for need in needs]


def _cap(needs: list[float], rest: float) -> float:
    """Return how wide a column may be, so that all columns have room; the widest give way."""
    left = sorted(needs)
    for place, need in enumerate(left):
        share = rest / (len(left) - place)
        if need > share:
            return max(share, _NARROWEST)
        rest -= need
    return max(needs, default=_NARROWEST)


def _longest(column: Column, cells: Sequence[Cell]) -> int:
    """Return the longest line of a column, in characters."""
    longest = max(map(len, column.title.split()), default=0) + 1
    for cell in cells:
        sign = 2 if cell.verdict else 0
        text = len(cell.text) or (_BADGE if cell.verdict else 0)
        longest = max(longest, text + sign, round(0.86 * len(cell.detail)))
    return min(longest, _LONGEST if column.kind == "text" else 24)


def _figure(figure: Figure) -> dict[str, Any]:
    svg = standalone(figure.svg).svg if "<style>" not in figure.svg else str(figure.svg)
    svg = svg.replace("system-ui", f"{_SVG_FONT},system-ui")
    size = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', svg)
    wide, tall = (float(size.group(1)), float(size.group(2))) if size else (_WIDTH, _WIDTH)
    share = min(1.0, wide / _WIDTH)
    return {
        "svg": "".join(c if c == "\n" else drawable(c) for c in svg),
        "title": drawable(figure.title),
        "caption": drawable(figure.caption),
        "width": min(share, _TALLEST / _PAGE * wide / tall),
    }
