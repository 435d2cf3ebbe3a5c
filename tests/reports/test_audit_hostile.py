"""Hostile text in every field of a report stays text, in every format."""

import csv
import io
import re

import pytest
from pypdf import PdfReader

from tests.reports import audit_example
from tests.reports.audit_pages import Page, pdf_text
from triage.auditing.audit_plan import Axis, SkinTone
from triage.auditing.measurement import Analysis
from triage.charts.svg import picture, text
from triage.printable import printable
from triage.reports.audit_report import Attachment, AuditReport, Registration, SystemFacts
from triage.reports.build_document import build_document
from triage.reports.document import Cell, Column, Document, Figure, Section, Table
from triage.reports.render.html import render_html
from triage.reports.render.pdf import drawable, render_pdf
from triage.reports.render.tables import render_tables

HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 111 * 111 }}{% raw %}",
    '#eval("1") #panic() $x$ *b* `r` @cite <label> \\ //c',
    "=cmd|' /C calc'!A0",
    "right\u202eleft\u2066",
    "W" * 300,
    "\u4e2d\u6587 \U0001f600 \x00\x1b[31m",
    "]]> --> </style></svg>&amp;&#60;",
)


def hostile_report(text: str) -> AuditReport:
    """A report with the text in every field of text that data or people can fill."""
    axes = {text: (text, f"{text} b"), "sex": ("female", "unknown")}
    plan = audit_example.plan(
        title=text[:200], source=text[:200], system=text, cohorts=(text[:200],),
        axes=(Axis(name=text[:200], column=text[:200], skin_tone=SkinTone(
            scale="other", method=text[:200])),),
    )  # fmt: skip
    made = audit_example.report(axes=axes, plan=plan, metrics=("accuracy", "ece"))
    renamed = [
        each.model_copy(update={"title": text, "unit": text, "note": text, "interval": text})
        for each in made.estimates
    ]
    rows = [{text: text}]
    return made.model_copy(
        update={
            "title": text, "report_id": text, "command": text, "code_version": text,
            "classes": [text], "facts": {text: text}, "excluded": {text: 3}, "deviations": [text],
            "estimates": renamed,
            "registration": Registration(kind="ledger", sentence=text, at=text, head=text),
            "system": SystemFacts(name=text, version=text, intended_use=text, bundle=text,
                                  facts={text: text}),
            "analyses": [Analysis(key="heal", title=text, available=False, reason=text),
                         Analysis(key="own", title=text, available=True, notes=[text])],
            "attachments": [Attachment(name=text, kind=kind, sha256=text, columns=[text],
                                       rows=rows) for kind in ("risk", "incidents", "sbom")],
        }
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_every_format(text):
    plain = audit_example.report(axes={"a": ("a", "a b"), "sex": ("female", "unknown")},
                                 metrics=("accuracy", "ece"))  # fmt: skip
    report = hostile_report(text)
    document = build_document(report)
    html = render_html(document)
    page = Page(html.encode("utf-8"))
    allowed = set(Page(render_html(build_document(plain)).encode()).tags) | {"p", "ul", "li", "h3"}
    assert set(page.tags) <= allowed
    assert "\u202e" not in html
    seen = "".join(page.text)
    assert printable(text) in seen
    assert "12321" not in seen
    pdf = PdfReader(io.BytesIO(render_pdf(document, report.plan.created_at)))
    assert len(pdf.pages) > 3
    for name, content in render_tables(document, report).items():
        for row in csv.reader(io.StringIO(content.decode())):
            assert not any(re.match(r"[=@+]|-[^0-9]", cell) for cell in row), name


def test_the_pdf_shows_typst_syntax_as_text():
    text = HOSTILE[2]
    pdf = render_pdf(build_document(hostile_report(text)), audit_example.WHEN)
    assert re.sub(r"\s", "", text) in pdf_text(pdf)


def test_every_character_that_the_pdf_keeps_is_in_its_fonts():
    """PDF/A refuses text without a glyph, in text and in pictures: here is all of it."""
    kept = "".join(
        character for character in map(chr, range(0x20, 0x3000)) if drawable(character) == character
    )
    assert len(kept) > 1200
    rows = tuple((Cell(kept[start : start + 40]),) for start in range(0, len(kept), 40))
    drawn = [text(0, 20 * row, cell.text) for row, (cell,) in enumerate(rows)]
    svg = picture("k", "all", "all", 800, 20 * len(rows), *drawn)
    blocks = (Table("all", (Column("text"),), rows), Figure(svg, "all"))
    document = Document("all", "r", "2026-03-02", "", (Section("s", "s", blocks),))
    assert render_pdf(document, audit_example.WHEN).startswith(b"%PDF")
