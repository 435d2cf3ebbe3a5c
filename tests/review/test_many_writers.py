"""Eight processes that decide the same cases at once lose and double nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.review.kills import ROOT, cases_with_files
from tests.review.rows import assert_rows_follow
from triage.store import events, open_store
from triage.vocabulary.review_policies import ReadKind

CASES, WRITERS = 24, 8


def test_each_case_is_decided_once(url: str, tmp_path: Path) -> None:
    store = open_store(url, create=True)
    numbers = cases_with_files(store, tmp_path, CASES)
    store.close()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.review.decider", url, f"Reader {one}", str(one)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        for one in range(WRITERS)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # all at once, after the slow start
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outcomes: Counter[tuple[int, str]] = Counter()
    decided_by: dict[int, str] = {}
    for one, process in enumerate(processes):
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        for line in printed.splitlines():
            number, outcome = line.split()
            outcomes[int(number), outcome] += 1
            if outcome == "decided":
                assert int(number) not in decided_by, "a case is decided twice"
                decided_by[int(number)] = f"Reader {one}"
    assert sorted(decided_by) == numbers
    for number in numbers:
        refusals = sum(times for (case, what), times in outcomes.items() if case == number) - 1
        assert refusals == WRITERS - 1, "everybody else is refused"
    assert {what for _, what in outcomes} <= {"decided", "in_work", "wrong_state", "not_open"}

    store = open_store(url)
    histories = assert_rows_follow(store)
    with store.reading() as session:
        kinds = Counter((one.case_id, one.kind) for one in events(session))
    for number in numbers:
        assert kinds[number, "decision_made"] == 1
        (final,) = histories[number].standing(ReadKind.FINAL)
        assert final.reader == decided_by[number]
    store.close()
