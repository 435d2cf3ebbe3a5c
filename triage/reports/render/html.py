"""A document as one HTML page that loads nothing and runs nothing."""

from __future__ import annotations

import re

from triage.charts.page_environment import page_environment
from triage.reports.document import Block, Document
from triage.vocabulary.monitoring import ChartVerdict
from triage.vocabulary.verdicts import Verdict

SIGNS = {
    Verdict.MEETS: "✓",
    Verdict.FAILS: "✗",
    Verdict.NOT_ENOUGH: "?",
    ChartVerdict.IN_CONTROL: "✓",
    ChartVerdict.ALARM: "▼",
    ChartVerdict.NOT_ENOUGH: "?",
    ChartVerdict.NOT_AVAILABLE: "–",
}
LOOKS = {
    Verdict.MEETS: "good",
    Verdict.FAILS: "bad",
    Verdict.NOT_ENOUGH: "open",
    ChartVerdict.IN_CONTROL: "good",
    ChartVerdict.ALARM: "bad",
    ChartVerdict.NOT_ENOUGH: "open",
    ChartVerdict.NOT_AVAILABLE: "open",
}


def render_html(document: Document) -> str:
    """Return the page of a document; text in it is escaped, whatever it holds."""
    environment = page_environment("triage.reports")
    environment.filters["together"] = together
    environment.globals |= {"kind_of": kind_of, "signs": SIGNS, "looks": LOOKS}
    return environment.get_template("audit_page.html.j2").render(document=document)


def together(text: str) -> str:
    """Keep a number and its percent sign, and a p-value and its sign, on one line."""
    return re.sub(r"(?<=\d) %", "\u00a0%", text).replace("< 0", "<\u00a00")


def kind_of(block: Block) -> str:
    """Name the kind of a block, such as `table`."""
    return type(block).__name__.lower()
