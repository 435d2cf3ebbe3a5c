from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.ui.conftest import (
    TOKEN,
    Pages,
    everything,
    press,
    shown,
    sign_in_without_a_browser,
)
from tests.ui.make_accounts import PASSWORD, account
from tests.ui.make_reviewed import ANN
from tests.ui.served import CHEAP
from triage.accounts import Role
from triage.accounts.actor import LOCAL_ACTOR
from triage.accounts.sessions import mark_reauthenticated, sign_in, sign_in_local
from triage.review import decide, lock_first_read, open_case, reveal, undo_decision
from triage.review.case_work import history_of
from triage.store import open_store
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.review_policies import SignatureMeaning
from ui.page_paths import PagePath


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.accounts.passwords.parameters", lambda: CHEAP)


def opened(pages: Pages, reader: str = "Ann") -> AppTest:
    app = pages.open(reader=reader, page=PagePath.SIGN_OFF)
    assert not app.exception
    return app


def opened_with(pages: Pages, token: str) -> AppTest:
    """The page in a session that was begun otherwise."""
    app = pages.open(reader="")
    app.session_state[TOKEN] = token
    app._page_hash = calc_hash(PagePath.SIGN_OFF.value)
    return app.run()


def prove(pages: Pages, app: AppTest) -> None:
    """What the provider does in another tab."""
    store = open_store(pages.url)
    mark_reauthenticated(store, app.session_state[TOKEN])
    store.close()


def fill_in(
    app: AppTest, *names: str, meaning: SignatureMeaning | None = SignatureMeaning.AUTHORSHIP
) -> None:
    for box in app.checkbox:
        if any(box.label.startswith(f"{name} ") for name in names):
            box.check()
    if meaning is not None:
        app.radio[0].set_value(meaning)


def state(pages: Pages, name: str) -> CaseState | None:
    store = open_store(pages.url)
    found = history_of(store, pages.cases[name]).state
    store.close()
    return found


def test_each_decision_is_summarised(reviewed: Pages) -> None:
    app = opened(reviewed)
    labels = [box.label for box in app.checkbox]
    assert labels[0] == "Choose all 3 cases below"
    assert "decided-1 · Melanoma, urgent" in labels
    assert any(
        one.value.startswith(r"Sure · decided by Ann \(you\) · clinic 2") for one in app.caption
    )
    assert any(
        "To follow: New images are to be taken" in one.value.replace("\\", "")
        for one in app.caption
    )
    assert app.text_input[0].value == "Ann"


def test_several_are_signed_and_have_letters(reviewed: Pages) -> None:
    app = opened(reviewed)
    prove(reviewed, app)
    fill_in(app, "decided-1", "decided-2")
    press(app, "Sign the chosen cases")
    assert "2 cases are signed as authorship" in shown(app)
    sent = everything(app)
    assert f"/letter/{reviewed.cases['decided-1']}" in sent
    assert f"/letter/{reviewed.cases['decided-2']}" in sent
    assert [box.label.split(" · ")[0] for box in app.checkbox[1:]] == ["decided-3"]
    assert state(reviewed, "decided-1") is CaseState.SIGNED
    assert state(reviewed, "decided-3") is CaseState.DECIDED


def test_all_are_chosen_at_once(reviewed: Pages) -> None:
    app = opened(reviewed)
    app.checkbox[0].check().run()
    assert [box.value for box in app.checkbox] == [True] * 4
    app.checkbox[0].uncheck().run()
    assert [box.value for box in app.checkbox] == [False] * 4


def test_what_is_missing_is_said_and_nothing_is_lost(reviewed: Pages) -> None:
    app = opened(reviewed)
    press(app, "Sign the chosen cases")
    assert "No case is chosen" in shown(app)
    fill_in(app, "decided-1", meaning=None)
    press(app, "Sign the chosen cases")
    assert "Choose what your signature means" in shown(app)
    fill_in(app)
    app.text_input[0].set_value(" ")
    press(app, "Sign the chosen cases")
    assert "Give the name" in shown(app)
    app.text_input[0].set_value("Dr. A. Nguyen")
    press(app, "Sign the chosen cases")
    assert "Sign in again with your provider first" in shown(app)
    assert [box.value for box in app.checkbox].count(True) == 1
    assert state(reviewed, "decided-1") is CaseState.DECIDED
    prove(reviewed, app)
    press(app, "Sign the chosen cases")
    assert "1 case is signed" in shown(app)


def test_a_wrong_password_signs_nothing(reviewed: Pages) -> None:
    store = open_store(reviewed.url)
    account(store, "Pam", password=PASSWORD)
    app = opened_with(reviewed, sign_in(store, "Pam", PASSWORD))
    app.checkbox[0].check().run()
    fill_in(app, meaning=SignatureMeaning.REVIEW)
    app.text_input[1].set_value("not the password")
    press(app, "Sign the chosen cases")
    assert "The password is not right" in shown(app)
    assert state(reviewed, "decided-1") is CaseState.DECIDED
    assert [box.value for box in app.checkbox] == [True] * 4
    app.text_input[1].set_value(PASSWORD)
    press(app, "Sign the chosen cases")
    assert "3 cases are signed as review" in shown(app)
    assert PASSWORD not in everything(app)
    store.close()


def test_only_the_author_signs_as_the_author(reviewed: Pages) -> None:
    app = opened(reviewed, "Bob")
    prove(reviewed, app)
    fill_in(app, "decided-1")
    press(app, "Sign the chosen cases")
    assert r"**decided\-1** is not signed" in shown(app)
    assert "Only those who decided" in shown(app)
    fill_in(app, "decided-1", meaning=SignatureMeaning.REVIEW)
    press(app, "Sign the chosen cases")
    assert "1 case is signed as review" in shown(app)


def test_a_case_that_changed_is_refused_and_the_others_are_signed(reviewed: Pages) -> None:
    app = opened(reviewed)
    prove(reviewed, app)
    store = open_store(reviewed.url)
    number = reviewed.cases["decided-1"]
    answers = {"urgency": Urgency.URGENT, "certainty": Certainty.UNSURE}
    undo_decision(store, number, ANN)
    decide(store, number, ANN, conditions=("melanoma",), reason="R4", **answers)  # type: ignore[arg-type]
    store.close()
    fill_in(app, "decided-1", "decided-2")
    press(app, "Sign the chosen cases")
    assert r"**decided\-1** is not signed. The case has changed" in shown(app).replace("\\.", ".")
    assert "1 case is signed as authorship" in shown(app)
    assert state(reviewed, "decided-1") is CaseState.DECIDED


def test_the_local_user_signs_without_a_password(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(pages.url)
    number = pages.cases["C-1001"]
    answers = {
        "conditions": ("melanoma",),
        "urgency": Urgency.URGENT,
        "certainty": Certainty.SURE,
    }
    open_case(store, number, LOCAL_ACTOR)
    lock_first_read(store, number, LOCAL_ACTOR, **answers)  # type: ignore[arg-type]
    reveal(store, number, LOCAL_ACTOR)
    decide(store, number, LOCAL_ACTOR, **answers)  # type: ignore[arg-type]
    app = opened_with(pages, sign_in_local(store))
    assert "you sign as the local user" in shown(app)
    fill_in(app, "C-1001")
    press(app, "Sign the chosen cases")
    assert "1 case is signed as authorship" in shown(app)
    store.close()


def test_without_decided_cases_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    open_store(url, create=True).close()
    sign_in_without_a_browser(monkeypatch, url)
    app = Pages(url, {}).open(page=PagePath.SIGN_OFF)
    assert "No decided case waits for a signature" in shown(app)
    assert press(app, "To the worklist").title[0].value == "Worklist"


def test_roles_without_the_permission_have_no_such_page(reviewed: Pages) -> None:
    store = open_store(reviewed.url)
    account(store, "Eve", Role.ENGINEER)
    store.close()
    assert reviewed.open(reader="Eve", page=PagePath.SIGN_OFF).title[0].value == "Models"
