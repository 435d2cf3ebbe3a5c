"""A reader's way through photographs in a real browser, what reaches it, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.store.make import case, opinion, ranked
from tests.ui.browser import CHROMIUM, Traffic, serve, sign_in
from tests.ui.make_accounts import PASSWORD, account
from tests.ui.make_cases import SECRETS, SITE, draw_photograph, fill
from tests.ui.panel import (
    CUT_OFF,
    LOCK,
    STORE,
    choose,
    choose_condition,
    focused,
    main_button,
)
from triage.accounts import LOCAL_ACTOR
from triage.accounts.accounts import find_account
from triage.accounts.sessions import revoke_sessions
from triage.store import (
    add_case,
    add_prediction,
    events,
    open_store,
    register_bundle,
    review_summary,
)
from triage.store.records import BundleRecord
from triage.store.reviews import reviews

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]

SIZES = ((390, 844), (820, 1180), (1280, 800), (1920, 1080))
"""Of the window, in CSS pixels."""
MOST_PRESSES = 25
LONG = "arzneimittelexanthem_mit_eosinophilie_und_systemischen_symptomen"
"""A name of 64 characters."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    url, _ = fill(tmp_path)
    with serve(url, tmp_path) as address:
        yield address, url


@contextmanager
def browser_page(width: int = 1280, height: int = 800) -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        expect.set_options(timeout=60_000)
        page.set_default_timeout(60_000)
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        yield page
        browser.close()
    assert faults == []


def kinds(url: str, number: int) -> list[str]:
    store = open_store(url)
    with store.reading() as session:
        found = [event.kind for event in events(session, number)]
    store.close()
    return found


def test_the_whole_way(served: tuple[str, str], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    address, url = served
    with browser_page() as page:
        traffic = Traffic(page)
        outside: list[str] = []
        own = (address, address.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else outside.append(r.url))

        page.goto(f"{address}/case?case=1")
        expect(main_button(page, LOCK)).to_be_visible()
        expect(page.get_by_role("heading", name="Case C-1001")).to_be_visible()
        expect(page.get_by_role("combobox")).to_be_focused()
        main_button(page).click()
        refusal = page.locator("section.panel footer [role=alert]")
        expect(refusal).to_have_text("Choose a condition.")
        expect(page.get_by_role("combobox")).to_be_focused()
        choose_condition(page, "acn")
        choose(page, "Routine")
        choose(page, "Unsure")
        expect(refusal).to_be_empty()
        expect(page.locator(".state")).to_contain_text("Draft saved")

        # A reload keeps the draft; the AI has not been sent by any way.
        page.reload()
        expect(page.get_by_role("radio", name="Routine")).to_be_checked()
        expect(page.locator(".chosen")).to_contain_text("Acne")
        assert not any(secret in page.content() for secret in SECRETS)
        assert not any(traffic.holds(secret) for secret in SECRETS)

        main_button(page).click()
        expect(page.get_by_role("heading", name="AI opinion")).to_be_focused()
        expect(page.locator(".referral")).to_have_text("▲Urgent")
        expect(page.get_by_text("about 75 of 100")).to_be_visible()
        assert traffic.holds("AISECRETACTION")
        # Picture, opinion and main button are in the window together.
        for part in (page.get_by_role("img").first, page.locator(".bars"), main_button(page)):
            expect(part).to_be_in_viewport(ratio=0.9)
        page.screenshot(path=tmp_path / "reveal.png")

        # Nothing is chosen; taking the AI's departs from the first read, so it needs a reason.
        expect(page.locator("section.panel [aria-checked=true]")).to_have_count(0)
        main_button(page).click()
        expect(refusal).to_have_text("Choose whose reading you decide for.")
        choose(page, "Take the AI’s")
        expect(page.locator(".chosen")).to_contain_text("Melanoma")
        main_button(page).click()
        expect(refusal).to_have_text("Say how certain you are.")
        choose(page, "Fairly sure")
        main_button(page).click()
        expect(refusal).to_contain_text("This differs from your first read")
        assert focused(page).startswith("radio")
        choose(page, "A finding was missed")
        comment = page.get_by_label("Comment (optional)")
        comment.fill("x" * 10_001)
        main_button(page).click()
        expect(refusal).to_contain_text("The text has 10,001 characters")
        expect(comment).to_have_value("x" * 10_001)
        comment.fill("Seen after the reveal.")
        comment.press("Enter")
        comment.press("Control+Enter")
        expect(page.locator(".decided")).to_contain_text("Melanoma, urgent, fairly sure")
        expect(main_button(page, "Next case")).to_be_focused()
        assert kinds(url, 1)[-1] == "decision_made"
    assert outside == []
    store = open_store(url)
    with store.reading() as session:
        summary = review_summary(session)
    store.close()
    assert (summary.decided, summary.towards_ai, summary.reasons) == (1, 1, {"R1": 1})


def test_by_keyboard_alone_and_an_abstention(served: tuple[str, str], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    address, url = served
    presses = 0
    with browser_page() as page:

        def press(*keys: str) -> None:
            nonlocal presses
            for key in keys:
                page.keyboard.press(key)
                presses += 1

        page.goto(f"{address}/case?case=1")
        expect(page.get_by_role("combobox")).to_be_focused()
        page.keyboard.type("mela")
        press("Enter", "1", "8", "Control+s")
        expect(main_button(page, STORE)).to_be_visible()
        expect(page.get_by_role("heading", name="AI opinion")).to_be_focused()
        press("k", "Control+s")
        expect(main_button(page, "Next case")).to_be_focused()
        assert presses <= MOST_PRESSES
        assert kinds(url, 1)[-1] == "decision_made"

        # On to the next case, on which the AI abstained: what is to follow has to be answered.
        press("Control+s")
        expect(page.get_by_role("heading", name="Case C-1002")).to_be_visible()
        expect(page.get_by_role("combobox")).to_be_focused()
        presses = 0
        page.keyboard.type("other")
        press("Enter", "2", "5", "Control+s")
        expect(page.get_by_text("This does not mean low risk")).to_be_visible()
        assert "of 100" not in page.locator("section.panel").inner_text()
        press("k", "Control+s")
        refusal = page.locator("section.panel footer [role=alert]")
        expect(refusal).to_contain_text("Answer what is to follow")
        assert focused(page).startswith("radio To the specialist queue")
        press("Space")
        expect(page.get_by_label("To be seen by")).to_have_value(re.compile(r"\d{4}-\d\d-\d\d"))
        page.screenshot(path=tmp_path / "abstention.png")
        press("Control+s")
        expect(page.locator("section.panel .body")).to_contain_text("To follow: a specialist by")
        assert presses <= MOST_PRESSES

        # Undone, the answers are in the form again; then the case is reported instead.
        page.get_by_role("button", name="Undo my decision").click()
        expect(page.get_by_role("radio", name="To the specialist queue")).to_be_checked()
        page.get_by_role("button", name="Cannot grade…").click()
        dialog = page.get_by_role("dialog")
        page.keyboard.press("Control+s")
        expect(dialog.get_by_role("alert")).to_contain_text("needs a text")
        dialog.get_by_role("button", name="Blurred").click()
        page.keyboard.press("Control+s")
        expect(page.get_by_text("cannot be graded.")).to_be_visible()
        assert kinds(url, 2)[-1] == "case_ungradable"


def test_nothing_is_lost_or_doubled(served: tuple[str, str], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    address, url = served
    with browser_page() as page:
        page.goto(f"{address}/case?case=1")
        main_button(page, LOCK).wait_for()
        other = page.context.new_page()
        other.set_default_timeout(60_000)
        other.goto(f"{address}/case?case=1")
        main_button(other, LOCK).wait_for()

        # The server cannot be reached: the answers stay, and it is said.
        choose_condition(page, "acn")
        choose(page, "Routine")
        choose(page, "Unsure")
        page.route("**/api/**", lambda route: route.abort())
        main_button(page).click()
        refusal = page.locator("section.panel footer [role=alert]")
        expect(refusal).to_contain_text("The server cannot be reached. Nothing is lost")
        expect(page.get_by_role("radio", name="Routine")).to_be_checked()
        page.unroute("**/api/**")

        # Pressed again and again, and twice at once: each step is taken once.
        for _ in range(3):
            page.keyboard.press("Control+s")
            page.wait_for_timeout(300)
        expect(main_button(page, STORE)).to_be_visible()
        choose(page, "Keep mine")
        choose(page, "The clinical history")
        # The answer to a step is lost after the server has taken it.
        page.route("**/decision", lambda route: (route.fetch(), route.abort()))
        main_button(page).dblclick()
        expect(refusal).to_contain_text("The server cannot be reached")
        page.unroute("**/decision")
        main_button(page).dblclick()
        expect(main_button(page, "Next case")).to_be_visible()
        assert [kinds(url, 1).count(f"{kind}") for kind in ("first_read_locked", "decision_made")] \
            == [1, 1]  # fmt: skip

        # The second tab is out of date: it says so and shows the case as it is.
        choose_condition(other, "mela")
        choose(other, "Urgent")
        choose(other, "Sure")
        main_button(other).click()
        expect(other.locator("section.panel footer [role=alert]")).to_contain_text("is locked")
        other.get_by_role("button", name="Show the case as it is now").click()
        expect(other.locator(".decided")).to_contain_text("Acne, routine, unsure")

        # Back and forward between the pages of two cases.
        page.goto(f"{address}/case?case=3")
        main_button(page, LOCK).wait_for()
        page.go_back()
        expect(page.locator(".decided")).to_contain_text("Acne, routine, unsure")
    assert kinds(url, 1).count("first_read_locked") == 1


def test_every_width_and_long_names(served: tuple[str, str], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    address, url = served
    store = open_store(url)
    with store.transaction() as session:
        image = draw_photograph(tmp_path / "photographs" / "C-2001.png", 7)
        number = add_case(session, case("C-2001", source=SITE, images=(image,)))
        system = register_bundle(session, BundleRecord("9" * 64, "long", "p", (LONG, "acne")))
        differential = ranked((LONG, 0.9), ("acne", 0.06), ("x" * 60, 0.03))
        record = opinion(condition=LONG, differential=differential, next_action="y" * 80)
        add_prediction(session, number, system, record)
    store.close()
    with browser_page() as page:

        def check(name: str) -> None:
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_timeout(250)
                page.screenshot(path=tmp_path / f"{name}-{width}.png")
                assert page.evaluate(CUT_OFF) == [], (name, width)

        page.goto(f"{address}/case?case={number}")
        expect(main_button(page, LOCK)).to_be_visible()
        choose_condition(page, LONG[:12])
        choose(page, "Routine")
        choose(page, "Unsure")
        check("first")
        main_button(page).click()
        expect(page.get_by_text("about 81 of 100")).to_be_visible()
        check("reveal")
        choose(page, "Keep mine")
        main_button(page).click()  # the urgency differs, so it is refused
        check("refused")
        choose(page, "The clinical history")
        main_button(page).click()
        expect(main_button(page, "Next case")).to_be_visible()
        check("next")

        # Another browser of this computer is the same local user: no second blind read.
        fresh = page.context.browser.new_context().new_page()
        fresh.set_default_timeout(60_000)
        fresh.goto(f"{address}/case?case={number}")
        expect(fresh.locator(".decided")).to_be_visible()
        expect(main_button(fresh, LOCK)).to_be_hidden()
    store = open_store(url)
    with store.reading() as session:
        firsts = [review.reviewer for review in reviews(session, number) if review.first]
    store.close()
    assert firsts == [LOCAL_ACTOR.name]


def test_an_ended_session_keeps_the_answers(tmp_path: Path) -> None:
    from playwright.sync_api import expect

    url, _ = fill(tmp_path)
    store = open_store(url)
    account(store, "Dr Example", password=PASSWORD)
    with serve(url, tmp_path) as address, browser_page() as page:
        sign_in(page, address, "Dr Example", PASSWORD)
        expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
        page.goto(f"{address}/case?case=1")
        main_button(page, LOCK).wait_for()

        # Leaving asks first while an answer is not kept on the server yet, and not otherwise.
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.reload()
        main_button(page, LOCK).wait_for()
        assert asked == []
        page.route("**/draft", lambda route: route.abort())
        choose(page, "Routine")
        page.reload()
        assert asked == ["beforeunload"]
        page.unroute("**/draft")
        main_button(page, LOCK).wait_for()
        choose_condition(page, "acn")
        choose(page, "Observation")
        choose(page, "Sure")
        expect(page.locator(".state")).to_contain_text("Draft saved")

        # A step in an ended session is refused, covers the page, and keeps the answers.
        revoke_sessions(store, find_account(store, "Dr Example"))
        main_button(page).dispatch_event("click")
        cover = page.get_by_role("alertdialog")
        expect(cover).to_be_visible()
        tab = page.context.new_page()
        tab.set_default_timeout(60_000)
        sign_in(tab, address, "Dr Example", PASSWORD)
        expect(cover).to_be_hidden()
        expect(page.get_by_role("radio", name="Observation")).to_be_checked()
        expect(page.locator(".chosen")).to_contain_text("Acne")
        main_button(page).click()
        expect(main_button(page, STORE)).to_be_visible()
    store.close()
