"""Signing, letters, and every listed page at several widths, in a real browser."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.ui.browser import CHROMIUM, serve, sign_in
from tests.ui.make_accounts import PASSWORD
from tests.ui.make_reviewed import fill_reviewed

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]

PAGES = {
    "Ann": (
        "my-cases",
        "second-reads",
        "labelling",
        "adjudication",
        "sign-off",
        "models",
        "help",
        "account",
    ),
    "Gus": ("governance", "monitoring"),
}
"""Which pages are looked at, by who looks."""
WIDTHS = (390, 820, 1280, 1920)
_TOO_WIDE = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  const inside = [...main.querySelectorAll("*")].filter(
    (one) => !one.parentElement.closest(".tt") && one.getBoundingClientRect().width > 0
      && one.getBoundingClientRect().right > innerWidth + 1);
  return [document.documentElement.scrollWidth > innerWidth, main.scrollWidth > main.clientWidth,
    inside.map((one) => one.tagName)];
}"""
_HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4")]
  .filter((one) => one.offsetParent).map((one) => Number(one.tagName[1]))"""


def test_signing_letters_and_every_page_at_every_width(tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    url, cases = fill_reviewed(tmp_path, PASSWORD)
    expect.set_options(timeout=60_000)
    with serve(url, tmp_path) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for reader, paths in PAGES.items():
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            page.set_default_timeout(60_000)
            sign_in(page, address, reader, PASSWORD)
            expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
            for path in paths:
                _look_at(page, f"{address}/{path}")
            if reader == "Ann":
                _open_a_second_read(page, address, cases["second-2"])
                _sign_two(page, address)
                _read_the_letter(page, address, cases["decided-1"])
        browser.close()


def _look_at(page: Any, address: str) -> None:
    """Check a page at all widths: nothing is cut off, and headings are in order."""
    from playwright.sync_api import expect

    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(f"() => ({_TOO_WIDE})()[2].length === 0")
        assert page.evaluate(_TOO_WIDE) == [False, False, []], f"{address} at {width}"
    levels = page.evaluate(_HEADINGS)
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    page.set_viewport_size({"width": 1280, "height": 800})


def _open_a_second_read(page: Any, address: str, number: int) -> None:
    page.goto(f"{address}/second-reads")
    page.get_by_role("link", name="second-2").press("Enter")
    page.wait_for_url(f"{address}/case?case={number}&as=second_read")


def _sign_two(page: Any, address: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"{address}/sign-off")
    for name in ("decided-1", "decided-2"):
        page.get_by_role("checkbox", name=name).check(force=True)
    page.get_by_role("radio", name="Authorship").check(force=True)
    page.get_by_label("Your password again").fill("not the password")
    page.get_by_role("button", name="Sign the chosen cases").click()
    expect(page.get_by_role("alert")).to_contain_text("The password is not right")
    expect(page.get_by_role("checkbox", name="decided-1")).to_be_checked()
    page.get_by_label("Your password again").fill(PASSWORD)
    page.get_by_role("button", name="Sign the chosen cases").click()
    expect(page.get_by_text("2 cases are signed as authorship").first).to_be_visible()
    expect(page.get_by_role("checkbox", name="decided-3")).to_be_visible()
    expect(page.get_by_role("checkbox", name="decided-1")).to_have_count(0)


def _read_the_letter(page: Any, address: str, number: int) -> None:
    """Open the letter from the list, and print it."""
    from playwright.sync_api import expect

    link = page.get_by_role("link", name="Letter of decided-1")
    assert link.get_attribute("href") == f"/letter/{number}"
    page.goto(f"{address}/letter/{number}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Case decided-1")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    font = page.evaluate("getComputedStyle(document.body).fontSize")
    assert font != "16px", "the style sheet was applied"
    page.emulate_media(media="print")
    assert not page.get_by_text("use your browser").is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") == 1, "it fits one sheet"
    page.emulate_media(media="screen")
