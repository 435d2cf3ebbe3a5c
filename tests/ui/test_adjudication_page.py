from __future__ import annotations

from tests.ui.conftest import Pages, everything, press, shown
from tests.ui.test_second_reads_page import OF_OTHERS
from ui.page_paths import PagePath


def test_cases_in_which_an_answer_is_waited_for_are_listed(reviewed: Pages) -> None:
    for reader in ("Ann", "Bob"):
        app = reviewed.open(reader=reader, page=PagePath.ADJUDICATION)
        assert not app.exception
        assert app.title[0].value == "Adjudication"
        sent = everything(app)
        assert "disagree" in sent
        assert "Round 1" in sent
        assert "as=adjudication" in sent


def test_nothing_of_what_anybody_said_is_sent(reviewed: Pages) -> None:
    sent = everything(reviewed.open(page=PagePath.ADJUDICATION))
    for secret in (*OF_OTHERS, "acne", "Acne", "Routine"):
        assert secret not in sent


def test_who_takes_no_part_is_led_to_the_worklist(reviewed: Pages) -> None:
    app = reviewed.open(reader="Carl", page=PagePath.ADJUDICATION)
    assert "No adjudication waits for your answer" in shown(app)
    assert press(app, "To the worklist").title[0].value == "Worklist"
