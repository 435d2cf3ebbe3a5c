"""How long a reader waits in the browser, with a long worklist.

`python -m tests.speed.page_latency [CASES [KIND ...]]`; kinds are `sqlite` and `postgres`; needs
chromium. Times are taken within the page: from the event of the key, click or typing to the frame
after the one in which what was waited for is drawn. Beside them stands the processor time that the
server and the processes below it have used for each.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from tests.speed import oct_viewer_steps
from tests.speed.server_time import processor_seconds, server_numbers
from tests.speed.waiting_cases import SITES, add_events, fill
from tests.store.databases import database_url
from tests.ui.browser import CHROMIUM, serve
from tests.ui.make_cases import draw_photograph
from tests.ui.panel import choose, choose_condition, main_button
from triage.accounts import Actor, Role
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import open_store

REPETITIONS = 40
PHOTOGRAPHS = 4
SIZE = (1600, 1200)
"""Pixels of a photograph."""
TARGETS = {
    "case opened": 1500,
    "first read stored": 300,
    "opinion shown": 1500,
    "decision stored": 300,
    "decision shown": 1500,
    "worklist interaction": 500,
}
"""Milliseconds at the 95th percentile; those of the two `shown` are ours."""

_WATCH = """
() => {
    const kinds = ["keydown", "click", "input"];
    const found = (selector, root = document) => {
        const here = [...root.querySelectorAll(selector)];
        for (const one of root.querySelectorAll("*")) {
            if (one.shadowRoot) here.push(...found(selector, one.shadowRoot));
        }
        return here;
    };
    const seen = (selector) => found(selector).filter((one) => one.getClientRects().length);
    const text = (selector) => seen(selector).map((one) => one.textContent).join(" ");
    const before = { title: text("h1"), rows: text(".row .title") };
    const reached = () => REACHED;
    window.waitedPLACE = new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error(`waited for a minute: REACHED`)), 60000);
        let begun = null;
        const begin = (event) => { begun ??= event.timeStamp; };
        for (const kind of kinds) window.addEventListener(kind, begin, true);
        const look = () => {
            if (begun === null || !reached()) {
                requestAnimationFrame(look);
                return;
            }
            for (const kind of kinds) window.removeEventListener(kind, begin, true);
            requestAnimationFrame(() => resolve(performance.now() - begun));
        };
        look();
    });
}
"""
OPENED = (
    'text("h1") !== before.title && seen(".stage .zoom").length > 0'
    ' && text("h1").startsWith("Case") && text(".panel footer .main").startsWith("Lock")'
)
READ_STORED = (
    '/^Stored/.test(text(".panel .state")) || text(".panel footer .main").startsWith("Store")'
)
REVEALED = 'text(".panel footer .main").startsWith("Store")'
STORED = '/^Stored/.test(text(".panel .state")) || seen(".decided").length > 0'
SHOWN = 'text(".panel footer .main").startsWith("Next")'
ROWS = 'seen(".row .title").length > 0 && text(".row .title") !== before.rows'


class Waits:
    """Takes the times of interactions on a page."""

    def __init__(self, page: Any, servers: list[int]) -> None:
        self.page = page
        self._servers = servers
        self.clock: dict[str, list[float]] = defaultdict(list)
        self.processor: dict[str, list[float]] = defaultdict(list)

    def timed(self, name: str, act: Callable[[], object], *until: str) -> None:
        """Act, and take the time until each condition (JavaScript) holds; names split at '|'."""
        names = name.split("|")
        for place, script in enumerate(until):
            self.page.evaluate(_WATCH.replace("PLACE", str(place)).replace("REACHED", script))
        busy = processor_seconds(self._servers)
        act()
        for place, each in enumerate(names):
            self.clock[each].append(self.page.evaluate(f"window.waited{place}"))
        self.page.wait_for_timeout(150)  # so that what the server still does is counted here
        used = processor_seconds(self._servers) - busy
        self.processor[names[-1]].append(1000 * used)

    def report(self) -> None:
        """Print a line for each kind of interaction."""
        for name, times in self.clock.items():
            middle, late = np.percentile(times, (50, 95))
            used = self.processor.get(name)
            server = f", server {np.median(used):.0f} ms of processor" if used else ""
            print(
                f"  {name}: {len(times)} times, median {middle:.0f} ms, 95th percentile "
                f"{late:.0f} ms (target {TARGETS[name]}){server}",
                flush=True,
            )


def read_cases(waits: Waits, address: str, count: int) -> None:
    """Open so many cases, by a row and by 'Next case' in turn, and decide each."""
    page = waits.page
    for number in range(count):
        if number % 2 == 0:
            page.goto(f"{address}/")
            row = page.locator("a.row").nth(number // 2 % 20)
            row.wait_for()
            waits.timed("case opened", row.click, OPENED)
        else:
            waits.timed("case opened", partial(page.keyboard.press, "Control+s"), OPENED)
        choose_condition(page, "mela")
        choose(page, "Urgent")
        choose(page, "Sure")
        page.wait_for_timeout(1200)  # the draft is stored meanwhile
        press = partial(page.keyboard.press, "Control+s")
        waits.timed("first read stored|opinion shown", press, READ_STORED, REVEALED)
        _answer(page)
        page.wait_for_timeout(1200)
        waits.timed("decision stored|decision shown", press, STORED, SHOWN)


def _answer(page: Any) -> None:
    """Keep the first read, with a reason where one is asked for."""
    keep = page.locator(".panel .segment:visible").filter(has_text="Keep mine")
    keep.first.click()
    main_button(page).click(trial=True)
    reasons = page.locator(".panel [data-field=reason] .segment:visible")
    if reasons.count():
        reasons.first.click()


def use_worklist(waits: Waits, address: str, count: int, cases: int) -> None:
    """Search, filter and page so often."""
    page = waits.page
    page.goto(f"{address}/")
    page.locator("a.row").first.wait_for()
    search = page.get_by_placeholder("Find a case")
    more = page.get_by_role("button", name="Show the next cases")
    for number in range(count):
        texts = (f"C-{cases // 2 + number}", SITES[number // 4 % len(SITES)], None, "")
        text = texts[number % 4]
        act = more.click if text is None else partial(search.fill, text)
        waits.timed("worklist interaction", act, ROWS)


def measure(kind: str, cases: int, folder: Path, repetitions: int = REPETITIONS) -> None:
    """Print the times with one kind of database."""
    images = [
        draw_photograph(folder / "photographs" / f"{number}.png", number, SIZE)
        for number in range(PHOTOGRAPHS)
    ]
    with database_url(kind, folder) as url:
        build(url, cases, images)
        with serve(url, folder) as address, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(60_000)
            waits = Waits(page, server_numbers())
            page.goto(f"{address}/")
            page.locator("a.row").first.wait_for()
            use_worklist(waits, address, repetitions, cases)
            read_cases(waits, address, repetitions)
            waits.report()
            browser.close()


def build(url: str, cases: int, images: list[Any]) -> None:
    """Make the database."""
    store = open_store(url, create=True)
    begun = time.perf_counter()
    fill(store, cases, images, until=datetime.now(UTC))
    add_events(store, cases, images)
    governance = Actor("Gov", Role.GOVERNANCE)
    for site in SITES:
        set_site_policy(store, site, SitePolicy(dwell_seconds=0), governance)
    store.close()
    print(f"{cases} cases made in {time.perf_counter() - begun:.0f} s", flush=True)


def main() -> None:
    """Measure each kind of database, then the steps through a volume."""
    if CHROMIUM is None:
        sys.exit("no chromium on this machine")
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for kind in sys.argv[2:] or ["postgres"]:
        print(f"{kind}:", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            measure(kind, cases, Path(folder))
    oct_viewer_steps.main()


if __name__ == "__main__":
    main()
