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
from dataclasses import replace
from pathlib import Path
from typing import Any

from ui.serving.settings import ServingSettings

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(url: str, folder: Path, settings: ServingSettings | None = None) -> Iterator[str]:
    """Serve a database through the project's own launcher and give the address.

    Without an account in the database a browser goes on as the local user by itself.
    """
    settings = replace(settings or ServingSettings(), port=free_port())
    code = (
        "from ui.launch import run; from ui.serving.settings import ServingSettings; "
        f"raise SystemExit(run({url!r}, ServingSettings.from_json({settings.to_json()!r})))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        start_new_session=True,
    ) as server:
        try:
            _wait(f"http://127.0.0.1:{settings.port}/_stcore/health")
            yield f"http://127.0.0.1:{settings.port}"
        finally:
            os.killpg(server.pid, 15)


def sign_in(page: Any, address: str, name: str, password: str) -> None:
    """Sign in with an account's name and password."""
    page.goto(f"{address}/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


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
