from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from tests.ui.conftest import Pages, everything, press, shown, sign_in_without_a_browser
from tests.ui.make_cases import SECRETS, SITE
from triage.accounts import Actor, Role
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import open_store


def _cases(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Case"])


def _search(app: AppTest) -> TextInput:
    (box,) = [box for box in app.text_input if box.label == "Find a case"]
    return box


def test_the_worklist_is_ordered_and_counted(pages: Pages) -> None:
    app = pages.open()
    assert not app.exception
    assert app.title[0].value == "Worklist"
    assert _cases(app) == ["C-1001", "C-1002", "C-1003", "C-1004"]
    table = app.dataframe[0].value
    assert list(table["Priority"]) == ["Urgent", "Semi-urgent", "Routine", "Observation"]
    assert table["Due"][0].startswith("Soon: in ")
    assert table["Waiting"][1] == "1 day"
    assert {m.label: m.value for m in app.metric} == {
        "Waiting": "4",
        "Overdue": "0",
        "In work by others": "0",
        "Done today": "0",
    }


def test_the_worklist_tells_nothing_of_the_ai(pages: Pages) -> None:
    sent = everything(pages.open()) + str(pages.open().dataframe[0].value.to_dict())
    assert "C-1001" in sent
    for secret in (*SECRETS, "elanoma", "bstain", "no_ai_opinion", "A4"):
        assert secret not in sent


def test_without_a_session_nothing_is_shown(pages: Pages) -> None:
    app = pages.open(reader="")
    assert not app.dataframe
    assert "Sign in again" in shown(app)


def test_the_next_case_opens(pages: Pages) -> None:
    app = press(pages.open(), "Open the next case")
    assert app.title[0].value == r"Case C\-1001"


def test_search_narrows_the_list(pages: Pages) -> None:
    app = pages.open()
    _search(app).input(" c-1003 ").run()
    assert _cases(app) == ["C-1003"]
    assert press(app, "Open the first case found").title[0].value == r"Case C\-1003"
    app = pages.open()
    _search(app).input("nothing").run()
    assert "No waiting case fits" in shown(app)


def test_an_empty_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    open_store(url, create=True).close()
    sign_in_without_a_browser(monkeypatch, url)
    assert "No case waits" in shown(Pages(url, {}).open())


def test_a_missing_database_is_a_clear_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    monkeypatch.setenv("TRIAGE_DATABASE_URL", url)
    app = Pages(url, {}).open(reader="")
    assert not app.exception
    assert "There is no case database here" in app.error[0].value


def test_the_next_case_is_one_that_nobody_else_has(pages: Pages) -> None:
    pages.open("C-1001", reader="Ann")
    other = pages.open(reader="Ben")
    assert list(other.dataframe[0].value["In work by"])[:2] == ["Ann", ""]
    assert press(other, "Open the next case").title[0].value == r"Case C\-1002"
    assert press(pages.open(), "Open the next case").title[0].value == r"Case C\-1001"


def test_the_priority_is_hidden_where_the_policy_says_so(pages: Pages) -> None:
    store = open_store(pages.url)
    policy = SitePolicy(priority_visible=False)
    set_site_policy(store, SITE, policy, Actor("Gus", Role.GOVERNANCE))
    store.close()
    app = pages.open()
    assert list(app.dataframe[0].value.columns) == ["Case", "Waiting", "Images"]
    assert "Urgent" not in everything(app)
    assert _cases(app) == ["C-1003", "C-1004", "C-1002", "C-1001"], "in the order of arrival"
