"""An OCT case in a real browser: stepping without the server, blind first, then the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.browser import CHROMIUM, Traffic, serve
from tests.ui.make_oct import SECRETS, fill_oct
from tests.ui.panel import LOCK, STORE, choose, choose_condition, first_read, main_button

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    url, _ = fill_oct(tmp_path)
    with serve(url, tmp_path) as served:
        yield served


class Shown:
    """What the viewer shows just now."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.pane = page.get_by_role("slider", name="B-scan")

    @property
    def index(self) -> int:
        return int(self.pane.get_attribute("aria-valuenow"))

    def picture(self, canvas: str = ".bscan") -> str:
        found = self.page.locator(f".viewer {canvas}").first
        return str(found.evaluate("canvas => canvas.toDataURL()"))

    def press(self, key: str) -> int:
        self.pane.press(key)
        self.page.wait_for_timeout(80)
        return self.index


def asked_for(traffic: Traffic) -> int:
    """How much has come besides answers that the page asks for whatever the reader does."""
    always = (b"/session", b"/activity", b"/draft")
    return sum(not one.endswith(always) for one in traffic.received)


def test_a_volume_is_read_blind_then_beside_the_reasons(address: str) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        expect.set_options(timeout=60_000)
        page.set_default_timeout(60_000)
        traffic = Traffic(page)
        outside: list[str] = []
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        own = (address, address.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else outside.append(r.url))

        page.goto(f"{address}/?case=1")
        shown = Shown(page)
        expect(shown.pane).to_be_visible()
        expect(page.get_by_text("Right eye (R)")).to_be_visible()
        expect(page.get_by_role("img", name="Localizer with the B-scans")).to_be_visible()
        expect(page.get_by_role("img", name="En-face")).to_be_visible()
        expect(main_button(page, LOCK)).to_be_visible()
        expect(page.get_by_role("combobox")).to_be_focused()
        page.wait_for_timeout(300)

        # Every way to step, with the keyboard alone: the picture and its number change.
        sent = asked_for(traffic)
        first, before = shown.index, shown.picture()
        assert first == 7
        assert shown.press("ArrowRight") == first + 1
        assert shown.picture() != before
        assert shown.press("ArrowUp") == first
        assert shown.picture() == before
        assert shown.press("End") == 12
        assert shown.press("ArrowDown") == 12
        assert shown.press("PageUp") == 2
        assert shown.press("Home") == 1
        assert shown.press("PageDown") == 11
        column = shown.picture("[data-plane=enface] canvas")
        assert shown.press("Shift+ArrowRight") == 11
        assert shown.picture("[data-plane=enface] canvas") != column

        # And with the mouse: the wheel, the maps, the strip, the buttons.
        shown.pane.hover()
        page.mouse.wheel(0, -100)
        page.wait_for_timeout(80)
        assert shown.index == 10
        for plane, share, wanted in (("enface", 0.99, 1), ("localizer", 0.1, 12)):
            canvas = page.locator(f"[data-plane={plane}] canvas")
            box = canvas.bounding_box()
            canvas.click(position={"x": box["width"] / 3, "y": box["height"] * share})
            page.wait_for_timeout(80)
            assert shown.index == wanted  # this scanner begins below
        page.get_by_role("button", name="Previous B-scan").click()
        assert shown.index == 11
        before = shown.picture()
        page.locator(".viewer .signal").click(position={"x": 2, "y": 20})
        page.wait_for_timeout(80)
        assert shown.index == 1
        assert shown.picture() != before
        assert asked_for(traffic) == sent  # no step has asked the server
        measured = page.evaluate("performance.getEntriesByName('oct-step').length")
        assert measured > 8

        # Nothing of the AI has come, and nothing of it is drawn.
        assert not any(secret in page.content() for secret in SECRETS)
        assert not any(traffic.holds(secret) for secret in SECRETS)
        expect(page.get_by_text("Tissue map", exact=True)).to_be_hidden()

        shown.press("End")
        shown.press("ArrowLeft")
        # Several diagnoses, the main one first; one is taken off again.
        for text in ("drusen", "normal", "choroidal"):
            choose_condition(page, text)
        chosen = page.get_by_role("list", name="Chosen").get_by_role("listitem")
        expect(chosen).to_have_count(3)
        page.get_by_role("button", name="Remove Normal").click()
        expect(chosen).to_have_count(2)
        expect(chosen.first).to_contain_text("Drusen")
        expect(chosen.first).to_contain_text("main")
        choose(page, "Routine")
        choose(page, "Unsure")
        assert not any(traffic.holds(secret) for secret in SECRETS)
        shown.pane.press("Control+s")  # the page's main button, also from within the viewer
        expect(page.get_by_text("Tissue map", exact=True)).to_be_visible()
        expect(page.get_by_text("about 80 of 100").first).to_be_visible()
        assert traffic.holds("subretinal fluid")

        # The reader is still where he was; the map lies over the picture.
        assert shown.index == 11
        names = page.get_by_role("list", name="Tissues on this B-scan")
        expect(names.get_by_text("neurosensory retina")).to_be_visible()
        expect(page.locator("[data-plane=thickness] figcaption")).to_contain_text("µm")
        shown.press("j")
        most = page.locator(".hypotheses h2").inner_text().split(",")[0].removeprefix("B-scan ")
        expect(shown.pane).to_have_attribute("aria-valuenow", most)
        with_map = shown.picture()
        seen = {with_map}
        for key in ("m", "d", "o"):
            shown.press(key)
            assert shown.picture() not in seen
            seen.add(shown.picture())
        expect(page.get_by_role("radio", name="Off")).to_be_checked()
        shown.press("o")
        shown.press("d")
        page.locator(".viewer .opacity").fill("80")
        assert shown.picture() not in seen
        page.get_by_role("button", name="Instance 5").click()
        expect(page.get_by_role("radio", name="5", exact=True)).to_be_checked()
        shown.pane.hover(position={"x": 40, "y": 10})
        expect(page.locator(".viewer .pointer")).to_have_text(
            "vitreous and subhyaloid space · 5 of 5 instances agree"
        )
        expect(page.get_by_role("img", name="Urgent: about").first).to_be_visible()
        expect(page.get_by_role("row", name="Subretinal fluid volume")).to_contain_text("nl")
        announced = page.locator(".viewer [aria-live]")
        expect(announced).to_contain_text("Map of instance 5: neurosensory retina")

        # Picture, opinion and main button are in the window together.
        page.locator("section.panel .body").evaluate("body => body.scrollTo(0, 0)")
        page.locator(".st-key-case-images").evaluate("images => images.scrollTo(0, 0)")
        for part in (shown.pane, page.locator("section.panel .bars"), main_button(page, STORE)):
            expect(part).to_be_in_viewport(ratio=0.5)
        choose(page, "Keep mine")
        choose(page, "A finding is not there")
        main_button(page).click()
        expect(page.locator(".decided")).to_contain_text("Drusen, Choroidal")

        # An abstention on another case: its map, which reason it is, and no probability.
        page.goto(f"{address}/?case=2")
        expect(main_button(page, LOCK)).to_be_visible()
        expect(shown.pane).to_be_visible()
        first_read(page, "other", "Semi-urgent", "A guess")
        expect(page.get_by_text("This does not mean low risk")).to_be_visible()
        expect(page.get_by_text("The AI gave no opinion on this scan")).to_be_visible()
        expect(page.get_by_text("Tissue map", exact=True)).to_be_visible()
        assert "of 100" not in page.inner_text("body")
        browser.close()
    assert outside == []
    assert faults == []
