"""Killing a process in the middle of its steps, and what must be stored afterwards."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.review.rows import assert_rows_follow
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
ROOT = Path(__file__).parents[2]


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
            lines = steps_until_killed(url, reader, kill, draw)
            acknowledged += len(lines)
            with store.reading() as session:
                stored = {
                    number: [one.kind for one in events(session, number)]
                    for number in {int(line.split()[0]) for line in lines}
                }
            histories = assert_rows_follow(store)
            for line in lines:
                number, version, kind = line.split()
                assert histories[int(number)].version >= int(version), "a step is lost"
                assert kind in stored[int(number)]
    finally:
        store.close()
    return acknowledged


def steps_until_killed(url: str, reader: str, seed: int, draw: random.Random) -> list[str]:
    """Let a process take steps for a random short time, kill it, and return what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.review.step_taker", url, reader, str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.2, 0.8))
    finally:
        process.kill()  # SIGKILL
        printed = process.stdout.read()
        process.wait()
    # A line is whole, or was not acknowledged.
    return [line for line in printed.splitlines(keepends=True) if line.endswith("\n")]
