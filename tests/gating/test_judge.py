"""Challengers judged by the real gate on a split whose uses are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.gating.gate_frames import table
from tests.store.make import bundle
from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import StoreError
from triage.gating import judge as judge_module
from triage.gating.check_keys import IMPROVEMENT
from triage.gating.evidence import GateEvidence
from triage.gating.gate import run_gate
from triage.gating.gate_runs import next_state, uses
from triage.gating.hold_out_ladder import HoldOutState, level_of_use
from triage.gating.judge import Judged, judge_with_hold_out, policy_at, submission_hash
from triage.gating.policy import GatePolicy, LoadedPolicy
from triage.store import Store, register_bundle
from triage.store.fact_checks.gate_runs import gate_run_findings
from triage.store.learning_tables import GateRunRow
from triage.vocabulary.learning import GateVerdict

SPEC = load_spec(shipped_spec("derm_phantoms"))
POLICY = GatePolicy()
LOADED = LoadedPolicy(POLICY, POLICY.content_hash(), "abcdabcdabcdabcd")
CHAMPION = table(SPEC, 0.7, 0)


def judge(store: Store, right: float, seed: int, **changes: object) -> Judged:
    given = {"loaded": LOADED, "evidence": GateEvidence(), **changes}
    return judge_with_hold_out(
        store, spec=SPEC, champion=CHAMPION, challenger=table(SPEC, right, seed), actor="Eng",
        **given,  # type: ignore[arg-type]
    )  # fmt: skip


def state_of(store: Store, number: int) -> HoldOutState:
    with store.reading() as session:
        row = session.get_one(GateRunRow, number)
        return HoldOutState.model_validate(
            {k: tuple(v) if isinstance(v, list) else v for k, v in row.hold_out_state.items()}
        )


def test_equal_challengers_in_a_row_are_counted_and_none_is_better(store: Store) -> None:
    found = [judge(store, 0.7, seed) for seed in range(1, 6)]
    assert [one.result.use for one in found] == [1, 2, 3, 4, 5]
    assert not any(one.result.better for one in found)
    assert all(one.result.verdict is not GateVerdict.PASSES for one in found)
    assert {one.result.policy_signed_by for one in found} == {"abcdabcdabcdabcd"}
    with store.reading() as session:
        assert uses(session, CHAMPION.cases_hash) == 5
        assert gate_run_findings(session) == []
    first, fifth = state_of(store, 1), state_of(store, 5)
    assert first.level == POLICY.improvement.level  # type: ignore[union-attr]
    assert fifth.level == level_of_use(5, 0)
    assert len(first.cases) == len(CHAMPION)
    assert fifth.cases == ()
    assert fifth.readiness == POLICY.readiness


def test_a_clear_gain_is_better_also_at_a_later_use(store: Store) -> None:
    judge(store, 0.7, 1)
    later = judge(store, 0.9, 2).result
    assert (later.use, later.better) == (2, True)
    (improvement,) = [one for one in later.checks if one.check == IMPROVEMENT]
    assert improvement.verdict is GateVerdict.PASSES
    assert improvement.low is None
    state = state_of(store, 2)
    assert state.step is not None
    assert 0 < state.claimed < 0.3
    third = judge(store, 0.9, 3)
    assert state_of(store, third.gate_run).improvements == 1


def test_the_same_predictions_again_get_the_same_answer_and_compute_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = judge(store, 0.7, 1)
    monkeypatch.setattr(judge_module, "run_gate", None)
    again = judge(store, 0.7, 1)
    assert again.repeated
    assert (again.gate_run, again.result) == (first.gate_run, first.result)


def test_more_evidence_on_the_same_predictions_is_judged_and_no_new_use(store: Store) -> None:
    judge(store, 0.7, 1)
    more = judge(store, 0.7, 1, evidence=GateEvidence(seed_flip_rate=0.2))
    assert not more.repeated
    assert more.result.use == 1
    with store.reading() as session:
        assert uses(session, CHAMPION.cases_hash) == 1


def test_another_time_of_a_case_is_the_same_submission() -> None:
    slow, fast = (GateEvidence(seconds_champion=one, seconds_challenger=one) for one in (1.0, 2.0))
    assert submission_hash("p", slow) == submission_hash("p", fast)
    assert submission_hash("p", slow) != submission_hash("p", GateEvidence())


def test_a_submission_that_was_counted_meanwhile_is_judged_again_at_its_level(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, levels = run_gate, []

    def with_another_first(loaded, *arguments, **named):  # type: ignore[no-untyped-def]
        levels.append(loaded.policy.improvement.level)
        if len(levels) == 1:
            monkeypatch.setattr(judge_module, "run_gate", real)
            judge(store, 0.7, 9)
            monkeypatch.setattr(judge_module, "run_gate", with_another_first)
        return real(loaded, *arguments, **named)

    monkeypatch.setattr(judge_module, "run_gate", with_another_first)
    assert judge(store, 0.7, 1).result.use == 2
    assert levels == [0.01, level_of_use(2, 0)]


def test_a_split_that_others_use_all_the_time_is_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, numbers = next_state, iter(range(1, 100))

    def moving(*given: object) -> HoldOutState:
        state = real(*given)  # type: ignore[arg-type]
        return state.model_copy(update={"use": next(numbers)})

    monkeypatch.setattr(judge_module, "next_state", moving)
    with pytest.raises(StoreError, match="all the time"):
        judge(store, 0.7, 1)


def test_a_policy_without_improvement_keeps_its_content() -> None:
    loaded = replace(LOADED, policy=POLICY.model_copy(update={"improvement": "none"}))
    assert policy_at(loaded, 0.001) is loaded
    assert policy_at(LOADED, 0.001).policy.improvement.level == 0.001  # type: ignore[union-attr]
    assert policy_at(LOADED, 0.4).policy.improvement.level == 0.01  # type: ignore[union-attr]


def test_bundles_are_named_where_they_are_registered(store: Store) -> None:
    with store.transaction() as session:
        number = register_bundle(session, bundle())
    found = judge(store, 0.7, 1, challenger_bundle=number)
    with store.reading() as session:
        row = session.get_one(GateRunRow, found.gate_run)
        assert (row.champion_id, row.challenger_id) == (None, number)
