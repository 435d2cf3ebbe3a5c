"""`triage health`, `triage metrics` and `triage db init`, as supervisors and services use them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.pipelines.command import Command
from tests.store.make import scored
from triage.store import open_store

ROOT = Path(__file__).parents[2]
PARTS = '{"ready": false, "parts": {"database": "ok", "tables": "ok", "champion": "none"}}'


@contextmanager
def answering(code: int, text: str) -> Iterator[str]:
    """Something on this computer that gives one answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = (code, text) if self.path == "/readyz" else (404, "")
            self.send_response(found[0])
            self.end_headers()
            self.wfile.write(found[1].encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_from_no_database_to_a_healthy_one(triage: Command, database: str) -> None:
    answer = triage("health", "--db", database, "--json")
    assert (answer.code, answer.json["healthy"]) == (4, False)
    assert answer.json["problems"] == ["database: unreachable", "tables: unknown"]
    assert triage("db", "init", "--db", database).code == 0
    answer = triage("health", "--db", database)
    assert (answer.code, answer.out) == (0, "healthy\n")
    answer = triage("health", "--db", database, "--champion")
    assert (answer.code, answer.out) == (4, "not healthy: champion: none\n")


def test_tables_are_made_once_and_nothing_is_lost(triage: Command, database: str) -> None:
    triage("db", "init", "--db", database)
    opened = open_store(database)
    scored(opened, "c1")
    opened.close()
    before = Path(database.removeprefix("sqlite:///")).read_bytes()
    answer = triage("db", "init", "--db", database, "--json")
    assert (answer.code, answer.json) == (0, {"database": database})
    assert Path(database.removeprefix("sqlite:///")).read_bytes() == before
    opened = open_store(database)
    with opened.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    opened.close()
    answer = triage("db", "init", "--db", database)
    assert (answer.code, "triage db upgrade" in answer.err) == (2, True)


def test_a_heartbeat(triage: Command, database: str, tmp_path: Path) -> None:
    triage("db", "init", "--db", database)
    beat = tmp_path / "heartbeat"
    words = ("health", "--db", database, "--heartbeat", beat, "--within", "5")
    assert triage(*words).out == "not healthy: heartbeat: none yet\n"
    beat.touch()
    assert triage(*words).code == 0
    long_ago = time.time() - 600
    os.utime(beat, (long_ago, long_ago))
    assert triage(*words).out == "not healthy: heartbeat: 10 minutes old\n"


@pytest.mark.parametrize(
    ("code", "text", "healthy"),
    [
        (503, PARTS, True),
        (200, PARTS.replace("none", "ok"), True),
        (503, PARTS.replace('"database": "ok"', '"database": "unreachable"'), False),
        (200, "<html>CANARY</html>", False),
        (200, "[]", False),
        (404, "Not found.", False),
    ],
)
def test_the_pages_are_asked(triage: Command, code: int, text: str, healthy: bool) -> None:
    with answering(code, text) as address:
        answer = triage("health", "--page", address)
    assert answer.code == (0 if healthy else 4)
    assert "CANARY" not in answer.out + answer.err


def test_pages_that_do_not_answer_and_other_addresses(triage: Command) -> None:
    answer = triage("health", "--page", "http://127.0.0.1:1")
    assert (answer.code, "do not answer" in answer.out) == (4, True)
    for address in ("http://triage.example", "file:///etc/passwd", "127.0.0.1:8501", "http://[::1"):
        assert triage("health", "--page", address).code == 2, address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_metrics_until_stopped(database: str) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    open_store(database, create=True).close()
    port = _free_port()
    command = "from pipelines.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", command, "metrics", "--db", database, "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    ) as service:  # fmt: skip
        assert service.stdout is not None
        assert service.stdout.readline() == (
            f"metrics: http://127.0.0.1:{port}/metrics (Ctrl-C stops)\n"
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            shown = answer.read().decode()
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0
    samples = {
        sample.name: sample.value
        for family in parser.text_string_to_metric_families(shown)
        for sample in family.samples
    }
    assert samples["triage_database_up"] == 1
    assert samples["triage_ledger_events_total"] == 1, "the ledger was begun"


def test_metrics_are_for_this_computer(triage: Command, database: str) -> None:
    pytest.importorskip("prometheus_client")
    for host in ("0.0.0.0", "::", "192.0.2.1", "triage.example"):
        answer = triage("metrics", "--db", database, "--host", host)
        assert answer.code == 2
        assert "--trusted-network" in answer.err
    answer = triage("metrics", "--db", "no url", "--port", "9464")
    assert (answer.code, "no url" in answer.err) == (2, False)
    answer = triage("metrics", "--db", database, "--host", "192.0.2.1", "--trusted-network")
    assert answer.code == 2, "no address of this computer"
    assert "without sign-in and TLS" in answer.err
