from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import Pages, everything, press, shown, sign_in_without_a_browser
from tests.ui.make_cases import SECRETS
from tests.ui.make_reviewed import SECRET_COMMENT
from triage.store import open_store
from ui.page_paths import PagePath


def test_own_work_and_new_results_are_listed(reviewed: Pages) -> None:
    app = reviewed.open(page=PagePath.MY_CASES)
    assert not app.exception
    assert app.title[0].value == "My cases"
    assert [one.value for one in app.header] == [
        "2 new results",
        "Opened and not decided",
        "Decided, not signed",
        "Signed",
    ]
    sent = everything(app)
    assert "Differs from your decision" in sent
    assert "Agrees with your decision" in sent
    assert "Pathology North" in sent
    assert "Pseudoepitheliomat" in sent
    assert "/case?case=1" in sent


def test_nothing_of_the_ai_or_of_another_reader_is_sent(reviewed: Pages) -> None:
    sent = everything(reviewed.open(page=PagePath.MY_CASES))
    for secret in (*SECRETS, SECRET_COMMENT, "skin-2025", "second-1"):
        assert secret not in sent


def test_who_has_no_case_is_led_to_the_worklist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    open_store(url, create=True).close()
    sign_in_without_a_browser(monkeypatch, url)
    app = Pages(url, {}).open(page=PagePath.MY_CASES)
    assert "You have opened no case yet" in shown(app)
    assert press(app, "To the worklist").title[0].value == "Worklist"


def test_other_roles_have_no_such_page(reviewed: Pages) -> None:
    app = reviewed.open(reader="Gus", page=PagePath.MY_CASES)
    assert app.title[0].value == "Worklist"
