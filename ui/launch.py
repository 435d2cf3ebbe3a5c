"""Start of the reviewer's pages in a separate process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from triage.errors import UsageError
from triage.extras import require_extra
from triage.store import URL_VARIABLE, open_store
from triage.store.location import SECRET_FILE_VARIABLES
from ui.serving.settings import ServingSettings

SETTINGS_VARIABLE = "TRIAGE_SERVING"
"""Environment variable that carries the settings to the server's process."""
_SERVER = "from ui.serving.server import main; main()"


def require_pages() -> None:
    """Check that the packages of the pages are installed.

    Raises
    ------
    MissingExtraError
        If the extra `ui` is not installed.
    """
    require_extra("ui", "The reviewer's pages")


def run(url: str, settings: ServingSettings | None = None) -> int:
    """Serve the pages until the user stops them; return the exit code.

    Parameters
    ----------
    url : str
        The case database; passed in the environment, because process lists show arguments.
    settings : ServingSettings, optional
        By default on 127.0.0.1, port 8501.

    Raises
    ------
    StoreError
        If the database cannot be used; raised before the server is started.
    UsageError
        If the port is taken or not a port, if another computer could connect without sign-in or
        TLS, or if a file cannot be used.
    MissingExtraError
        If the extra `ui` is not installed.
    """
    checked = check(url, settings or ServingSettings())
    _require_free(checked.host, checked.port)
    # The URL is complete, so the server needs none of the files with its parts.
    kept = {name: text for name, text in os.environ.items() if name not in SECRET_FILE_VARIABLES}
    environment = {**kept, URL_VARIABLE: url, SETTINGS_VARIABLE: checked.to_json()}
    # -P: files in the working folder cannot take the place of the software's modules.
    command = [sys.executable, "-P", "-c", _SERVER]
    with subprocess.Popen(command, env=environment) as server, _ended_with(server):
        try:
            code = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            return 0
        return 0 if code == -signal.SIGTERM else code  # told to end, and ended in order


def check(url: str, settings: ServingSettings) -> ServingSettings:
    """Return the settings completed, or refuse to serve; see `run`."""
    require_pages()
    from ui.serving.requirements_met import checked_settings

    store = open_store(url)
    try:
        return checked_settings(store, settings)
    finally:
        store.close()


@contextmanager
def _ended_with(server: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the server where this process is told to end, as `docker stop` and systemd do."""
    before = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Set as the server sets it, so that a port that it has just released counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            raise UsageError(
                "This is no address of this computer.", where=host, hint="Give another --host."
            ) from None
        except (OSError, OverflowError):
            raise UsageError(
                "This address and port cannot be used.",
                where=f"{host}:{port}",
                hint="Give another --port, or a --host of this computer.",
            ) from None
