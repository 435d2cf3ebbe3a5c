"""A served database and a browser on it."""

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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(url: str, folder: Path) -> Iterator[str]:
    """Serve a database through the project's own launcher and give the address."""
    port = free_port()
    code = f"from ui.launch import run; raise SystemExit(run({url!r}, {port}))"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        start_new_session=True,
    ) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}"
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


def choose(page: Any, condition: str) -> None:
    box = page.get_by_role("combobox").first
    box.click()
    box.fill(condition)
    page.get_by_role("option", name=condition).click()
