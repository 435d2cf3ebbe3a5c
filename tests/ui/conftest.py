from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.store.make import case
from tests.ui.make_accounts import session_for
from tests.ui.make_cases import SITE, draw_photograph, fill
from tests.ui.make_reviewed import fill_reviewed
from triage.store import CaseRecord, open_store
from ui.page_paths import PagePath

APP = Path(__file__).parents[2] / "ui" / "app.py"
TOKEN = "token of a test"
"""Where a test keeps the session's token: there is no cookie without a browser."""


class Pages:
    """The pages over one database, driven without a browser."""

    def __init__(self, url: str, cases: dict[str, int]) -> None:
        self.url = url
        self.cases = cases

    def open(
        self,
        case: str | None = None,
        reader: str = "Ann",
        page: PagePath | None = None,
        **parameters: str,
    ) -> AppTest:
        """Open the worklist, a case or another page, signed in as one reader; '' is not signed in.

        Accounts that are not there yet are those of senior readers. Other parameters are those of
        the address.
        """
        app = AppTest.from_file(str(APP), default_timeout=60)
        if case is not None:
            app.query_params["case"] = str(self.cases.get(case, case))
        for name, value in parameters.items():
            app.query_params[name] = value
        if reader:
            store = open_store(self.url)
            app.session_state[TOKEN] = session_for(store, reader)
            store.close()
        if page is not None:
            app._page_hash = calc_hash(page.value)
        return app.run()


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pages:
    url, cases = fill(tmp_path)
    sign_in_without_a_browser(monkeypatch, url)
    return Pages(url, cases)


@pytest.fixture(scope="session")
def reviewed_template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A folder with a database whose cases are at every stage; to be copied."""
    folder = tmp_path_factory.mktemp("reviewed")
    _, cases = fill_reviewed(folder)
    return folder, cases


@pytest.fixture
def reviewed(
    reviewed_template: tuple[Path, dict[str, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Pages:
    """The pages over cases of Ann, Bob and Gus at every stage of a review."""
    template, cases = reviewed_template
    shutil.copy(template / "cases.db", tmp_path / "cases.db")
    url = f"sqlite:///{tmp_path / 'cases.db'}"
    sign_in_without_a_browser(monkeypatch, url)
    return Pages(url, cases)


def sign_in_without_a_browser(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let the pages of a database take the session's token from where `Pages.open` puts it."""
    monkeypatch.setenv("TRIAGE_DATABASE_URL", url)
    monkeypatch.setattr("ui.session.session_token", lambda: st.session_state.get(TOKEN, ""))


def everything(app: AppTest) -> str:
    """Return all that a run sends to the browser, as text."""

    def walk(block: Any) -> list[str]:
        parts = [str(getattr(block, "proto", ""))]
        for child in getattr(block, "children", {}).values():
            parts += walk(child)
        return parts

    return "\n".join(part for root in app._tree.children.values() for part in walk(root))


def press(app: AppTest, label: str) -> AppTest:
    """Press the button whose label begins so."""
    (button,) = [button for button in app.button if button.label.startswith(label)]
    return button.click().run()


def shown(app: AppTest) -> str:
    """Return the text a reader sees."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.success)
    texts = [element.value for kind in (*kinds, app.warning, app.error) for element in kind]
    return "\n".join(texts)


def with_photograph(pages: Pages, name: str, **changes: Any) -> CaseRecord:
    """A case with one photograph that can be shown."""
    folder = Path(pages.url.removeprefix("sqlite:///")).parent / "more"
    photograph = draw_photograph(folder / f"{len(name)}.png", seed=0)
    return case(name, source=SITE, images=(photograph,), **changes)
