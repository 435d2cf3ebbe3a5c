"""The list of cases: what reaches the browser, and what the browser may ask for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from ui.components import case_rows
from ui.components.case_rows import CaseRow, Fact, Heading, Mark, case_address, show

HEADINGS = [Heading("Case", 1.5), Heading("State")]


def row(case_id: int = 1, **changes: Any) -> CaseRow:
    given: dict[str, Any] = {
        "title": f"C-{case_id}",
        "subtitle": "patient P-1",
        "columns": (Fact("new"),),
        "action": "Open",
        "href": case_address(case_id),
        "picture": f"/images/{case_id}/0/main/thumbnail",
        "picture_text": "Photograph",
    }
    return CaseRow(case_id, **{**given, **changes})


class Browser:
    """Stands in for the component; sends an event as the browser would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: dict[str, Any] = {}
        monkeypatch.setattr(case_rows, "_mount", lambda **given: self.given.update(given))
        self.state: dict[str, Any] = {}
        monkeypatch.setattr(st, "session_state", self.state)

    def open(self, value: object) -> None:
        self.state[self.given["key"]] = SimpleNamespace(open=value)
        self.given["on_open_change"]()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(monkeypatch)


def test_what_is_given_to_the_browser(browser: Browser) -> None:
    show([row(7, columns=(Fact("Urgent", Mark.URGENT),))], HEADINGS, "rows", print)
    assert browser.given["data"] == {
        "label": "Cases",
        "headings": [{"text": "Case", "width": 1.5}, {"text": "State", "width": 1.0}],
        "rows": [
            {
                "case": 7,
                "title": "C-7",
                "subtitle": "patient P-1",
                "columns": [{"text": "Urgent", "mark": "urgent"}],
                "action": "Open",
                "href": "/case?case=7",
                "picture": "/images/7/0/main/thumbnail",
                "pictureText": "Photograph",
                "disabled": "",
            }
        ],
    }


def test_marks_of_writing_direction_are_shown_as_escapes(browser: Browser) -> None:
    name = "a\u202eb"
    shown = row(title=name, subtitle=name, columns=(Fact(name),), disabled=name)
    show([shown], HEADINGS, "rows", print)
    (given,) = browser.given["data"]["rows"]
    assert "\u202e" not in "".join(
        (given["title"], given["subtitle"], given["columns"][0]["text"], given["disabled"])
    )
    assert given["title"] == "a\\u202eb"


def test_only_a_row_that_can_be_opened_opens(browser: Browser) -> None:
    opened: list[int] = []
    show([row(1), row(2, disabled="not free now")], HEADINGS, "rows", opened.append)
    for value in (2, 3, "1", None, [1], {"case": 1}, 1.0):
        browser.open(value)
    assert opened == []
    browser.open(1)
    assert opened == [1]


def test_a_mark_needs_words() -> None:
    for text in ("", "  "):
        with pytest.raises(ValueError, match="text"):
            Fact(text, Mark.OVERDUE)


def test_each_row_has_a_text_for_each_column() -> None:
    with pytest.raises(ValueError, match="column"):
        show([row(columns=())], HEADINGS, "rows", print)


@pytest.mark.parametrize(
    ("work", "address"),
    [("", "/case?case=12"), ("second_read", "/case?case=12&as=second_read")],
)
def test_the_address_of_a_case(work: str, address: str) -> None:
    assert case_address(12, work) == address
