"""Killing a process in the middle of its steps, and what must be stored afterwards."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.review.rows import assert_rows_follow
from tests.review.step_taker import take_steps
from tests.review.team import always_twice
from tests.store.make import bundle as bundle_record
from tests.store.make import case, opinion
from triage.hashing import hash_file
from triage.store import (
    ImageRecord,
    Store,
    add_case,
    add_prediction,
    events,
    open_store,
    register_bundle,
)

CASES = 40
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.review.step_taker", "tests.review.decider"])


def started(target: Callable[..., None], *given: object) -> tuple[BaseProcess, Connection]:
    """Start a process of its own, and wait until it is ready."""
    here, there = PROCESSES.Pipe()
    process = PROCESSES.Process(target=target, args=(*given, there))
    process.start()
    there.close()
    assert here.recv() == "ready"
    return process, here


def cases_with_files(store: Store, folder: Path, count: int = CASES) -> list[int]:
    """Scored cases, each with a file that can be shown as it was received."""
    always_twice(store, rounds=1)
    numbers = []
    with store.transaction() as session:
        system = register_bundle(session, bundle_record())
        for number in range(count):
            path = folder / f"{number}.png"
            path.write_bytes(b"picture %d" % number)
            image = ImageRecord(path.name, str(folder), hash_file(path))
            numbers.append(add_case(session, case(f"case {number}", images=(image,))))
            add_prediction(session, numbers[-1], system, opinion())
    return numbers


def kill_again_and_again(url: str, folder: Path, kills: int, seed: int = 0) -> int:
    """Kill a process that takes steps, several times; return how many steps it acknowledged.

    After each kill every acknowledged step must be in the events, and the rows follow from them.
    """
    draw, acknowledged = random.Random(seed), 0
    store = open_store(url, create=True)
    try:
        cases_with_files(store, folder)
        for kill in range(kills):
            reader = ("Ann", "Bob", "Sue")[kill % 3]
            told = steps_until_killed(url, reader, kill, draw)
            acknowledged += len(told)
            with store.reading() as session:
                stored = {
                    number: [one.kind for one in events(session, number)] for number, _, _ in told
                }
            histories = assert_rows_follow(store)
            for number, version, kind in told:
                assert histories[number].version >= version, "a step is lost"
                assert kind in stored[number]
    finally:
        store.close()
    return acknowledged


def steps_until_killed(
    url: str, reader: str, seed: int, draw: random.Random
) -> list[tuple[int, int, str]]:
    """Let a process take steps for a random short time, kill it, and return what it told."""
    process, told = started(take_steps, url, reader, seed)
    time.sleep(draw.uniform(0.2, 0.8))
    process.kill()  # SIGKILL
    process.join()
    steps = []
    try:
        while True:
            steps.append(told.recv())
    except EOFError:
        return steps
