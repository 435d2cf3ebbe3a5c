"""The verbs on the ledger of events, as a user meets them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.pipelines.command import Command
from tests.store.make import scored
from tests.store.older import make_older
from triage.store import open_store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def db(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'cases.db'}"
    _score(url, "c1")
    return url


def _score(url: str, name: str) -> None:
    store = open_store(url, create=True)
    scored(store, name)
    store.close()


def _run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_from_a_key_to_a_verification(triage: Command, db: str, tmp_path: Path) -> None:
    key, out = tmp_path / "ledger.key", tmp_path / "checkpoints.jsonl"
    made = triage("ledger", "keygen", "--out", key, "--json")
    assert made.code == 0
    assert (tmp_path / "ledger.key.pub").read_text().strip() == made.json["public_key"]
    assert triage("ledger", "keygen", "--out", key).code == 2
    sealing = ("ledger", "checkpoint", "--db", db, "--key", key, "--out", out)
    assert triage(*sealing, "--json").json["appended"]["seq"] == 5
    again = triage(*sealing)
    assert (again.code, "nothing new" in again.out) == (0, True)
    _score(db, "c2")
    verify = ("ledger", "verify", "--db", db, "--checkpoints", out)
    answer = triage(*verify)
    assert answer.code == 0
    assert "8 events, 1 checkpoints used: intact" in answer.out
    assert "No checkpoint covers the last 3 events" in answer.out
    _run(tmp_path / "cases.db", "DROP TRIGGER event_no_delete", "DELETE FROM event WHERE id = 2")
    answer = triage(*verify, "--json")
    assert (answer.code, answer.json["intact"]) == (4, False)
    assert answer.json["counts"].keys() >= {"gap", "broken_chain", "rewritten", "guards"}
    answer = triage(*verify)
    assert answer.code == 4
    assert answer.out.count("finding: ") > 4
    refused = triage(*sealing)
    assert refused.code == 4
    assert "no checkpoint is signed" in refused.err
    assert triage("db", "check", "--db", db).code == 4


def test_without_checkpoints_it_says_what_it_cannot_see(triage: Command, db: str) -> None:
    answer = triage("ledger", "verify", "--db", db)
    assert answer.code == 0
    assert answer.out.count("not seen without checkpoints") == 3
    assert len(triage("ledger", "verify", "--db", db, "--json").json["unseen"]) == 3
    answer = triage("ledger", "verify", "--db", db, "--trusted-keys", "keys")
    assert answer.code == 2
    assert "--checkpoints" in answer.err


def test_keys_that_do_not_fit(triage: Command, db: str, tmp_path: Path) -> None:
    first, second, out = tmp_path / "a", tmp_path / "b", tmp_path / "checkpoints.jsonl"
    for key in (first, second):
        assert triage("ledger", "keygen", "--out", key).code == 0
    assert triage("ledger", "rotate", "--key", first, "--new-key", second, "--out", out).code == 2
    assert triage("ledger", "checkpoint", "--db", db, "--key", first, "--out", out).code == 0
    _score(db, "c2")
    answer = triage("ledger", "checkpoint", "--db", db, "--key", second, "--out", out)
    assert answer.code == 2
    assert "triage ledger rotate" in answer.err
    assert triage("ledger", "rotate", "--key", first, "--new-key", second, "--out", out).code == 0
    assert triage("ledger", "checkpoint", "--db", db, "--key", second, "--out", out).code == 0
    verify = ("ledger", "verify", "--db", db, "--checkpoints", out)
    assert triage(*verify).code == 0
    trusted = tmp_path / "trusted"
    trusted.write_text((tmp_path / "a.pub").read_text())
    assert triage(*verify, "--trusted-keys", trusted).code == 4
    trusted.write_text(trusted.read_text() + (tmp_path / "b.pub").read_text())
    assert triage(*verify, "--trusted-keys", trusted).code == 0
    first.chmod(0o644)
    answer = triage("ledger", "checkpoint", "--db", db, "--key", first, "--out", out)
    assert (answer.code, "chmod 600" in answer.err) == (2, True)


def test_checkpoints_of_another_database(triage: Command, db: str, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "checkpoints.jsonl"
    triage("ledger", "keygen", "--out", key)
    assert triage("ledger", "checkpoint", "--db", db, "--key", key, "--out", out).code == 0
    other = f"sqlite:///{tmp_path / 'other.db'}"
    _score(other, "c1")
    answer = triage("ledger", "verify", "--db", other, "--checkpoints", out)
    assert answer.code == 4
    assert "another ledger" in answer.out
    assert triage("ledger", "checkpoint", "--db", other, "--key", key, "--out", out).code == 4
    assert len(out.read_text().splitlines()) == 1


def test_what_cannot_be_verified_is_refused(triage: Command, db: str, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    for arguments in (
        ("verify", "--db", f"sqlite:///{absent}"),
        ("verify", "--db", db, "--checkpoints", absent),
        ("verify", "--db", db, "--checkpoints", tmp_path),
        ("checkpoint", "--db", db, "--key", absent, "--out", tmp_path / "x"),
    ):
        assert triage("ledger", *arguments).code == 2
    older = f"sqlite:///{tmp_path / 'older.db'}"
    make_older(older, "0003")
    answer = triage("ledger", "verify", "--db", older)
    assert answer.code == 2
    assert "triage db upgrade" in answer.err
    (tmp_path / "junk.db").write_text("no database" * 1000)
    assert triage("ledger", "verify", "--db", f"sqlite:///{tmp_path / 'junk.db'}").code == 2


def test_watching_goes_on_until_interrupted(triage: Command, db: str, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "checkpoints.jsonl"
    triage("ledger", "keygen", "--out", key)
    command = [
        sys.executable, "-c", "from pipelines.cli import main; main()", "ledger", "checkpoint",
        "--db", db, "--key", str(key), "--out", str(out), "--watch", "--every-events", "2",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "500"},
        # Where the tests run in the background, they ignore it, and so would the command.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None
    assert "5 events" in process.stdout.readline()
    _score(db, "c2")
    end = time.monotonic() + 60
    while len(out.read_text().splitlines()) < 2:
        assert time.monotonic() < end
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert triage("ledger", "verify", "--db", db, "--checkpoints", out).code == 0
