"""Levels of readiness: never higher than what is recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tests.store.make import bundle, scored
from triage.gating.readiness import (
    ReadinessFacts,
    ReadinessRule,
    readiness,
    readiness_facts,
)
from triage.store import Store, register_bundle, set_champion
from triage.store.learning_tables import GateRunRow, PromotionRow, ShadowPredictionRow
from triage.vocabulary.learning import GateVerdict
from triage.vocabulary.readiness import LEVEL_WORDS, ReadinessLevel, level_of_verdict

START = datetime(2026, 1, 1, tzinfo=UTC)
RULE = ReadinessRule(shadow_cases=3, shadow_days=2)
NOTHING = ReadinessFacts(rule=RULE)
PASSED = replace(NOTHING, verdict=GateVerdict.PASSES, gate_run=1)
TESTED = replace(PASSED, shadow_cases=3, shadow_first=START, shadow_last=START + timedelta(days=2))
USED = replace(TESTED, champion=True, approved_by="Gus")


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (NOTHING, ReadinessLevel.NO_GATE_RESULT),
        (replace(NOTHING, verdict=GateVerdict.FAILS), ReadinessLevel.GATE_NOT_PASSED),
        (
            replace(NOTHING, verdict=GateVerdict.NOT_ENOUGH_EVIDENCE),
            ReadinessLevel.GATE_NOT_PASSED,
        ),
        (PASSED, ReadinessLevel.GATE_PASSED),
        (replace(TESTED, shadow_cases=2), ReadinessLevel.GATE_PASSED),
        (replace(TESTED, shadow_last=START + timedelta(days=1)), ReadinessLevel.GATE_PASSED),
        (TESTED, ReadinessLevel.SHADOW_TESTED),
        (replace(TESTED, verdict=GateVerdict.FAILS), ReadinessLevel.GATE_NOT_PASSED),
        (USED, ReadinessLevel.IN_USE),
        (replace(USED, approved_by=None), ReadinessLevel.SHADOW_TESTED),
        (replace(USED, champion=False), ReadinessLevel.SHADOW_TESTED),
        (replace(USED, signed_off=True), ReadinessLevel.IN_USE_BY_SIGN_OFF),
        (replace(PASSED, champion=True, approved_by="Gus"), ReadinessLevel.GATE_PASSED),
        (
            replace(NOTHING, champion=True, approved_by="Gus", signed_off=True),
            ReadinessLevel.IN_USE_BY_SIGN_OFF,
        ),
        (replace(USED, withdrawn=True), ReadinessLevel.WITHDRAWN),
    ],
)
def test_the_level_follows_from_the_facts(facts: ReadinessFacts, level: ReadinessLevel) -> None:
    found = readiness(facts)
    assert found.level is level
    assert found.text.startswith(LEVEL_WORDS[level])


def test_no_combination_of_facts_without_a_passing_gate_is_higher_than_not_passed() -> None:
    for verdict, cases, champion, approved in product(
        (None, GateVerdict.FAILS, GateVerdict.NOT_ENOUGH_EVIDENCE), (0, 9), (False, True),
        (None, "Gus"),
    ):  # fmt: skip
        facts = replace(
            TESTED, verdict=verdict, shadow_cases=cases, champion=champion, approved_by=approved
        )
        assert readiness(facts).level in (
            ReadinessLevel.NO_GATE_RESULT,
            ReadinessLevel.GATE_NOT_PASSED,
        )
        assert "a gate that passes" in readiness(facts).lacks


def test_what_lacks_is_said_with_the_conditions_of_the_policy() -> None:
    assert readiness(PASSED).lacks == (
        "a shadow test of 3 cases over 2 days",
        "an approved promotion",
    )
    assert readiness(USED).lacks == ()


@pytest.mark.parametrize("word", [None, "promoted", ""])
def test_words_that_are_no_verdict_are_no_gate_result(word: str | None) -> None:
    assert level_of_verdict(word) is ReadinessLevel.NO_GATE_RESULT


def test_facts_are_read_from_the_database(store: Store) -> None:
    cases = [scored(store, f"c{place}") for place in range(3)]
    with store.reading() as session:
        found = readiness_facts(session, "d" * 64)
        assert readiness(found).level is ReadinessLevel.NO_GATE_RESULT
        assert readiness_facts(session, "0" * 64) == ReadinessFacts()
    with store.transaction() as session:
        number = register_bundle(session, bundle())
        set_champion(session, number)
        gate = GateRunRow(
            gate_set="g" * 64, policy_hash="p" * 64, submission="s" * 64, challenger_id=number,
            verdict="passes", result={"policy_signed_by": "abcd"},
            hold_out_state={"readiness": RULE.model_dump()}, run_by="Eng", run_at=START,
        )  # fmt: skip
        session.add(gate)
        session.add_all(
            ShadowPredictionRow(
                case_id=case, bundle_id=number, condition="acne", recommendation="routine",
                decision={}, created_at=START + timedelta(days=place),
            )
            for place, case in enumerate(cases)
        )  # fmt: skip
        session.add(
            PromotionRow(
                kind="promote", bundle_id=number, reason="better", proposed_by="Eng",
                proposed_at=START, approved_by="Gus", approved_at=START,
            )
        )  # fmt: skip
    with store.reading() as session:
        found = readiness_facts(session, "d" * 64)
    assert (found.verdict, found.gate_run, found.shadow_cases) == (GateVerdict.PASSES, 1, 3)
    assert (found.policy_signed_by, found.rule) == ("abcd", RULE)
    assert readiness(found).level is ReadinessLevel.IN_USE
    assert "signed by the key abcd" in readiness(found).text
