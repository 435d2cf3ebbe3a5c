"""Starting and joining Ray, with a stand-in for Ray and for the process that tries an address."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from triage.engine import ray_connection, ray_probe
from triage.engine.ray_address import parse_address
from triage.errors import EngineError

ADDRESS = parse_address("127.0.0.1:6379")


class StandIn(SimpleNamespace):
    """As much of the module `ray` as connecting uses."""

    def __init__(self, at: str = "127.0.0.1:6379", fails: str | None = None) -> None:
        constants = SimpleNamespace(ENABLE_RAY_CLUSTER=True)
        super().__init__(
            at=at, fails=fails, ended=0, given={}, _private=SimpleNamespace(ray_constants=constants)
        )

    def init(self, **given: Any) -> None:
        self.given = given
        if self.fails is not None:
            raise RuntimeError(self.fails)

    def shutdown(self) -> None:
        self.ended += 1

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(gcs_address=self.at)


@pytest.fixture(autouse=True)
def _folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ray_connection, "_short_folder", lambda: str(tmp_path))


def test_a_cluster_that_is_started_leaves_no_folder(tmp_path: Path) -> None:
    ray = StandIn()
    found = ray_connection._start(ray, 3)
    assert (ray.given["num_cpus"], ray.given["_node_ip_address"]) == (3, "127.0.0.1")
    assert not ray._private.ray_constants.ENABLE_RAY_CLUSTER
    assert list(tmp_path.iterdir()) == [found.folder]
    found.close()
    found.close()
    assert ray.ended == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "said"), [("no memory\nmore", "no memory"), ("", "RuntimeError")])
def test_ray_that_does_not_start(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(EngineError, match=rf"Ray does not start \({said}\)"):
        ray_connection._start(StandIn(fails=text), 1)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_on_the_network_is_ended_at_once(tmp_path: Path) -> None:
    ray = StandIn(at="10.0.0.5:6379")
    with pytest.raises(EngineError, match="would listen on the network"):
        ray_connection._start(ray, 1)
    assert ray.ended == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (b'warning\n{"refused": "another version"}\n', "another version"),
        (b"", "exit code 7"),
        (b"no JSON", "exit code 7"),
        (b"[]", "exit code 7"),
    ],
)
def test_why_an_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, output: bytes, said: str
) -> None:
    done = subprocess.CompletedProcess([], 7, output)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(EngineError, match=rf"no Ray cluster can be joined there \({said}\)"):
        ray_connection._probe(ADDRESS)


def test_the_program_that_tries_an_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for fails, code, said in (
        (None, 0, ""),
        ("another version\nmore", 1, '{"refused": "another version"}'),
        ("", 1, '{"refused": "RuntimeError"}'),
    ):
        ray = StandIn(fails=fails)
        monkeypatch.setitem(sys.modules, "ray", ray)
        assert ray_probe.main(str(ADDRESS)) == code
        assert capsys.readouterr().out.strip() == said
        assert (ray.given["address"], ray.ended) == (str(ADDRESS), 1 - code)


def test_joining(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(ADDRESS), "check_answers", lambda _: None)
    done = subprocess.CompletedProcess([], 0, b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    ray = StandIn()
    found = ray_connection._join(ray, ADDRESS)
    assert ray.given["address"] == "127.0.0.1:6379"
    assert (found.owned, found.folder) == (True, None)
    with pytest.raises(EngineError, match=r"can be joined there \(gone\)"):
        ray_connection._join(StandIn(fails="gone"), ADDRESS)

    def never(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("ray", 20)

    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(EngineError, match="no answer in 20 seconds"):
        ray_connection._probe(ADDRESS)


def test_a_token_of_the_user_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    make = ray_connection._access.__wrapped__
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    assert make()["RAY_AUTH_MODE"] == "token"
    assert len(make()["RAY_AUTH_TOKEN"]) == 64
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/etc/triage/ray_token")
    assert make() == {}


def test_paths_of_sockets_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for usual, used in (("/var/tmp", "/var/tmp"), ("/" + "x" * 60, "/tmp")):
        monkeypatch.setattr(tempfile, "gettempdir", lambda usual=usual: usual)
        assert ray_connection._short_folder() == used
