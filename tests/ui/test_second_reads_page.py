from __future__ import annotations

from tests.ui.conftest import Pages, everything, press, shown
from tests.ui.make_cases import SECRETS
from tests.ui.make_reviewed import SECRET_COMMENT
from ui.page_paths import PagePath

OF_OTHERS = (*SECRETS, SECRET_COMMENT, "Bob", "elanoma", "Urgent", "skin-2025", "Sure")
"""Parts of what the AI or the first reader said, or who that was."""


def test_cases_that_wait_are_listed_the_longest_wait_first(reviewed: Pages) -> None:
    app = reviewed.open(page=PagePath.SECOND_READS)
    assert not app.exception
    assert app.title[0].value == "Second reads"
    sent = everything(app)
    assert 0 < sent.index("second-2") < sent.index("second-1")
    assert "as=second_read" in sent
    assert "2 cases" in shown(app)


def test_nothing_of_the_first_reader_or_of_the_ai_is_sent(reviewed: Pages) -> None:
    sent = everything(reviewed.open(page=PagePath.SECOND_READS))
    assert "second-1" in sent
    for secret in OF_OTHERS:
        assert secret not in sent


def test_who_has_read_them_is_led_to_the_worklist(reviewed: Pages) -> None:
    app = reviewed.open(reader="Bob", page=PagePath.SECOND_READS)
    assert "No case waits for a second read by you" in shown(app)
    assert press(app, "To the worklist").title[0].value == "Worklist"
