"""`--engine`, `--workers`, `--address`: what they mean together, and what is refused."""

from __future__ import annotations

import socket

import pytest

from pipelines.cli.engine_options import engine_settings
from triage import extras
from triage.engine.ray_address import parse_address
from triage.errors import EngineError, MissingExtraError, UnknownName, UsageError


@pytest.mark.parametrize(
    ("engine", "workers", "expected"),
    [
        (None, 1, "local"),
        (None, 2, "processes"),
        ("local", 1, "local"),
        ("processes", 1, "processes"),
    ],
)
def test_the_engine_follows_from_the_workers(
    engine: str | None, workers: int, expected: str
) -> None:
    found = engine_settings(engine, workers, None, threads=3)
    assert (found.engine, found.workers, found.threads) == (expected, workers, 3)


def test_what_does_not_fit_together_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match=r"--engine: there is no engine 'rai'.*ray"):
        engine_settings("rai", 1, None)
    with pytest.raises(UsageError, match=r"--address: .*--engine ray"):
        engine_settings(None, 2, "127.0.0.1:6379")
    with pytest.raises(UsageError, match=r"--workers: the local engine runs one task at a time"):
        engine_settings("local", 2, None)
    assert engine_settings("local", 2, None, local_threads=True).workers == 2
    monkeypatch.setitem(extras.EXTRAS, "ray", ("no_such_module",))
    with pytest.raises(MissingExtraError, match=r"--engine ray .*\[ray\]"):
        engine_settings("ray", 2, None)


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:6379", "127.0.0.1", 6379, True),
        ("127.8.0.1:1", "127.8.0.1", 1, True),
        ("[::1]:6380", "::1", 6380, True),
        ("localhost:6379", "localhost", 6379, True),
        ("10.0.0.5:6379", "10.0.0.5", 6379, False),
        ("head.clinic.example:65535", "head.clinic.example", 65535, False),
    ],
)
def test_addresses(text: str, host: str, port: int, loopback: bool) -> None:
    found = parse_address(text)
    assert (found.host, found.port, found.is_loopback) == (host, port, loopback)
    assert str(found) == text


@pytest.mark.parametrize(
    "text", ["", "auto", "ray://10.0.0.5:10001", "10.0.0.5", ":1", "a:0", "a:65536", "a:-1",
             "::1:6379", "a:²"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match=r"--address: .*host and a port"):
        parse_address(text)


def test_a_port_where_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        address = parse_address(f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(EngineError, match=r"nothing answers there.*ray start --head"):
            address.check_answers()
