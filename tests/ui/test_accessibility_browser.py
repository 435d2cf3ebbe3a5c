"""Every page in a browser: the rules of WCAG by axe-core, every size, and 200 % text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.ui.browser import CHROMIUM, serve, sign_in
from tests.ui.every_page import Shown, every_page, settled, text_of_page
from tests.ui.make_accounts import PASSWORD
from tests.ui.make_every_page import READER, EveryPage, fill_every_page
from ui.serving.settings import ServingSettings

axe = pytest.importorskip("axe_playwright_python.base")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]

SIZES = ((390, 844), (640, 400), (820, 1180), (1280, 800), (1920, 1080))
"""Of the window in CSS pixels; 640 by 400 is a window of 1280 by 800 that is zoomed to 200 %."""
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa")
"""Tags of the rules that are checked: WCAG 2.0 to 2.2, A and AA."""
AXE_WHEN_NARROW = ("worklist", "case after the reveal", "OCT case after the reveal", "sign-off")
"""Pages on which axe-core runs in a narrow window too; the others differ from these by no part."""
OF_STREAMLIT = {("list", "stSidebarNavItems"), ("listitem", "stSidebarNavItems")}
"""Findings in what Streamlit itself draws: the rule, and the `data-testid` of its part.

It may only become shorter.
"""
_FINDINGS = """
async (rules) => {
    const found = await axe.run(document, {
        resultTypes: ['violations'], elementRef: true, runOnly: { type: 'tag', values: rules },
    });
    const owner = (node) => node.element?.closest?.('[data-testid]')?.dataset.testid ?? '';
    return found.violations.flatMap((rule) => rule.nodes.map((node) =>
        [rule.id, owner(node), node.html.slice(0, 200), node.failureSummary ?? '']));
}
"""
_CUT_OFF = """
() => {
    const roots = [document.body];
    for (let at = 0; at < roots.length; at += 1) {
        for (const one of roots[at].querySelectorAll('*')) {
            if (one.shadowRoot) roots.push(one.shadowRoot);
        }
    }
    const wide = document.documentElement.clientWidth;
    const above = (one) => one.parentElement ?? one.getRootNode().host;
    const wrong = [];
    const main = document.querySelector('[data-testid=stMain]');
    for (const whole of [document.documentElement, main].filter(Boolean)) {
        if (whole.scrollWidth > whole.clientWidth + 1) wrong.push('the page is wider');
    }
    const unread = 'script, style, noscript, title, canvas, option';
    for (const one of roots.flatMap((root) => [...root.querySelectorAll('*')])) {
        const words = [...one.childNodes].find((part) => part.nodeType === 3 && part.data.trim());
        const isShown = one.checkVisibility({ visibilityProperty: true });
        if (!words || !isShown || one.closest(unread)) continue;
        const range = document.createRange();
        range.selectNodeContents(words);
        const box = range.getBoundingClientRect();
        let [left, right, isRead] = [0, wide, box.width > 0];
        for (let part = one; part && isRead; part = above(part)) {
            const style = getComputedStyle(part);
            const frame = part.getBoundingClientRect();
            const hidden = style.clipPath !== 'none' || frame.width <= 1 || part.inert
                || style.opacity === '0' || part.dataset?.testid === 'stSkipToContent';
            const scrolls = ['auto', 'scroll'].includes(style.overflowX);
            if (hidden || (scrolls && part.scrollWidth > part.clientWidth)) isRead = false;
            if (!['visible', 'auto', 'scroll'].includes(style.overflowX)) {
                left = Math.max(left, frame.left);
                right = Math.min(right, frame.right);
            }
        }
        if (isRead && (box.left < left - 1 || box.right > right + 1)) {
            wrong.push(`${words.data.trim().slice(0, 60)} in ${one.outerHTML.slice(0, 120)}`);
        }
    }
    const panel = roots.map((root) => root.querySelector('section.panel')).find(Boolean);
    // In a window as low as this the picture may fill what is above the footer.
    if (innerHeight < 460) panel?.scrollIntoView();
    const place = panel?.querySelector('footer .main')?.getBoundingClientRect();
    if (panel && !(place?.top >= 0 && place.bottom <= innerHeight + 1)) wrong.push('main button');
    main?.scrollTo(0, 0);
    return wrong;
}
"""
"""Text that reaches beyond the window or what clips it, and the main button if not in view."""
_TOGETHER = (".panel .bars", ".panel footer .main")


@dataclass(frozen=True, slots=True)
class Served:
    """A served database of generated cases, and a browser."""

    browser: Any
    address: str
    made: EveryPage
    faults: list[str]

    def page(self, width: int = 1280, height: int = 800) -> Any:
        """Open a page whose errors of scripts are collected."""
        size = {"width": width, "height": height}
        page = self.browser.new_context(viewport=size).new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        return page


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from playwright.sync_api import expect, sync_playwright

    folder = tmp_path_factory.mktemp("every-page")
    (folder / "uploads").mkdir()
    made = fill_every_page(folder, PASSWORD)
    settings = ServingSettings(uploads=folder / "uploads", audits=folder / "audits")
    with serve(made.url, folder, settings) as address, sync_playwright() as play:
        expect.set_options(timeout=60_000)
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Served(browser, address, made, [])
        browser.close()


def test_every_page(served: Served) -> None:
    wrong: dict[str, Any] = {}
    for shown in every_page(served.page(), served.page(), served.address, served.made, PASSWORD):
        found = of_axe(shown.page)
        for width, height in SIZES:
            shown.page.set_viewport_size({"width": width, "height": height})
            if width == 390 and shown.name in AXE_WHEN_NARROW:
                found |= of_axe(shown.page)
            wrong |= cut_off(shown, f"{width} by {height}")
        shown.page.set_viewport_size({"width": 1280, "height": 800})
        text_of_page(shown.page, 2)
        wrong |= cut_off(shown, "text of 200 %")
        text_of_page(shown.page, 1)
        wrong |= {f"{shown.name}: axe": sorted(found)} if found else {}
        if shown.name == "case after the reveal":
            wrong |= apart(shown)
    assert served.faults == []
    assert wrong == {}


def of_axe(page: Any) -> set[tuple[str, str]]:
    """Return the findings of axe-core, without those known of Streamlit."""
    page.evaluate(axe.AXE_SCRIPT)
    found = page.evaluate(_FINDINGS, list(RULES))
    return {
        (rule, f"{html} {why}")
        for rule, owner, html, why in found
        if (rule, owner) not in OF_STREAMLIT
    }


def cut_off(shown: Shown, size: str) -> dict[str, Any]:
    """Return what is cut off; what is only just being laid out anew gets its time."""
    for _ in range(20):
        if not (found := shown.page.evaluate(_CUT_OFF)):
            return {}
        shown.page.wait_for_timeout(100)
    return {f"{shown.name}, {size}": found}


def apart(shown: Shown) -> dict[str, Any]:
    """Return which of picture, opinion and main button is not in a window of 1280 by 800."""
    boxes = {name: shown.page.locator(name).bounding_box() for name in _TOGETHER}
    boxes["picture"] = shown.page.locator(".stage .view").bounding_box()
    return {
        name: box
        for name, box in boxes.items()
        if not box
        or min(box["x"], box["y"]) < 0
        or box["x"] + box["width"] > 1280
        or box["y"] + box["height"] > 800
    }


MOST_PRESSES = 25
"""From an open case to the decision; the letters of a condition are not counted."""
MOST_TABS = 40
"""Parts in one region of a page: a reader leaves it by Tab within so many presses."""
_IS_IN = """
(where) => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    for (let part = one; part; part = part.parentElement ?? part.getRootNode().host) {
        if (part.matches?.(where)) return true;
    }
    return false;
}
"""
"""Whether what has the focus is in a part of the page, also within components."""


def has_focus(page: Any, where: str) -> bool:
    """Return whether the focus is in a part of the page."""
    return bool(page.evaluate(_IS_IN, where))


def leave_by_tab(page: Any, where: str) -> None:
    """Press Tab until the focus has left a part of the page."""
    assert has_focus(page, where)
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if not has_focus(page, where):
            return
    raise AssertionError(f"Tab does not leave {where}")


def test_by_keyboard_from_the_worklist_to_the_decision(served: Served) -> None:
    from playwright.sync_api import expect

    page = served.page()
    sign_in(page, served.address, READER.name, PASSWORD)
    page.get_by_role("link", name="C-1001").wait_for()
    settled(page)

    # The first Tab reaches the link that skips the navigation.
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("stSkipToContent")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert has_focus(page, "[data-testid=stMain]")

    # A popover opens and closes without losing the place.
    filters = page.get_by_role("button", name="Filters")
    filters.focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("stPopoverBody").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    expect(filters).to_be_focused()

    for _ in range(MOST_TABS):
        if has_focus(page, ".row"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Home")
    while not page.get_by_role("link", name="C-1001").evaluate(
        "(row) => row.getRootNode().activeElement === row"
    ):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Case C-1001").wait_for()
    expect(page.get_by_role("combobox")).to_be_focused()

    presses = 0

    def press(*keys: str) -> None:
        nonlocal presses
        for key in keys:
            page.keyboard.press(key)
            presses += 1

    refusal = page.locator(".panel footer [role=alert]")
    press("Control+s")
    expect(refusal).to_have_text("Choose a condition.")
    assert has_focus(page, "section.panel")
    page.keyboard.type("irreg")
    press("Enter", "1", "7", "Control+s")
    expect(page.get_by_role("heading", name="AI opinion")).to_be_focused()
    press("Control+s")
    expect(refusal).not_to_be_empty()
    assert has_focus(page, "section.panel [role=radio]")
    press("k", "Control+s")
    expect(page.locator(".decided")).to_contain_text("Irregular dark patch, urgent, fairly sure")
    assert has_focus(page, "section.panel footer")
    assert presses <= MOST_PRESSES


def test_no_part_of_a_case_keeps_the_keyboard(served: Served) -> None:
    from playwright.sync_api import expect

    page = served.page()
    sign_in(page, served.address, READER.name, PASSWORD)
    page.get_by_role("link", name="C-1007").wait_for()
    page.goto(f"{served.address}/case?case={served.made.numbers['C-1007']}")
    page.get_by_role("combobox").wait_for()
    page.locator(".stage .view").focus()
    leave_by_tab(page, ".stage")
    page.locator(".stage .tools button:visible").last.focus()
    leave_by_tab(page, ".stage")
    page.get_by_role("combobox").focus()
    leave_by_tab(page, "section.panel")

    # A dialog keeps the focus, Escape closes it, and the focus is where it was.
    for name in ("Cannot grade…", "Leave…"):
        opener = page.get_by_role("button", name=name)
        opener.focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for()
        assert has_focus(page, "dialog")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(opener).to_be_focused()

    page.goto(f"{served.address}/case?case={served.made.numbers['V-3101']}")
    scan = page.get_by_role("slider", name="B-scan")
    scan.focus()
    leave_by_tab(page, ".viewer")
    scan.focus()
    page.keyboard.press("Shift+Tab")
    expect(scan).not_to_be_focused()
    assert served.faults == []
