"""The worklist and adding a case in a real browser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.store.make import case
from tests.ui.browser import CHROMIUM, Traffic, serve
from tests.ui.make_cases import SECRETS, SITE, draw_photograph, fill
from triage.accounts import Actor, Role
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import ImageRecord, Store, add_case, find_case, get_case, open_store
from ui.serving.settings import ServingSettings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
WIDTHS = (390, 820, 1280, 1920)
LONG = "Unterschenkelvorderseite" * 2 + "X" * 16
"""A name of 64 characters without a blank."""
_DROP = """
([name, content]) => {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type: 'image/png' }));
    return data;
}
"""
_OVERFLOW = """
() => {
    const wide = document.documentElement.clientWidth;
    const roots = [document, ...[...document.querySelectorAll('*')]
        .map((one) => one.shadowRoot).filter(Boolean)];
    const rows = roots.flatMap((root) => [...root.querySelectorAll('.row, .row *')]);
    const main = document.querySelector('[data-testid=stMain]');
    const controls = [...main.querySelectorAll('input, button')]
        .map((one) => one.getBoundingClientRect()).filter((box) => box.width > 4);
    const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
        && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return document.documentElement.scrollWidth > wide || rows.length < 10
        || [...rows.map((row) => row.getBoundingClientRect()), ...controls]
            .some((box) => box.right > wide + 1)
        || controls.some((a, at) => controls.slice(at + 1).some((b) => over(a, b)));
}
"""
"""Whether rows or controls reach beyond the window, or controls lie over each other."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url, _ = fill(tmp_path)
    opened = open_store(url)
    policy = SitePolicy(random_next_share=0)
    set_site_policy(opened, SITE, policy, Actor("Gus", Role.GOVERNANCE))
    missing = ImageRecord("missing.png", str(tmp_path), "a" * 64)
    with opened.transaction() as session:
        add_case(session, case(LONG, source=SITE, patient=LONG, images=(missing,)))
    yield opened
    opened.close()


@pytest.fixture
def page(store: Store, tmp_path: Path) -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    url = store.engine.url.render_as_string(hide_password=False)
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    with (
        serve(url, tmp_path, ServingSettings(uploads=uploads)) as address,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=address)
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield opened
        browser.close()


def test_rows_by_keyboard_search_in_the_address_and_widths(page: Any, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    traffic = Traffic(page)
    page.goto("/")
    rows = page.get_by_role("link").filter(has_text="patient")
    expect(rows).to_have_count(5)
    picture = page.get_by_role("img", name="Photograph")
    expect(picture).to_have_count(4)
    expect(page.get_by_role("img", name="No picture can be shown")).to_have_count(1)
    assert picture.first.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 160

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        expect(rows).to_have_count(5)
        assert not page.evaluate(_OVERFLOW), width
        page.screenshot(path=tmp_path / f"worklist-{width}.png")
    page.set_viewport_size({"width": 1280, "height": 800})

    # The search is in the address, and outlasts a reload; so does what is read after it.
    find = page.get_by_role("textbox", name="Find a case")
    find.fill("c-100")
    expect(rows).to_have_count(4)
    page.wait_for_url("**/?find=c-100")
    page.reload()
    expect(rows).to_have_count(4)
    expect(find).to_have_value("c-100")

    # By keyboard to the third row, and into its case.
    rows.first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    expect(rows.nth(2)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(2)).to_be_focused()
    expect(rows.nth(2)).to_contain_text("C-1002")
    assert not any(traffic.holds(secret) for secret in SECRETS)
    with page.context.expect_page() as opened:
        rows.nth(2).click(modifiers=["Control"])
    expect(opened.value.get_by_role("heading", name="Case C-1002")).to_be_visible()
    opened.value.close()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Case C-1002")).to_be_visible()


def test_dragging_a_photograph_adds_a_case(page: Any, store: Store, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    record = draw_photograph(tmp_path / "dragged" / "1.png", 9)
    content = (tmp_path / "dragged" / "1.png").read_bytes()
    page.goto("/")
    page.get_by_role("button", name="Add a case").click()
    zone = page.get_by_test_id("stFileUploaderDropzone")
    expect(zone).to_be_visible()
    given = ["Jane Doe.png", base64.b64encode(content).decode()]
    data = page.evaluate_handle(_DROP, given)
    zone.dispatch_event("drop", {"dataTransfer": data})
    add = page.get_by_role("button", name="Add the case")
    expect(add).to_be_visible()
    page.get_by_role("textbox", name="Name of the case").fill("A-1")
    page.get_by_role("textbox", name="Patient's pseudonym").fill("P-77")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        expect(add).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=tmp_path / f"add-{width}.png")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("No system has scored it")).to_be_visible()
    page.get_by_role("button", name="Open case A-1").click()
    expect(page.get_by_role("heading", name="Case A-1")).to_be_visible()
    with store.reading() as session:
        number = find_case(session, SITE, "A-1")
        assert number is not None
        added = get_case(session, number)
    assert (added.patient, added.images[0].sha256) == ("P-77", record.sha256)
    assert (Path(added.images[0].root) / added.images[0].path).read_bytes() == content
