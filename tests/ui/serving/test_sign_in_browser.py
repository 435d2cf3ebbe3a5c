"""Signing in and out, and the end of a session, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tests.ui.browser import CHROMIUM, serve, sign_in
from tests.ui.make_accounts import PASSWORD, account
from tests.ui.make_cases import fill
from triage.accounts import Actor, Role
from triage.review.drafts import draft_of
from triage.store import Store, open_store
from triage.store.account_tables import LoginSessionRow
from triage.store.base import utc_now

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url, _ = fill(tmp_path)
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def url(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


class Refusals:
    """What the browser refused to load or run, and errors of scripts."""

    def __init__(self, page: Any) -> None:
        self.found: list[str] = []
        page.on("pageerror", lambda error: self.found.append(str(error)))
        page.on("console", self._message)

    def _message(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.found.append(message.text)


def test_signing_in_reading_the_worklist_and_signing_out(
    store: Store, url: str, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    account(store, "Dr Example", password=PASSWORD)
    with serve(url, tmp_path) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 390, "height": 844})
        page = context.new_page()
        refusals = Refusals(page)
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)

        page.goto(f"{address}/?case=2")
        assert page.url == f"{address}/login?next=%2F%3Fcase%3D2"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        page.screenshot(path=tmp_path / "sign-in.png")
        sign_in(page, address, "Dr Example", "not the password")
        expect(page.get_by_role("alert")).to_contain_text("is not right")
        page.screenshot(path=tmp_path / "refused.png")

        page.set_viewport_size({"width": 1280, "height": 900})
        sign_in(page, address, "dr example", PASSWORD)
        expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
        expect(page.get_by_role("button", name="Dr Example")).to_be_visible()
        page.get_by_role("button", name="Next case").click()
        expect(page.get_by_role("heading", name="Case C-1001")).to_be_visible()
        expect(page.get_by_role("region", name="Your reading of this case")).to_be_visible()
        page.screenshot(path=tmp_path / "signed-in.png")

        page.get_by_role("button", name="Dr Example").click()
        page.get_by_role("menuitem", name="Account and sign out").click()
        expect(page.get_by_text("Senior reader")).to_be_visible()
        page.get_by_role("link", name="Sign out", exact=True).click()
        expect(page.get_by_text("You are signed out")).to_be_visible()
        assert "triage_session" not in [cookie["name"] for cookie in context.cookies()]
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert "C-1001" not in page.content()
        page.goto(address)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert refusals.found == []
        browser.close()


def test_after_the_end_of_a_session_the_reader_goes_on_where_they_were(
    store: Store, url: str, tmp_path: Path
) -> None:
    """The page is covered, nothing typed is lost, and nothing is taken without a session."""
    from playwright.sync_api import expect, sync_playwright

    account(store, "Dr Example", password=PASSWORD)
    account(store, "Dr Other", Role.READER, password=PASSWORD)
    with serve(url, tmp_path) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        sign_in(page, address, "Dr Example", PASSWORD)
        find = page.get_by_role("textbox", name="Find a case")
        find.fill("C-1003")
        expect(page.get_by_role("button", name="Next case found")).to_be_visible()
        cover = page.get_by_role("alertdialog")
        expect(cover).to_be_hidden()

        _end_sessions(store)
        expect(cover).to_contain_text("Your session has ended")
        page.screenshot(path=tmp_path / "ended.png")
        assert not find.is_enabled() or page.evaluate("document.getElementById('root').inert")
        with context.expect_page() as opened:
            cover.get_by_role("link", name="Sign in again").click()
        tab = opened.value
        tab.set_default_timeout(60_000)
        tab.get_by_label("Name").fill("Dr Example")
        tab.get_by_label("Password").fill(PASSWORD)
        tab.get_by_role("button", name="Sign in").click()
        expect(tab.get_by_role("heading", name="Worklist")).to_be_visible()
        expect(cover).to_be_hidden()
        page.screenshot(path=tmp_path / "again.png")
        expect(find).to_have_value("C-1003")
        expect(find).to_be_enabled()
        find.press("Enter")
        page.get_by_role("button", name="Next case found").click()
        expect(page.get_by_role("heading", name="Case C-1003")).to_be_visible()

        # Somebody else signs in: nothing of the former reader's page stays, nor what was typed and
        # not kept yet, which is neither shown to the other nor kept as theirs.
        page.route("**/session", lambda route: route.abort())
        _end_sessions(store)
        page.get_by_role("radio", name="Urgent", exact=True).click()
        expect(page.get_by_text("Draft not saved yet")).to_be_visible()
        page.unroute("**/session")
        expect(cover).to_be_visible()
        page.route("**/session", lambda route: route.abort())  # so the draft is sent again before
        sign_in(tab, address, "Dr Other", PASSWORD)
        expect(tab.get_by_text("Dr Other")).to_be_visible()
        with page.expect_response("**/draft") as sent:
            pass
        assert sent.value.status == 401
        page.unroute("**/session")
        expect(cover).to_be_hidden()
        expect(page.get_by_text("Dr Other")).to_be_visible()
        expect(page.get_by_text("in work by Dr Example")).to_be_visible()
        expect(page.get_by_role("radio", name="Urgent", exact=True)).to_be_hidden()
        for number in range(1, 5):
            assert draft_of(store, number, Actor("Dr Other", Role.READER)) is None
        browser.close()


def test_the_local_user_is_told_that_there_is_no_password(url: str, tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    with serve(url, tmp_path) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.goto(address)
        expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
        expect(page.get_by_text("No password: this database has no account yet")).to_be_visible()
        page.get_by_role("button", name="Local user").click()
        page.get_by_role("menuitem", name="Account and sign out").click()
        page.get_by_role("link", name="Sign out", exact=True).click()
        page.get_by_role("button", name="Continue without a password").click()
        expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
        browser.close()


def _end_sessions(store: Store) -> None:
    with store.transaction() as session:
        session.execute(update(LoginSessionRow).values(expires_at=utc_now()))
