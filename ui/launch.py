"""Start of the reviewer's pages in a separate process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from triage.errors import UsageError
from triage.extras import require_extra
from triage.store import URL_VARIABLE, open_store
from ui.settings import flags

_APP = Path(__file__).parent / "app.py"


def require_pages() -> None:
    """Check that the packages of the pages are installed.

    Raises
    ------
    MissingExtraError
        If the extra `ui` is not installed.
    """
    require_extra("ui", "The reviewer's pages")


def run(url: str, port: int = 8501) -> int:
    """Serve the pages on 127.0.0.1 until the user stops them; return the exit code.

    Parameters
    ----------
    url : str
        The case database; passed in the environment, because process lists show arguments.
    port : int
        Port to serve on.

    Raises
    ------
    StoreError
        If the database cannot be used; raised before the server is started.
    UsageError
        If the port is taken or not a port.
    MissingExtraError
        If the extra `ui` is not installed.
    """
    require_pages()
    open_store(url).close()
    _require_free(port)
    command = [sys.executable, "-m", "streamlit", "run", str(_APP), *flags(port)]
    with subprocess.Popen(command, env={**os.environ, URL_VARIABLE: url}) as server:
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            return 0


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # Set as the server sets it, so that a port that it has just released counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            raise UsageError(
                "This port cannot be used.", where=str(port), hint="Give another --port."
            ) from None
