"""Eight processes that decide the same cases at once lose and double nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.review.decider import decide_all
from tests.review.kills import cases_with_files, started
from tests.review.rows import assert_rows_follow
from triage.store import events, open_store
from triage.vocabulary.review_policies import ReadKind

CASES, WRITERS = 8, 8


def test_each_case_is_decided_once(url: str, tmp_path: Path) -> None:
    store = open_store(url, create=True)
    numbers = cases_with_files(store, tmp_path, CASES)
    store.close()
    writers = [started(decide_all, url, f"Reader {one}", one) for one in range(WRITERS)]
    for _, told in writers:  # all at once
        told.send("go")
    outcomes: Counter[tuple[int, str]] = Counter()
    decided_by: dict[int, str] = {}
    for one, (process, told) in enumerate(writers):
        for number, outcome in told.recv():
            outcomes[number, outcome] += 1
            if outcome == "decided":
                assert number not in decided_by, "a case is decided twice"
                decided_by[number] = f"Reader {one}"
        process.join()
        assert process.exitcode == 0
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
