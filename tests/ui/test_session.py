from __future__ import annotations

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.ui.conftest import APP, TOKEN, Pages, everything, shown
from tests.ui.make_accounts import account, session_for
from triage.accounts import Role
from triage.accounts.sessions import sign_in_local, sign_out
from triage.store import open_store
from ui.page_paths import PagePath


def _with_token(token: str, page: PagePath | None = None) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state[TOKEN] = token
    if page is not None:
        app._page_hash = calc_hash(page.value)
    return app.run()


def test_the_account_page_says_who_is_signed_in(pages: Pages) -> None:
    app = pages.open(page=PagePath.ACCOUNT)
    assert "**Ann**" in shown(app)
    assert "Senior reader" in shown(app)
    assert "No password" not in shown(app)
    assert "/logout" in everything(app)


def test_the_local_user_is_told_that_there_is_no_password(pages: Pages) -> None:
    store = open_store(pages.url)
    app = _with_token(sign_in_local(store), PagePath.ACCOUNT)
    store.close()
    assert "**Local user**" in shown(app)
    assert "No password" in shown(app)


def test_a_session_that_ended_shows_nothing_of_a_case(pages: Pages) -> None:
    store = open_store(pages.url)
    token = session_for(store, "Ann")
    app = _with_token(token)
    assert "C-1001" in everything(app)
    sign_out(store, token)
    store.close()
    app.run()
    assert "Sign in again" in app.error[0].value
    assert "C-1001" not in everything(app)
    assert "/login" in everything(app)


def test_who_may_not_view_cases_sees_none(pages: Pages) -> None:
    store = open_store(pages.url)
    account(store, "Eve", Role.ENGINEER)
    app = _with_token(session_for(store, "Eve"))
    store.close()
    assert app.title[0].value == "Models"
    assert "C-1001" not in everything(app)


def test_another_account_finds_nothing_of_the_former_in_the_state(pages: Pages) -> None:
    app = pages.open(reader="Ann")
    app.session_state["draft"] = "of Ann"
    store = open_store(pages.url)
    app.session_state[TOKEN] = session_for(store, "Ben")
    store.close()
    app.run()
    assert "draft" not in app.session_state
