"""The content of a report as blocks, made once and rendered to HTML, PDF and CSV.

Numbers become text here and nowhere else, so that they are identical in every format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

from triage.vocabulary.monitoring import ChartVerdict
from triage.vocabulary.verdicts import Verdict


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Parameters
    ----------
    text : str
    detail : str
        A second, smaller line, such as an interval.
    verdict : Verdict or ChartVerdict, optional
        Shown as a sign with its words.
    weak : bool
        Shown as missing or without enough evidence.
    value : float, int or str, optional
        What a CSV file has in place of the text.
    """

    text: str
    detail: str = ""
    verdict: Verdict | ChartVerdict | None = None
    weak: bool = False
    value: float | int | str | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading and what it holds."""

    title: str
    kind: Literal["text", "number"] = "text"


@dataclass(frozen=True)
class Table:
    """A table; `key` names its CSV file where it has one of its own."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    key: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str
    kind: Literal["text", "lead", "note", "missing"] = "text"


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Labels with what was stated; None is printed as "not stated"."""

    facts: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Figure:
    """A chart as `triage.charts` draws it, its title for screen readers, and its caption.

    Its colours are those of classes; each rendering brings them.
    """

    svg: Markup
    title: str
    caption: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading below that of the section."""

    text: str


@dataclass(frozen=True)
class SignatureLines:
    """Empty lines for name, date and signature of each role."""

    roles: tuple[str, ...]


Block = Table | Paragraph | Items | Facts | Figure | Heading | SignatureLines


@dataclass(frozen=True)
class Section:
    """One numbered section.

    Parameters
    ----------
    key : str
        Anchor, such as `subgroups`.
    title : str
    blocks : tuple of Block
    unavailable : str
        The reason why the section has no content; its blocks are then not shown.
    """

    key: str
    title: str
    blocks: tuple[Block, ...] = ()
    unavailable: str = ""


@dataclass(frozen=True)
class Document:
    """A whole report; `kind` stands before its identifier."""

    title: str
    report_id: str
    date: str
    lead: str
    sections: tuple[Section, ...] = field(default=())
    kind: str = "Audit report"
