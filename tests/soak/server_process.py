"""The pages' server as a process that can be killed and started again on the same port."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.ui.browser import ROOT, free_port
from triage.store import URL_VARIABLE
from ui.launch import SETTINGS_VARIABLE
from ui.serving.settings import ServingSettings

_LONGEST_START = 120.0


class ServerProcess:
    """Serves a database on a port of this computer, as `ui.launch` does.

    Parameters
    ----------
    url : str
    folder : Path
        Where it runs and writes what it says.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._port = free_port()
        settings = ServingSettings(port=self._port)
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            URL_VARIABLE: url,
            SETTINGS_VARIABLE: settings.to_json(),
        }
        self._folder = folder
        self._log = folder / "server.txt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-c", "from ui.serving.server import main; main()"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, cwd=self._folder, stdout=log, stderr=log
            )
        end = time.monotonic() + _LONGEST_START
        while not self._answers():
            assert self._process.poll() is None, f"it has ended: {self.said()[-2000:]}"
            assert time.monotonic() < end, "it does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, whatever it is doing (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def said(self) -> str:
        """Return what it has written so far."""
        return self._log.read_text(errors="replace")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
