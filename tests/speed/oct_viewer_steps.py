"""Stepping through a 49 x 496 x 512 volume in the page: from the key or wheel to the picture.

`python -m tests.speed.oct_viewer_steps`; needs chromium. A step ends at the frame after the
one that painted the picture, so the picture is then on the screen.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import expect, sync_playwright

from tests.ui.browser import CHROMIUM, serve
from tests.ui.make_oct import FULL, fill_oct
from tests.ui.panel import first_read

PAUSE = 60
"""ms between keys, about the repeat of a held key twice over."""


def steps(page: Any) -> list[float]:
    """Durations in ms of two hundred steps by keys and wheel, jumps among them."""
    page.locator(".viewer .pane").focus()
    page.evaluate("performance.clearMeasures('oct-step')")
    for key in ("Home", *["ArrowRight"] * 48, *["ArrowLeft"] * 48, *["End", "Home"] * 10):
        page.keyboard.press(key)
        page.wait_for_timeout(PAUSE)
    page.locator(".viewer .pane").hover()
    for turn in (100, -100):
        for _ in range(40):
            page.mouse.wheel(0, turn)
            page.wait_for_timeout(PAUSE)
    found = "performance.getEntriesByName('oct-step').map(step => step.duration)"
    return [float(value) for value in page.evaluate(found)]


def report(what: str, durations: list[float]) -> None:
    """Print one line."""
    middle, late = np.percentile(durations, (50, 95))
    print(
        f"{what}: {len(durations)} steps, median {middle:.0f} ms, "
        f"95th percentile {late:.0f} ms, longest {max(durations):.0f} ms"
    )


def main() -> None:
    """Open a made case, step blind, lock the first read, step with the tissue map."""
    if CHROMIUM is None:
        sys.exit("no chromium on this machine")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url, _ = fill_oct(folder, FULL)
        with serve(url, folder) as address, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1920, "height": 1080})
            expect.set_options(timeout=60_000)
            begun = time.perf_counter()
            page.goto(f"{address}/case?case=1")
            expect(page.locator(".viewer .pane")).to_be_visible()
            print(f"opened in {time.perf_counter() - begun:.1f} s")
            report("blind", steps(page))
            begun = time.perf_counter()
            first_read(page, "Normal", "Routine", "Unsure")
            expect(page.locator(".viewer .maps")).to_be_visible()
            print(f"answered, locked and revealed in {time.perf_counter() - begun:.1f} s")
            report("with the tissue map", steps(page))
            page.keyboard.press("d")
            report("with the disagreement too", steps(page))
            browser.close()


if __name__ == "__main__":
    main()
