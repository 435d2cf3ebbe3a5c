"""One reader's whole way, in a real browser; also what reaches it, and when."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.ui.make_cases import SECRETS, fill
from triage.review import worklist
from triage.store import open_store, review_summary

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Serve a filled database through the project's own launcher."""
    url, _ = fill(tmp_path)
    port = free_port()
    code = f"from ui.launch import run; raise SystemExit(run({url!r}, {port}))"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        start_new_session=True,
    ) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}", url
        finally:
            os.killpg(server.pid, 15)


def _wait(address: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(address) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the page did not start")


class Traffic:
    """Everything the browser received, as bytes."""

    def __init__(self, page: Any) -> None:
        self.received: list[bytes] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self._frame))
        page.on("response", self._response)

    def _frame(self, frame: str | bytes) -> None:
        self.received.append(frame.encode() if isinstance(frame, str) else frame)

    def _response(self, response: Any) -> None:
        self.received.append(response.url.encode())

    def holds(self, text: str) -> bool:
        plain = text.encode()
        coded = base64.b64encode(plain).rstrip(b"=")[:-1]
        return any(plain in part or coded in part for part in self.received)


def _choose(page: Any, condition: str) -> None:
    box = page.get_by_role("combobox").first
    box.click()
    box.fill(condition)
    page.get_by_role("option", name=condition).click()


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

        # Worklist: no name, no case.
        page.goto(address)
        expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
        expect(page.get_by_role("button", name="Open the next case")).to_be_disabled()
        page.get_by_role("textbox", name="Your name").fill("Dr Example")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Open the next case")).to_be_enabled()
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
        _choose(page, "Acne")
        page.get_by_text("Routine", exact=True).click()
        page.get_by_text("Unsure", exact=True).click()
        before = page.content()
        assert not any(secret in before for secret in SECRETS)
        assert not any(traffic.holds(secret) for secret in SECRETS)

        # Reveal, by the shortcut with the focus in a radio button.
        page.keyboard.press("Control+s")
        expect(page.get_by_role("heading", name="AI opinion")).to_be_visible()
        expect(page.get_by_role("button", name="Store my decision")).to_be_visible()
        expect(page.get_by_text("about 83 of 100")).to_be_visible()
        shoot("reveal")
        assert traffic.holds("AISECRETACTION")

        # Decision: agreeing with the AI departs from the first read, so it needs a reason.
        _choose(page, "Melanoma")
        page.get_by_text("Urgent", exact=True).click()
        page.get_by_role("button", name="Store my decision").click()
        expect(page.get_by_text("differs from your first read")).to_be_visible()
        shoot("reason-needed")
        reason = page.get_by_role("combobox").nth(1)
        reason.click()
        page.get_by_role("option", name="A finding was missed").click()
        page.get_by_role("textbox", name="Comment").fill("Seen after the reveal.")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Your decision is stored")).to_be_visible()
        shoot("worklist-after")

        # An abstention.
        page.get_by_role("button", name="Open the next case").click()
        expect(page.get_by_role("heading", name="Case C-1002")).to_be_visible()
        _choose(page, "Other")
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

        # A row of the table opens its case, with the mouse.
        page.get_by_role("button", name="Back to the worklist").click()
        table = page.get_by_test_id("stDataFrame")
        expect(table).to_be_visible()
        table.click(position={"x": 16, "y": 35 + 35 + 17})
        expect(page.get_by_role("heading", name="Case C-1003")).to_be_visible()
        expect(page.get_by_role("img", name="Photograph 3 of 3 of this case")).to_be_visible()
        shoot("from-the-table")
        browser.close()

    assert outside == []
    store = open_store(url)
    with store.reading() as session:
        summary = review_summary(session)
    assert [item.external_id for item in worklist(store, datetime.now(UTC))] == [
        "C-1002",
        "C-1003",
        "C-1004",
    ]
    store.close()
    assert (summary.decided, summary.towards_ai, summary.reasons) == (1, 1, {"R1": 1})
