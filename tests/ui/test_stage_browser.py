"""The stage of photographs and the OCT viewer's tools in a real browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.imaging.samples import dicom_dataset, file_bytes
from tests.store.make import bundle, case, opinion
from tests.ui.browser import CHROMIUM, serve
from tests.ui.make_cases import SITE, draw_photograph, fill
from tests.ui.make_oct import DEPTH, FIELD, SMALL, write_volume
from triage.hashing import hash_file
from triage.store import ImageRecord, Modality, add_case, add_prediction, open_store
from triage.store import register_bundle as register
from triage.vocabulary.laterality import Laterality

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
WIDTHS = ((390, 820), (820, 1100), (1280, 800), (1920, 1080))
TINT = (1.0, 0.8, 0.55)
"""Of the light in the tinted picture, red to blue."""


def tinted(path: Path) -> ImageRecord:
    """Draw grey patches and colours under a tinted light, as an object with a scale."""
    chance = np.random.default_rng(3)
    patches = chance.integers(40, 250, (6, 8, 1)) * np.ones(3)
    patches[::2, ::3] = chance.integers(40, 250, (3, 3, 3))
    pixels = np.kron(patches * TINT, np.ones((60, 60, 1))).astype(np.uint8)
    data = dicom_dataset(pixels, PixelSpacing=["0.1", "0.1"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file_bytes(data))
    return ImageRecord(path.name, str(path.parent), hash_file(path))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, int]]]:
    folder = tmp_path_factory.mktemp("stage")
    url, _ = fill(folder)
    store, numbers, now = open_store(url), {}, datetime.now(UTC)
    with store.transaction() as session:
        system = register(session, bundle(conditions=("acne", "folliculitis", "melanoma")))
        images = (
            tinted(folder / "more" / "tinted.dcm"),
            draw_photograph(folder / "more" / "large.jpg", 3, (3000, 2000)),
            draw_photograph(folder / "more" / "third.png", 4),
            ImageRecord("gone.png", str(folder / "more"), "a" * 64),
        )
        numbers["photographs"] = add_case(session, case("photographs", source=SITE, images=images))
        add_prediction(session, numbers["photographs"], system, opinion())
        for name, visit, eye, shape in (
            ("scan", 140, "right", SMALL),
            ("before", 0, "right", (23, *SMALL[1:])),
            ("fellow", 140, "left", SMALL),
        ):
            volume = write_volume(folder / "volumes" / f"{name}.npz", shape, visit)
            numbers[name] = add_case(
                session,
                case(
                    name,
                    source=SITE,
                    patient="P-1",
                    images=(volume,),
                    modality=Modality.OCT_VOLUMES,
                    visit=visit,
                    laterality=Laterality(eye),
                    received_at=now - timedelta(days=150 - visit),
                ),
            )
    store.close()
    with serve(url, folder) as address:
        yield address, numbers


@contextmanager
def page_of(address: str, **context: Any) -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=60_000)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **context})
        page.set_default_timeout(60_000)
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.goto(address)
        yield page
        browser.close()
    assert faults == []


class Stage:
    """The stage as it is shown just now."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.view = page.locator(".stage .view")
        self.badge = page.locator(".stage .badge")

    def wait(self) -> None:
        """Until a picture is drawn."""
        from playwright.sync_api import expect

        expect(self.view.locator(".zoom")).to_be_visible()
        self.settle()

    def settle(self) -> None:
        """Until what was asked for is drawn: drawing waits for the next frame."""
        self.page.evaluate("() => new Promise(go => requestAnimationFrame(() => setTimeout(go)))")

    def state(self) -> tuple[float, float, float]:
        self.settle()
        found = self.view.evaluate("view => [view.dataset.scale, view.dataset.x, view.dataset.y]")
        scale, x, y = map(float, found)
        return scale, x, y

    def at(self, left: float, top: float) -> tuple[float, float]:
        """The pixel of the picture at a place of the stage."""
        scale, x, y = self.state()
        box = self.view.bounding_box()
        return x + (left - box["width"] / 2) / scale, y + (top - box["height"] / 2) / scale

    def pixels(self) -> NDArray[np.uint8]:
        """What the canvas shows, uint8 [H, W, 3]."""
        self.settle()
        found = self.view.locator("canvas").evaluate(
            "canvas => Array.from(new Uint8Array(canvas.getContext('2d').getImageData("
            "0, 0, canvas.width, canvas.height).data)).concat([canvas.width, canvas.height])"
        )
        *values, width, height = found
        return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def shades_of_grey(pixels: NDArray[np.uint8], norm: int = 6) -> NDArray[np.float64]:
    """Finlayson and Trezzi (2004) in linear light; [.., 3] in 0 to 255."""
    coded = pixels / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    illuminant = np.mean(light.reshape(-1, 3) ** norm, axis=0) ** (1 / norm)
    unit = illuminant / np.linalg.norm(illuminant)
    balanced = np.clip(light / (unit * np.sqrt(3)), 0, 1)
    low = balanced <= 0.0031308
    coded_again = np.where(low, 12.92 * balanced, 1.055 * balanced ** (1 / 2.4) - 0.055)
    return np.asarray(255 * coded_again, dtype=np.float64)


def test_photographs_zoom_pan_and_are_altered_in_place(
    served: tuple[str, dict[str, int]],
) -> None:
    from playwright.sync_api import expect

    address, numbers = served
    with page_of(f"{address}/case?case={numbers['photographs']}") as page:
        stage = Stage(page)
        stage.wait()
        buttons = page.locator(".stage .strip button")
        # The facts of all have come, and the picture that is next is there.
        expect(buttons.nth(3)).to_have_attribute("aria-label", "Photograph 4 of 4, cannot be shown")
        page.wait_for_load_state("networkidle")
        expect(stage.view.locator(".bar")).to_contain_text("mm")
        asked: list[str] = []
        # But for the panel, which says now and then that its reader is active.
        page.on(
            "request",
            lambda request: (
                None
                if request.url.endswith("/activity")
                else asked.append(request.url.removeprefix(address))
            ),
        )

        # The keyboard: zoom, native pixels, pan, fit.
        fitted = stage.state()
        stage.view.focus()
        page.keyboard.press("+")
        assert stage.state()[0] == pytest.approx(1.25 * fitted[0])
        page.keyboard.press("1")
        assert stage.state()[0] == pytest.approx(1)
        page.keyboard.press("+")
        page.keyboard.press("+")
        page.keyboard.press("+")
        before = stage.state()
        page.keyboard.press("ArrowRight")
        assert stage.state()[1] == pytest.approx(before[1] + 80 / before[0])
        page.keyboard.press("0")
        assert stage.state() == pytest.approx(fitted)

        # The wheel zooms around the pointer; dragging moves; a double click toggles.
        box = stage.view.bounding_box()
        left, top = box["width"] * 0.4, box["height"] * 0.45
        page.mouse.move(box["x"] + left, box["y"] + top)
        under = stage.at(left, top)
        page.mouse.wheel(0, -300)
        assert stage.state()[0] > 1.5 * fitted[0]
        assert stage.at(left, top) == pytest.approx(under, abs=0.5)
        before = stage.state()
        page.mouse.down()
        page.mouse.move(box["x"] + left - 40, box["y"] + top - 30)
        page.mouse.up()
        moved = stage.state()
        assert moved[1:] == pytest.approx(
            (before[1] + 40 / before[0], before[2] + 30 / before[0]), abs=0.5
        )
        page.mouse.dblclick(box["x"] + left, box["y"] + top)
        assert stage.state() == pytest.approx(fitted)
        page.mouse.dblclick(box["x"] + left, box["y"] + top)
        assert stage.state()[0] == pytest.approx(1)
        page.keyboard.press("0")
        assert asked == []  # none of this asked the server

        # Colour constancy as NumPy computes it, with a mark over the picture.
        plain = stage.pixels()
        expect(stage.badge).to_be_hidden()
        page.keyboard.press("w")
        expect(stage.badge).to_have_text("Altered: white balance")
        expect(page.locator(".stage [aria-live]")).to_have_text("Altered: white balance")
        sent = page.request.get(f"{address}/images/{numbers['photographs']}/0/0/fitted").body()
        source = np.asarray(Image.open(io.BytesIO(sent)))
        table = shades_of_grey(source)
        balanced = stage.pixels()
        scale = stage.state()[0]
        inside = np.any(plain, axis=2)
        rows, columns = (
            np.flatnonzero(np.any(inside, axis=1)),
            np.flatnonzero(np.any(inside, axis=0)),
        )
        for y, x in ((30, 30), (30, 90), (150, 210), (330, 450)):  # middles of patches
            drawn = balanced[rows[0] + round(y * scale), columns[0] + round(x * scale)]
            assert drawn == pytest.approx(table[y, x], abs=3)
            assert plain[rows[0] + round(y * scale), columns[0] + round(x * scale)] == (
                pytest.approx(source[y, x], abs=3)
            )

        # Contrast, by its slider, and back.
        page.locator(".stage .tones summary").click()
        page.get_by_role("slider", name="Contrast").fill("40")
        page.get_by_role("slider", name="Brightness").fill("10")
        expect(stage.badge).to_have_text("Altered: brightness, contrast, white balance")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Reset").click()
        expect(stage.badge).to_be_hidden()
        np.testing.assert_array_equal(stage.pixels(), plain)

        # Reading order, and native pixels when they are needed and not before.
        expect(buttons).to_have_count(4)
        stage.view.focus()
        names = []
        for _ in range(4):
            page.keyboard.press("Tab")
            names.append(
                page.evaluate(
                    "() => { let at = document.activeElement; while (at.shadowRoot) "
                    "at = at.shadowRoot.activeElement; return at.getAttribute('aria-label'); }"
                )
            )
        assert [name.split(",")[0] for name in names] == [
            f"Photograph {position} of 4" for position in (1, 2, 3, 4)
        ]
        stage.view.focus()
        page.keyboard.press("PageDown")
        expect(page.locator(".stage .count")).to_have_text("2 of 4")
        expect(page.locator(".stage .view")).to_have_attribute("data-native", "false")
        expect(page.locator(".stage .bar")).to_be_hidden()  # no scale is known
        native = f"/images/{numbers['photographs']}/1/0/native"
        expect(page.get_by_role("img", name="3000 by 2000 pixels")).to_be_visible()
        assert native not in asked
        page.keyboard.press("1")
        expect(page.locator(".stage .view")).to_have_attribute("data-native", "true")
        assert native in asked
        page.keyboard.press("]")
        page.keyboard.press("]")
        expect(stage.view).to_contain_text("cannot be shown. The file is missing")
        page.keyboard.press("[")
        expect(page.locator(".stage .count")).to_have_text("3 of 4")
        page.keyboard.press("?")
        expect(page.get_by_text("previous or next picture")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_text("previous or next picture")).to_be_hidden()

        for width, height in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            expect(stage.view).to_be_visible()
            stage.settle()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            box = page.locator(".stage").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            if width >= 900:
                assert box["y"] + box["height"] <= height
            else:
                assert stage.view.bounding_box()["height"] <= height / 2 + 1


def test_two_fingers_zoom_and_one_moves(served: tuple[str, dict[str, int]]) -> None:
    address, numbers = served
    small = {"viewport": {"width": 390, "height": 820}, "has_touch": True, "is_mobile": True}
    with page_of(f"{address}/case?case={numbers['photographs']}", **small) as page:
        stage = Stage(page)
        stage.wait()
        stage.view.scroll_into_view_if_needed()
        wire = page.context.new_cdp_session(page)
        box = stage.view.bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

        def touch(kind: str, *shifts: tuple[float, float]) -> None:
            points = [
                {"x": middle[0] + x, "y": middle[1] + y, "id": number}
                for number, (x, y) in enumerate(shifts)
            ]
            wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        fitted = stage.state()
        touch("touchStart", (-40, 0), (40, 0))
        for apart in (50, 65, 80):
            touch("touchMove", (-apart, 0), (apart, 0))
        touch("touchEnd")
        pinched = stage.state()
        assert pinched[0] == pytest.approx(2 * fitted[0], rel=0.05)
        touch("touchStart", (0, 0))
        touch("touchMove", (-30, 0))
        touch("touchMove", (-60, 0))
        touch("touchEnd")
        assert stage.state()[1] > pinched[1] + 20 / pinched[0]
        assert stage.state()[0] == pytest.approx(pinched[0])


def test_a_scan_is_measured_altered_and_compared(served: tuple[str, dict[str, int]]) -> None:
    from playwright.sync_api import expect

    address, numbers = served
    with page_of(f"{address}/case?case={numbers['scan']}") as page:
        pane = page.get_by_role("slider", name="B-scan")
        expect(pane).to_be_visible()
        said = page.locator(".viewer [aria-live]")
        _, height, width = SMALL

        # By keys: from the middle 20 pixels to the right and 10 down.
        pane.focus()
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        for key in ("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
            page.keyboard.press(key)
        expected = 1000 * np.hypot(20 * FIELD / width, 10 * DEPTH / height)
        expect(said).to_have_text(f"{expected:.0f} µm, set")
        expect(pane).to_have_attribute("aria-valuenow", "7")  # the arrow keys moved the end
        page.keyboard.press("Escape")
        expect(said).to_contain_text("Press Enter to set an end")

        # By two clicks; the ends lie on whole pixels of the B-scan.
        box = pane.bounding_box()
        ends = []
        for right, down in ((0.25, 0.5), (0.75, 0.25)):
            pane.click(position={"x": right * box["width"], "y": down * box["height"]})
            ends.append((int(right * width), int(down * height)))
        across, deep = ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]
        low, high = (
            1000 * np.hypot((across + by) * FIELD / width, (abs(deep) + by) * DEPTH / height)
            for by in (-1, 1)
        )
        expect(said).to_contain_text("µm, set")
        assert low <= float(said.inner_text().split()[0]) <= high
        page.keyboard.press("Delete")
        page.keyboard.press("k")
        expect(said).to_have_text("Caliper put down")

        # Brightness and contrast change the scan, and are marked.
        bscan = page.locator(".viewer .bscan")
        plain = bscan.evaluate("canvas => canvas.toDataURL()")
        page.locator(".viewer .tones summary").click()
        page.get_by_role("slider", name="Brightness").fill("30")
        badge = page.locator(".viewer .own .badge")
        expect(badge).to_have_text("Altered: brightness")
        assert bscan.evaluate("canvas => canvas.toDataURL()") != plain
        page.get_by_role("button", name="Reset").click()
        expect(badge).to_be_hidden()
        assert bscan.evaluate("canvas => canvas.toDataURL()") == plain

        # The visit before beside it, which has more B-scans: the same place in the scan.
        choice = page.get_by_label("Beside it")
        assert choice.locator("option").all_inner_texts() == [
            "Nothing",
            "same day, left eye",
            "140 days earlier, right eye",
        ]
        choice.select_option("140 days earlier, right eye")
        other = page.get_by_role("slider", name="Other scan")
        expect(other).to_have_attribute("aria-valuemax", "23")
        pane.focus()
        page.keyboard.press("End")
        expect(other).to_have_attribute("aria-valuenow", "23")
        page.keyboard.press("Home")
        expect(other).to_have_attribute("aria-valuenow", "1")
        expect(page.locator(".viewer .other-message")).to_be_hidden()
        page.get_by_label("Linked").uncheck()
        other.focus()
        page.keyboard.press("PageDown")
        expect(other).to_have_attribute("aria-valuenow", "11")
        expect(pane).to_have_attribute("aria-valuenow", "1")
        two = page.locator(".viewer .own").bounding_box(), other.bounding_box()
        assert two[0]["x"] + two[0]["width"] <= two[1]["x"]  # side by side

        for width_, height_ in WIDTHS:
            page.set_viewport_size({"width": width_, "height": height_})
            expect(pane).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width_
            if width_ >= 900:
                controls = page.get_by_role("button", name="Next B-scan", exact=True)
                below = controls.bounding_box()
                assert below["y"] + below["height"] <= height_
