"""Tables as HTML, which screen readers read as tables; every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from markupsafe import Markup, escape

from triage.printable import printable

_STYLE = """
<style>
  .tt { overflow-x: auto; margin: 0 0 0.25rem; }
  .tt:focus-visible { outline: 3px solid #164a6f; outline-offset: 2px; }
  .tt table { width: 100%; border-collapse: collapse; font-size: 0.9rem; line-height: 1.35; }
  .tt caption { padding: 0 0 0.25rem; font-weight: 600; text-align: left; }
  .tt th, .tt td { padding: 0.35rem 0.75rem 0.35rem 0; border-bottom: 1px solid #e3e9ee;
    text-align: left; vertical-align: top; overflow-wrap: break-word; }
  .tt thead th { color: #4c5a66; font-weight: 600; font-size: 0.8rem; white-space: nowrap; }
  .tt tbody th { font-weight: 400; }
  .tt tbody tr:last-child > * { border-bottom: 0; }
  .tt td.number, .tt th.number { text-align: right; font-variant-numeric: tabular-nums;
    white-space: nowrap; }
  .tt td.chart { width: 24%; min-width: 6rem; vertical-align: middle; }
  .tt .indent { display: block; padding-left: 1rem; }
  .tt .weak { color: #4c5a66; }
  .tt .tag { display: inline-block; padding: 0 0.4rem; border: 1px solid #8a97a3;
    border-radius: 0.6rem; font-size: 0.8rem; font-weight: 600; white-space: nowrap; }
  .tt .tag.strong { border-color: #164a6f; background: #164a6f; color: #fff; }
  .tt .scale { display: block; position: relative; height: 0.9rem; border-radius: 0.2rem;
    background: #eef2f5; }
  .tt .scale i { position: absolute; top: 0.3rem; height: 0.3rem; min-width: 2px;
    background: #7fa3bd; border-radius: 0.15rem; }
  .tt .scale b { position: absolute; top: 0.1rem; width: 0.7rem; height: 0.7rem;
    margin-left: -0.35rem; border: 2px solid #fff; border-radius: 50%; background: #164a6f; }
  .tt .scale s { position: absolute; top: -0.15rem; height: 1.2rem; width: 2px;
    margin-left: -1px; background: #0f1923; }
  .tt code { font-size: 0.85em; }
  .tt a { color: #164a6f; font-weight: 600; }
  .tt kbd { padding: 0 0.35rem; border: 1px solid #b7c3cc; border-bottom-width: 2px;
    border-radius: 0.25rem; background: #fff; font: inherit; white-space: nowrap; }
  @media (max-width: 640px) {
    .tt table { font-size: 0.85rem; }
    .tt .chart, .tt.stacked td.chart { display: none; }
    .tt th, .tt td { padding-right: 0.5rem; }
    .tt td.number, .tt thead th { white-space: normal; }
    .tt.stacked thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
      clip-path: inset(50%); }
    .tt.stacked tr, .tt.stacked th, .tt.stacked td { display: block; }
    .tt.stacked tr { padding: 0.4rem 0; border-bottom: 1px solid #d5dde4; }
    .tt.stacked tr > * { padding: 0.1rem 0; border: 0; text-align: left; }
    .tt.stacked tbody th { font-weight: 600; }
    .tt.stacked td[data-label]::before { content: attr(data-label) ": "; color: #4c5a66; }
  }
</style>
"""

Cell = str | Markup
"""Text, which is escaped, or HTML of this module."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    title : str
    kind : str
        '' of text, 'number' or 'chart'. A chart repeats numbers of its row: screen readers and
        narrow windows leave it out.
    """

    title: str
    kind: str = ""


def show_style() -> None:
    """Draw the style of tables; once at the beginning of a page that has some."""
    st.html(_STYLE)


def show_table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    named: bool = False,
    stacked: bool = False,
) -> None:
    """Draw a table; see `table_html`."""
    st.html(table_html(caption, columns, rows, named=named, stacked=stacked))


def show_markup(place: Any, markup: Markup) -> None:
    """Draw markup in a place of the page; everything that it was formatted with is escaped."""
    place.html(markup)


def table_html(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    named: bool = False,
    stacked: bool = False,
) -> str:
    """Return a table as HTML; the first cell of each row is its heading.

    Parameters
    ----------
    caption : str
        What the table is of.
    columns : sequence of Column
    rows : sequence of sequences of Cell
    named : bool
        Whether the caption is shown; otherwise only screen readers have it.
    stacked : bool
        Whether the cells of a row stand below each other in a narrow window, with their titles.
    """
    head = Markup("").join(
        Markup('<th scope="col" role="columnheader" class="{}"{}>{}</th>').format(
            column.kind, _hidden(column), column.title
        )
        for column in columns
    )
    body = Markup("").join(
        Markup('<tr role="row">{}</tr>').format(
            Markup("").join(
                _cell(column, cell, heading=at == 0)
                for at, (column, cell) in enumerate(zip(columns, row, strict=True))
            )
        )
        for row in rows
    )
    label = Markup('aria-label="{}"').format(printable(caption))
    title = Markup("<caption>{}</caption>").format(printable(caption)) if named else Markup("")
    # A region that can be scrolled has to be reachable by keyboard. The roles are stated, since
    # browsers drop them where the style lets cells stand below each other.
    return str(
        Markup(
            '<div class="tt{}" role="region" tabindex="0" {}><table role="table" {}>{}'
            '<thead role="rowgroup"><tr role="row">{}</tr></thead>'
            '<tbody role="rowgroup">{}</tbody></table></div>'
        ).format(
            " stacked" if stacked else "",
            label,
            Markup("") if named else label,
            title,
            head,
            body,
        )
    )


def _hidden(column: Column) -> Markup:
    return Markup(' aria-hidden="true"') if column.kind == "chart" else Markup("")


def _cell(column: Column, cell: Cell, *, heading: bool) -> Markup:
    shown = cell if isinstance(cell, Markup) else escape(printable(cell))
    if heading:
        return Markup('<th scope="row" role="rowheader">{}</th>').format(shown)
    return Markup('<td role="cell" class="{}" data-label="{}"{}>{}</td>').format(
        column.kind, column.title, _hidden(column), shown
    )


def indented(text: str) -> Markup:
    """Return the heading of a row that is a part of the one above it."""
    return Markup('<span class="indent">{}</span>').format(printable(text))


def tag(text: str, *, strong: bool = False) -> Markup:
    """Return a short word in a frame."""
    return Markup('<span class="tag{}">{}</span>').format(
        " strong" if strong else "", printable(text)
    )


def weak(text: str) -> Markup:
    """Return text of lesser weight, such as that there is no number."""
    return Markup('<span class="weak">{}</span>').format(printable(text))


def code(text: str) -> Markup:
    """Return a code, such as the beginning of a hash."""
    return Markup("<code>{}</code>").format(printable(text))


def keys(names: Sequence[str]) -> Markup:
    """Return keys of the keyboard."""
    return Markup(" ").join(Markup("<kbd>{}</kbd>").format(name) for name in names)


def lines(first: Cell, second: Cell) -> Markup:
    """Return two lines of a cell, the second of lesser weight."""
    return Markup('{}<br><span class="weak">{}</span>').format(
        first if isinstance(first, Markup) else printable(first),
        second if isinstance(second, Markup) else printable(second),
    )


def link(text: str, address: str) -> Markup:
    """Return a link to a path of these pages, which opens in a tab of its own."""
    assert address.startswith("/"), "a path of these pages"
    return Markup('<a href="{}" target="_blank" rel="noopener">{}</a>').format(
        address, printable(text)
    )


def interval_bar(
    value: float,
    low: float,
    high: float,
    ends: tuple[float, float] = (0.0, 1.0),
    limit: float | None = None,
) -> Markup:
    """Return a dot and its interval on a scale.

    Parameters
    ----------
    value, low, high : float
    ends : tuple of float
        Of the scale; what lies beyond is drawn at its end.
    limit : float, optional
        Drawn as a line across the scale.
    """
    start, stop = ends
    assert start < stop, "a scale has a length"
    marked = value if limit is None else limit
    at, left, right, line = (
        100 * min(max((each - start) / (stop - start), 0.0), 1.0)
        for each in (value, low, high, marked)
    )
    across = Markup("") if limit is None else Markup('<s style="left:{:.1f}%"></s>').format(line)
    return Markup(
        '<span class="scale"><i style="left:{:.1f}%;width:{:.1f}%"></i>{}'
        '<b style="left:{:.1f}%"></b></span>'
    ).format(left, right - left, across, at)
