"""Processes that append at once, and one that is killed: no gap, nothing lost, nothing twice."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.store.ledger_writers import main
from tests.store.make import scored
from triage.errors import LedgerNotIntact, StoreError
from triage.ledger.checkpoints import read_checkpoints
from triage.ledger.events.model_events import BundleRegistered
from triage.ledger.keys import make_key
from triage.store import Store, append_checkpoint, append_event, events, verify_ledger
from triage.store.checkpoint_schedule import CheckpointSchedule
from triage.store.ledger_checkpoints import CheckpointOutcome
from triage.store.tables import Case

ROOT = Path(__file__).parents[2]
WRITERS = 8
TRANSACTIONS = 12


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def writer(url: str, name: str, transactions: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.ledger_writers", url, name, str(transactions)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def written(store: Store, name: str) -> list[str]:
    with store.reading() as session:
        return [str(one.payload["bundle"]) for one in events(session) if one.actor == name]


def test_processes_that_append_at_once_make_one_chain(store: Store) -> None:
    names = [f"writer {number}" for number in range(WRITERS)]
    store.close()  # no connection is shared with the processes
    forked = multiprocessing.get_context("fork")  # without importing everything eight times
    processes = [forked.Process(target=main, args=(url_of(store), n, TRANSACTIONS)) for n in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
        assert process.exitcode == 0
    expected = [f"{number} {part}" for number in range(TRANSACTIONS) for part in "ab"]
    for name in names:
        assert written(store, name) == expected
    found = verify_ledger(url_of(store), facts=False)
    assert found.chain.findings == ()
    assert found.chain.events == 1 + WRITERS * len(expected)


def test_a_process_that_is_killed_loses_nothing_that_it_had_committed(store: Store) -> None:
    process = writer(url_of(store), "killed", 100_000)
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    told = process.stdout.read().splitlines()
    process.wait(timeout=30)
    last = int(told[-1]) if told else 4
    kept = written(store, "killed")
    whole = len(kept) // 2
    assert kept == [f"{number} {part}" for number in range(whole) for part in "ab"]
    assert whole > last
    assert verify_ledger(url_of(store), facts=False).chain.findings == ()
    with store.transaction() as session:
        append_event(session, BundleRegistered("after"))
    assert verify_ledger(url_of(store), facts=False).chain.findings == ()


@pytest.mark.parametrize(
    "url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_the_lock_of_the_chain_is_taken_last(store: Store) -> None:
    """A writer of an event of a case that another has locked waits without that lock."""
    case = scored(store)
    failed: list[BaseException] = []

    def append() -> None:
        try:
            with store.transaction() as session:
                append_event(session, BundleRegistered("waits"), case_id=case)
        except StoreError as error:
            failed.append(error)

    with store.transaction() as session:
        session.execute(select(Case.id).where(Case.id == case).with_for_update())
        waiting = threading.Thread(target=append)
        waiting.start()
        waiting.join(timeout=0.5)
        assert waiting.is_alive()
        append_event(session, BundleRegistered("first"), case_id=case)
    waiting.join(timeout=60)
    assert failed == []
    with store.reading() as session:
        assert [one.payload for one in events(session)][-2:] == [
            {"bundle": "first"}, {"bundle": "waits"},
        ]  # fmt: skip


def test_many_events_of_one_transaction_are_one_insert(store: Store) -> None:
    from sqlalchemy import event as sqlalchemy_event

    inserts = []

    def count(_connection, _cursor, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO event"):
            inserts.append(statement)

    sqlalchemy_event.listen(store.engine, "before_cursor_execute", count)
    with store.transaction() as session:
        for number in range(300):
            append_event(session, BundleRegistered(str(number)))
    assert len(inserts) == 1
    assert verify_ledger(url_of(store)).chain.events == 301


# Checkpoints that are signed by themselves


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_schedule_signs_after_enough_events_and_enough_time(store: Store, tmp_path: Path) -> None:
    key, out = make_key(tmp_path / "key"), tmp_path / "checkpoints.jsonl"
    made: list[CheckpointOutcome] = []
    schedule = CheckpointSchedule(
        url_of(store), key, out, every_events=5, every_minutes=1e6, on_checkpoint=made.append
    )
    stop = threading.Event()
    thread = threading.Thread(target=schedule.run, args=(stop, 0.02))
    thread.start()
    try:
        _wait(lambda: len(made) == 1)  # at once
        scored(store)  # four events: not yet
        time.sleep(0.2)
        assert len(made) == 1
        scored(store, "c2")
        _wait(lambda: len(made) == 2)
    finally:
        stop.set()
        thread.join(timeout=30)
    assert [each.seq for each in read_checkpoints(out).checkpoints] == [1, 8]
    found = verify_ledger(url_of(store), checkpoints=out)
    assert (found.intact, found.chain.unsealed) == (True, 0)
    timed = CheckpointSchedule(url_of(store), key, out, every_events=1000, every_minutes=0)
    assert timed._is_due(1)
    assert not timed._is_due(0)


def _wait(done) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_nothing_is_signed_twice_and_nothing_that_is_not_intact(
    store: Store, tmp_path: Path
) -> None:
    from triage.errors import LedgerError

    key, other = make_key(tmp_path / "key"), make_key(tmp_path / "other")
    out = tmp_path / "checkpoints.jsonl"
    assert append_checkpoint(url_of(store), key, out).appended is not None
    assert append_checkpoint(url_of(store), key, out).appended is None
    with pytest.raises(LedgerError, match=key.id):
        append_checkpoint(url_of(store), other, out)
    scored(store)
    assert len(out.read_text().splitlines()) == 1
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER event_no_update")
        connection.exec_driver_sql("UPDATE event SET actor = 'Mallory' WHERE id = 2")
    with pytest.raises(LedgerNotIntact, match="Event 2 was edited") as caught:
        append_checkpoint(url_of(store), key, out)
    assert caught.value.exit_code == 4
    assert len(out.read_text().splitlines()) == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_clock_that_was_set_back_can_be_accepted(store: Store, tmp_path: Path) -> None:
    from datetime import timedelta

    from triage.store.base import utc_now

    key, out = make_key(tmp_path / "key"), tmp_path / "checkpoints.jsonl"
    with store.transaction() as session:
        append_event(session, BundleRegistered("x"), at=utc_now() - timedelta(hours=1))
    with pytest.raises(LedgerNotIntact, match="clock"):
        append_checkpoint(url_of(store), key, out)
    made = append_checkpoint(url_of(store), key, out, accept_clock=True).appended
    assert made is not None
    assert made.clock_accepted == made.seq == 2
    assert verify_ledger(url_of(store), checkpoints=out, facts=False).intact
    assert not verify_ledger(url_of(store), facts=False).intact
    scored(store)
    later = append_checkpoint(url_of(store), key, out).appended
    assert later is not None
    assert (later.seq, later.clock_accepted) == (6, 2)
