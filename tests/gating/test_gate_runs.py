"""Uses of gate splits in both databases: counted once each, also by writers at once."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from triage.gating.gate_runs import judged, next_state, record_gate_run, uses, uses_of
from triage.gating.hold_out_ladder import (
    HoldOutState,
    PairedDifference,
    answered,
    level_of_use,
)
from triage.gating.result import CheckResult, GateResult
from triage.gating.shown_result import shown_result
from triage.store import Store, events, open_store
from triage.store.fact_checks.gate_runs import gate_run_findings
from triage.vocabulary.learning import GateVerdict

CASES = tuple(f"case {number}" for number in range(100))
CLEAR = PairedDifference(0.2, 0.01, 60)
EQUAL = PairedDifference(0.0, 0.01, 60)


def result(submission: str, gate_set: str = "g" * 64, policy: str = "p" * 64) -> GateResult:
    check = CheckResult(
        check="urgent_sensitivity", verdict=GateVerdict.PASSES, decides=True, champion=0.9,
        challenger=0.9123, value=0.0123, low=-0.011, high=0.035, margin=-0.03, n_cases=400,
        n_patients=380, cases_needed=1234, sentence="found",
    )  # fmt: skip
    frozen = check.model_copy(
        update={"check": "frozen_urgent_misses", "low": None, "high": None, "cases_needed": None}
    )
    return GateResult(
        verdict=GateVerdict.PASSES, better=True, checks=(check, frozen), policy_hash=policy,
        n_cases=400, n_patients=380, gate_set=gate_set, submission=submission,
    )  # fmt: skip


def use(
    store: Store,
    submission: str,
    difference: PairedDifference | None = EQUAL,
    cases: tuple[str, ...] = CASES,
    **changes: str,
) -> HoldOutState:
    given = result(submission, **changes)

    def work(session) -> HoldOutState:  # type: ignore[no-untyped-def]
        state = answered(next_state(session, given.gate_set, submission, cases), difference)
        shown = shown_result(given, state)
        record_gate_run(session, shown, champion=None, challenger=None, actor="Eng", state=state)
        return state

    return store.write(work)


def test_each_submission_is_counted_once_and_has_one_event(store: Store) -> None:
    assert [use(store, name).use for name in ("a", "b", "a", "c")] == [1, 2, 1, 3]
    with store.reading() as session:
        assert uses(session, "g" * 64) == 3
        assert uses(session, "h" * 64) == 0
        told = [one.payload for one in events(session) if one.kind == "gate_run"]
        assert [one["use"] for one in told] == [1, 2, 3]
        assert gate_run_findings(session) == []


def test_the_same_submission_gets_the_same_answer(store: Store) -> None:
    use(store, "a")
    use(store, "b")
    with store.reading() as session:
        found = judged(session, "p" * 64, "g" * 64, "b")
        assert found is not None
        number, answer = found
        assert (number, answer.use, answer.better) == (2, 2, False)
        assert judged(session, "q" * 64, "g" * 64, "b") is None


def test_another_policy_sees_the_same_number_and_no_new_use(store: Store) -> None:
    use(store, "a")
    use(store, "b")
    assert use(store, "a", policy="q" * 64).use == 1
    with store.reading() as session:
        assert uses(session, "g" * 64) == 2


def test_improvements_make_the_next_level_smaller(store: Store) -> None:
    assert use(store, "a", CLEAR).better
    state = use(store, "b", CLEAR)
    assert (state.use, state.improvements) == (2, 1)
    assert state.level == level_of_use(2, 1)


def test_a_set_that_shares_cases_goes_on_counting(store: Store) -> None:
    use(store, "a")
    use(store, "b")
    grown = (*CASES[:-5], *(f"new {number}" for number in range(20)))
    state = use(store, "c", cases=grown, gate_set="h" * 64)
    assert (state.use, state.continues) == (3, ("g" * 64,))
    other = tuple(f"other {number}" for number in range(100))
    assert use(store, "d", cases=other, gate_set="i" * 64).use == 1
    with store.reading() as session:
        assert uses(session, "h" * 64) == 3
        assert uses_of(session, "h" * 64).continues == ("g" * 64,)


def test_writers_at_once_lose_no_count(store: Store) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    numbers: list[int] = []

    def work(name: str) -> None:
        own = open_store(url)
        numbers.extend(use(own, f"{name}{step}").use for step in range(4))
        own.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(numbers) == list(range(1, 17))
    with store.reading() as session:
        assert uses(session, "g" * 64) == 16
        assert gate_run_findings(session) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("UPDATE gate_run SET verdict = 'fails'", "gate run 1: verdict is not"),
        ("UPDATE gate_run SET hold_out_state = '{}'", "gate run 1: its use is not"),
        (
            "UPDATE gate_run SET result = '{}'",
            "gate run 1: its result is not what",
        ),
        ("DELETE FROM gate_run", "gate run 1: is missing"),
        (
            "INSERT INTO gate_run (gate_set, policy_hash, submission, verdict, result, "
            "hold_out_state, run_by, run_at) SELECT gate_set, policy_hash, 'x', verdict, result, "
            "hold_out_state, run_by, run_at FROM gate_run",
            "gate run 2: no event states it",
        ),
    ],
)
def test_a_changed_use_is_found(store: Store, change: str, finding: str) -> None:
    use(store, "a")
    with store.engine.begin() as connection:
        connection.execute(text(change))
    with store.reading() as session:
        assert any(line.startswith(finding) for line in gate_run_findings(session))


def test_the_first_use_shows_every_number() -> None:
    given = result("a")
    state = HoldOutState(use=1, improvements=0, level=0.0125, step=0.02, better=False, claimed=0.0)
    shown = shown_result(given, state)
    assert shown.checks == given.checks
    assert (shown.use, shown.better) == (1, False)


def test_from_the_second_use_on_differences_are_rounded_and_intervals_are_not_shown() -> None:
    given = result("a")
    state = HoldOutState(
        use=2, improvements=0, level=level_of_use(2, 0), step=0.02, better=True, claimed=0.01
    )
    shown = shown_result(given, state)
    check, frozen = shown.checks
    assert (check.value, check.challenger, check.low, check.high) == (0.0, 0.9, None, None)
    assert check.verdict is GateVerdict.PASSES
    assert check.cases_needed == 2000
    assert "0.0123" not in shown.model_dump_json().replace(frozen.model_dump_json(), "")
    assert frozen == given.checks[1]
    assert shown.better
    assert any("sure gain 0.0100" in note for note in shown.notes)


def test_a_fall_of_costs_is_a_gain_and_flat_intervals_stay_as_they_are() -> None:
    check = (
        result("a")
        .checks[0]
        .model_copy(
            update={"champion": 1.0, "challenger": 0.5, "value": 0.5, "low": 0.4, "high": 0.6}
        )
    )
    flat = check.model_copy(update={"low": 0.5, "high": 0.5})
    unknown = check.model_copy(update={"champion": None, "challenger": None, "group": "sex: f"})
    given = result("a").model_copy(update={"checks": (check, flat, unknown)})
    state = HoldOutState(
        use=2, improvements=0, level=level_of_use(2, 0), step=0.1, better=False, claimed=0.0
    )
    first, second, third = shown_result(given, state).checks
    assert first.value is not None
    assert first.challenger == pytest.approx(1.0 - first.value)
    assert second == flat
    assert third.challenger is None
    assert "(sex: f)" in third.sentence
