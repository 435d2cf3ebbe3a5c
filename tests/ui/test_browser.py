"""One reader's whole way, in a real browser; also what reaches it, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.review.team import waiting_items
from tests.store.make import case, opinion, ranked
from tests.ui.browser import CHROMIUM, Traffic, choose, serve
from tests.ui.make_cases import SECRETS, SITE, draw_photograph, fill
from triage.accounts import LOCAL_ACTOR
from triage.store import (
    BundleRecord,
    add_case,
    add_prediction,
    open_store,
    register_bundle,
    review_summary,
)
from triage.store.reviews import reviews

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


WIDTHS = (320, 375, 480, 768, 1024, 1280, 1440, 1920)
"""Of the window, in CSS pixels."""
_CUT_OFF = """
() => {
    const wide = document.documentElement.clientWidth;
    const card = [...document.querySelectorAll('[data-testid=stVerticalBlock]')]
        .filter((block) => block.querySelector('h3')?.textContent === 'AI opinion').at(-1);
    const texts = [...card.querySelectorAll('h3, p, [role=progressbar]')];
    return texts.length < 6 ? ['no card'] : texts.filter((text) => {
        const box = text.getBoundingClientRect();
        const frame = card.getBoundingClientRect();
        return !box.width || box.left < frame.left - 1 || box.right > frame.right + 1
            || box.right > wide + 1
            || ['P', 'H3'].includes(text.tagName) && text.scrollWidth > text.clientWidth + 1;
    }).map((text) => text.outerHTML.slice(0, 200));
}
"""
"""Text or bars of the AI's card that do not fit into it, or into the window."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    url, _ = fill(tmp_path)
    with serve(url, tmp_path) as address:
        yield address, url


def test_the_whole_way(served: tuple[str, str], tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    address, url = served
    shots = iter(range(1, 20))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        expect.set_options(timeout=60_000)
        page.set_default_timeout(60_000)
        traffic = Traffic(page)
        outside: list[str] = []
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(
                    (address, address.replace("http", "ws"), "data:", "blob:")
                )
                else outside.append(request.url)
            ),
        )

        def shoot(name: str) -> None:
            page.wait_for_timeout(700)
            page.screenshot(path=tmp_path / f"{next(shots)}-{name}.png", full_page=True)

        # Worklist, as the local user.
        page.goto(address)
        expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
        expect(page.get_by_role("button", name="Next case")).to_be_enabled()
        shoot("worklist")

        # First read, by keyboard shortcut to the next case.
        page.keyboard.press("Control+s")
        expect(page.get_by_role("heading", name="Case C-1001")).to_be_visible()
        expect(page.get_by_role("img", name="Photograph 2 of 2 of this case")).to_be_visible()
        lock = page.get_by_role("button", name="Lock my first read")
        expect(lock).to_be_visible()
        shoot("first-read")
        lock.click()
        expect(page.get_by_text("Still to choose")).to_be_visible()
        choose(page, "Acne")
        page.get_by_text("Routine", exact=True).click()
        page.get_by_text("Unsure", exact=True).click()
        before = page.content()
        assert not any(secret in before for secret in SECRETS)
        assert not any(traffic.holds(secret) for secret in SECRETS)

        # Reveal, by the shortcut with the focus in a radio button.
        page.keyboard.press("Control+s")
        expect(page.get_by_role("heading", name="AI opinion")).to_be_visible()
        expect(page.get_by_role("button", name="Store my decision")).to_be_visible()
        expect(page.get_by_text("about 75 of 100")).to_be_visible()
        shoot("reveal")
        assert traffic.holds("AISECRETACTION")

        # Decision: agreeing with the AI departs from the first read, so it needs a reason.
        choose(page, "Melanoma")
        page.get_by_text("Urgent", exact=True).click()
        page.get_by_role("button", name="Store my decision").click()
        expect(page.get_by_text("differs from your first read")).to_be_visible()
        shoot("reason-needed")
        reason = page.get_by_role("combobox").nth(1)
        reason.click()
        page.get_by_role("option", name="A finding was missed").click()
        page.get_by_role("textbox", name="Comment").fill("Seen after the reveal.")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("Your decision is stored")).to_be_visible()
        shoot("worklist-after")

        # An abstention.
        page.get_by_role("button", name="Next case").click()
        expect(page.get_by_role("heading", name="Case C-1002")).to_be_visible()
        choose(page, "Other")
        page.get_by_text("Semi-urgent", exact=True).click()
        page.get_by_text("Sure", exact=True).click()
        page.get_by_role("button", name="Lock my first read").click()
        expect(page.get_by_text("This does not mean low risk")).to_be_visible()
        expect(page.get_by_role("button", name="Store my decision")).to_be_visible()
        assert "of 100" not in page.inner_text("body")
        shoot("abstention")
        page.get_by_text("Photograph", exact=True).last.click()
        expect(page.get_by_text("Scroll to zoom")).to_be_visible()
        shoot("closely")

        # A row opens its case, with the mouse.
        page.get_by_role("button", name="Back to the worklist").click()
        page.get_by_role("link", name="C-1003").click()
        expect(page.get_by_role("heading", name="Case C-1003")).to_be_visible()
        expect(page.get_by_role("img", name="Photograph 3 of 3 of this case")).to_be_visible()
        shoot("from-the-list")
        browser.close()

    assert outside == []
    store = open_store(url)
    with store.reading() as session:
        summary = review_summary(session)
    assert [item.external_id for item in waiting_items(store, datetime.now(UTC))] == [
        "C-1002",
        "C-1003",
        "C-1004",
    ]
    store.close()
    assert (summary.decided, summary.towards_ai, summary.reasons) == (1, 1, {"R1": 1})


def test_the_card_fits_every_width_and_a_reload_is_no_second_blind_read(
    served: tuple[str, str], tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    address, url = served
    name_of_drug_reaction = "drug_reaction_with_eosinophilia_and_systemic_symptoms"
    store = open_store(url)
    with store.transaction() as session:
        image = draw_photograph(tmp_path / "photographs" / "C-2001.png", 7)
        number = add_case(session, case("C-2001", source=SITE, images=(image,)))
        system = register_bundle(
            session, BundleRecord("9" * 64, "long", "p", (name_of_drug_reaction, "acne"))
        )
        differential = ranked((name_of_drug_reaction, 0.9), ("acne", 0.06), ("x" * 60, 0.03))
        record = opinion(condition=name_of_drug_reaction, differential=differential)
        add_prediction(session, number, system, record)
    store.close()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        expect.set_options(timeout=60_000)
        page.set_default_timeout(60_000)

        lock = page.get_by_role("button", name="Lock my first read")
        page.goto(f"{address}/?case={number}")
        expect(lock).to_be_visible()
        choose(page, "Acne")
        page.get_by_text("Routine", exact=True).click()
        page.get_by_text("Unsure", exact=True).click()
        lock.click()
        expect(page.get_by_text("about 81 of 100")).to_be_visible()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 1000})
            page.wait_for_timeout(400)
            page.screenshot(path=tmp_path / f"card-{width}.png", full_page=True)
            assert page.evaluate(_CUT_OFF) == [], width
        page.set_viewport_size({"width": 1440, "height": 1000})

        # Another browser of this computer is the same local user: no second blind read.
        fresh = browser.new_context().new_page()
        fresh.set_default_timeout(60_000)
        for tab in (page, fresh):
            tab.goto(f"{address}/?case={number}")
            expect(tab.get_by_text("about 81 of 100")).to_be_visible()
            expect(tab.get_by_role("button", name="Lock my first read")).to_be_hidden()
        browser.close()
    store = open_store(url)
    with store.reading() as session:
        firsts = [review.reviewer for review in reviews(session, number) if review.first]
    store.close()
    assert firsts == [LOCAL_ACTOR.name]
