from __future__ import annotations

from html.parser import HTMLParser

import pytest
from markupsafe import Markup

from ui.html_table import Column, code, indented, interval_bar, lines, link, table_html, tag


class Tags(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = "<script>alert(1)</script>\u202e"


def test_every_text_is_escaped() -> None:
    row = (HOSTILE, lines(HOSTILE, HOSTILE), tag(HOSTILE), indented(HOSTILE), code(HOSTILE))
    columns = [Column("Text") for _ in row]
    page = Tags(table_html(HOSTILE, columns, [row], named=True))
    assert "script" not in page.tags
    assert page.text.count("<script>alert(1)</script>") == 7
    assert "\u202e" not in page.text


def test_it_is_a_table_with_headings() -> None:
    columns = (Column("Name"), Column("Cases", "number"), Column("Chart", "chart"))
    html = table_html("Sites", columns, [("North", "3", interval_bar(0.5, 0.25, 0.75))])
    page = Tags(html)
    assert [page.tags.count(one) for one in ("table", "thead", "tbody", "tr")] == [1, 1, 1, 2]
    assert html.count('scope="col"') == 3
    assert html.count('scope="row"') == 1
    assert html.count('aria-hidden="true"') == 2  # the chart repeats numbers of its row
    assert "left:25.0%;width:50.0%" in html
    assert "caption" not in page.tags


def test_links_lead_to_these_pages_only() -> None:
    assert '<a href="/letter/3"' in link("Letter", "/letter/3")
    with pytest.raises(AssertionError):
        link("Letter", "https://elsewhere.example")
    assert Markup("&lt;b&gt;") in link("<b>", "/x")
