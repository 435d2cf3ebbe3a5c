"""What the steps after a decision require, by the table of states and the guards alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.review.team import ANN, BOB, CAT, GOV, LATER, RUBRIC, SUE
from tests.store.make import NOON
from triage.accounts import Actor, PermissionDenied, Role
from triage.ledger.events.review_events import CasePolicy, ReadFacts
from triage.ledger.review_history import (
    CaseHistory,
    ReaderProgress,
    StatedAddendum,
    StatedRead,
    StatedSignature,
)
from triage.review import RefusalCode, StepRefused
from triage.review.guards import ProposedRead, StepContext
from triage.review.policies import SecondReadPolicy, SitePolicy
from triage.review.states import TRANSITIONS, Step, check
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.review_policies import ReadingMode, ReadKind, SignatureMeaning

POLICY = SitePolicy(second_reads=SecondReadPolicy(rounds=2))
READ = ProposedRead(("acne",), Urgency.ROUTINE, Certainty.SURE)
AFTER = (
    Step.UNDO_DECISION,
    Step.OPEN_SECOND_READ,
    Step.GIVE_SECOND_READ,
    Step.ADJUDICATE,
    Step.SIGN,
    Step.EXPORT,
    Step.ADD_ADDENDUM,
)


def stated(number: int, reader: str, kind: ReadKind, round_: int = 0) -> StatedRead:
    facts = ReadFacts(number, ("acne",), Urgency.ROUTINE, Certainty.SURE)
    return StatedRead(number, reader, kind, round_, NOON, facts)


DECIDED = CaseHistory(
    state=CaseState.DECIDED,
    version=4,
    policy=CasePolicy(ReadingMode.BLIND, True),
    readers={
        "ann": ReaderProgress(1, "Ann", NOON, NOON, 7),
        "bob": ReaderProgress(2, "Bob", NOON),
    },
    reads=(stated(1, "Ann", ReadKind.FIRST), stated(2, "Ann", ReadKind.FINAL)),
    outcome=2,
    decided_by="Ann",
)
WAITING = replace(DECIDED, state=CaseState.SECOND_READ)
DISPUTED = replace(
    DECIDED,
    state=CaseState.ADJUDICATION,
    reads=(*DECIDED.reads, stated(3, "Bob", ReadKind.SECOND)),
    adjudicators=("Ann", "Bob"),
    round=1,
    outcome=None,
)
SIGNATURE = StatedSignature(1, "Ann", "Ann A.", SignatureMeaning.AUTHORSHIP, "a" * 64, NOON)
SIGNED = replace(DECIDED, state=CaseState.SIGNED, signatures=(SIGNATURE,))
ADDED = StatedAddendum(1, "Cat", "more", NOON)
AMENDED = replace(SIGNED, state=CaseState.AMENDED, addenda=(ADDED,))
ALLOWED: dict[Step, tuple[CaseHistory, Actor]] = {
    Step.UNDO_DECISION: (DECIDED, ANN),
    Step.OPEN_SECOND_READ: (WAITING, BOB),
    Step.GIVE_SECOND_READ: (WAITING, BOB),
    Step.ADJUDICATE: (DISPUTED, BOB),
    Step.SIGN: (DECIDED, ANN),
    Step.EXPORT: (SIGNED, GOV),
    Step.ADD_ADDENDUM: (SIGNED, ANN),
}


def context(actor: Actor, **changes: Any) -> StepContext:
    given: dict[str, Any] = {
        "read": replace(READ, rubric=RUBRIC),
        "text": "words",
        "meaning": SignatureMeaning.AUTHORSHIP,
        "reauthenticated": True,
    }
    return StepContext(actor=actor, at=LATER, policy=POLICY, **(given | changes))


def code_of(history: CaseHistory, step: Step, actor: Actor, **changes: Any) -> RefusalCode | None:
    try:
        check(history, step, context(actor, **changes))
    except StepRefused as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize("step", AFTER)
def test_each_step_is_allowed_where_all_holds(step: Step) -> None:
    history, actor = ALLOWED[step]
    assert code_of(history, step, actor) is None


@pytest.mark.parametrize("state", CaseState)
@pytest.mark.parametrize("step", AFTER)
def test_no_step_from_a_state_that_is_not_in_the_table(step: Step, state: CaseState) -> None:
    history, actor = ALLOWED[step]
    # A decided case is read again where its label is asked for again.
    code = code_of(replace(history, state=state), step, actor, asked_again=True)
    if state not in TRANSITIONS[step].sources:
        assert code is RefusalCode.WRONG_STATE
    else:
        assert code is not RefusalCode.WRONG_STATE or step is Step.UNDO_DECISION


@pytest.mark.parametrize("step", AFTER)
def test_each_step_needs_the_role_version_and_no_lock_of_another(step: Step) -> None:
    history, actor = ALLOWED[step]
    for role in (Role.ENGINEER, Role.ADMINISTRATOR, None):
        with pytest.raises(PermissionDenied):
            check(history, step, context(Actor(actor.name, role)))
    assert code_of(history, step, actor, version=history.version) is None
    assert code_of(history, step, actor, version=history.version - 1) is RefusalCode.STALE_VERSION
    assert code_of(history, step, actor, locked_by="Cat") is RefusalCode.IN_WORK


def test_undoing() -> None:
    assert code_of(DECIDED, Step.UNDO_DECISION, BOB) is RefusalCode.NOT_YOURS
    signed = replace(DECIDED, signatures=(SIGNATURE,))
    assert code_of(signed, Step.UNDO_DECISION, ANN) is RefusalCode.WRONG_STATE
    agreed = replace(
        DECIDED, reads=(*DECIDED.reads, stated(5, "Ann", ReadKind.ADJUDICATION, 1)), outcome=5
    )
    assert code_of(agreed, Step.UNDO_DECISION, ANN) is RefusalCode.WRONG_STATE


@pytest.mark.parametrize("step", [Step.OPEN_SECOND_READ, Step.GIVE_SECOND_READ])
def test_independence(step: Step) -> None:
    assert code_of(WAITING, step, ANN) is RefusalCode.NOT_INDEPENDENT
    assert code_of(WAITING, step, Actor(" ANN", Role.READER)) is RefusalCode.NOT_INDEPENDENT
    saw = ReaderProgress(2, "Bob", NOON, NOON, 7)
    shown = replace(WAITING, readers={**WAITING.readers, "bob": saw})
    assert code_of(shown, step, BOB) is RefusalCode.NOT_INDEPENDENT
    undone = replace(stated(4, "Bob", ReadKind.FINAL), withdrawn_at=NOON)
    withdrawn = replace(WAITING, reads=(*WAITING.reads, undone))
    assert code_of(withdrawn, step, BOB) is RefusalCode.NOT_INDEPENDENT


def test_a_second_read_is_opened_complete_and_of_a_picture() -> None:
    step = Step.GIVE_SECOND_READ
    assert code_of(WAITING, step, CAT) is RefusalCode.NOT_OPEN
    assert code_of(WAITING, step, BOB, viewable=False) is RefusalCode.NOT_VIEWABLE
    for conditions in ((), ("",), ("acne", "acne")):
        bad = replace(READ, conditions=conditions)
        assert code_of(WAITING, step, BOB, read=bad) is RefusalCode.NEEDS_CONDITION
    two = replace(READ, conditions=("acne", "melanoma"))
    assert code_of(WAITING, step, BOB, read=two) is RefusalCode.ONE_CONDITION
    assert code_of(WAITING, step, BOB, read=two, several_conditions=True) is None
    long = replace(READ, comment="x" * 1_000_000)
    assert code_of(WAITING, step, BOB, read=long) is RefusalCode.TEXT_TOO_LONG


def test_a_second_reader_neither_opens_nor_is_handed_the_case() -> None:
    second = stated(3, "Bob", ReadKind.SECOND)
    again = replace(WAITING, state=CaseState.REVEALED, reads=(*WAITING.reads, second), active="Ann")
    assert code_of(again, Step.OPEN, BOB) is RefusalCode.NOT_INDEPENDENT
    assert code_of(again, Step.HAND_OVER, ANN, to="bob") is RefusalCode.NOT_INDEPENDENT
    assert code_of(again, Step.HAND_OVER, ANN, to="Cat") is None
    assert code_of(again, Step.OPEN, CAT) is None


def test_turns_of_an_adjudication() -> None:
    step = Step.ADJUDICATE
    assert code_of(DISPUTED, step, CAT) is RefusalCode.NOT_YOURS
    assert code_of(DISPUTED, step, SUE) is RefusalCode.NOT_YOURS
    answered = replace(DISPUTED, reads=(stated(9, "Bob", ReadKind.ADJUDICATION, 1),))
    assert code_of(answered, step, BOB) is RefusalCode.ALREADY_GIVEN
    assert code_of(answered, step, ANN) is None
    assert code_of(replace(answered, round=2), step, BOB) is None
    senior_ann = Actor("Ann", Role.SENIOR_READER)
    for used_up, absent in ((replace(DISPUTED, round=3), False), (DISPUTED, True)):
        assert code_of(used_up, step, SUE, absent=absent) is None
        for reader in (ANN, BOB, CAT):
            assert code_of(used_up, step, reader, absent=absent) is RefusalCode.NOT_YOURS
        refused = code_of(used_up, step, senior_ann, absent=absent)
        assert refused is RefusalCode.NOT_INDEPENDENT
    assert code_of(DISPUTED, step, BOB, read=READ) is RefusalCode.BAD_RUBRIC


def test_who_signs_as_what() -> None:
    step = Step.SIGN
    assert code_of(DECIDED, step, ANN, reauthenticated=False) is RefusalCode.NEEDS_SIGN_IN
    assert code_of(DECIDED, step, BOB) is RefusalCode.NOT_YOURS
    for meaning in (SignatureMeaning.REVIEW, SignatureMeaning.APPROVAL):
        assert code_of(DECIDED, step, BOB, meaning=meaning) is None
    assert code_of(AMENDED, step, CAT) is None, "who wrote the addendum"
    assert code_of(AMENDED, step, BOB) is RefusalCode.NOT_YOURS
    by_senior = replace(
        DISPUTED,
        state=CaseState.DECIDED,
        reads=(*DISPUTED.reads, stated(9, "Sue", ReadKind.ADJUDICATION, 3)),
        outcome=9,
    )
    assert code_of(by_senior, step, SUE) is None
    assert code_of(by_senior, step, ANN) is RefusalCode.NOT_YOURS


@pytest.mark.parametrize(("words", "code"), [
    ("", RefusalCode.NEEDS_COMMENT),
    (" \n", RefusalCode.NEEDS_COMMENT),
    ("a\0", RefusalCode.BAD_TEXT),
    ("\ud800", RefusalCode.BAD_TEXT),
    ("x" * 10_001, RefusalCode.TEXT_TOO_LONG),
])  # fmt: skip
@pytest.mark.parametrize("step", [Step.ADD_ADDENDUM, Step.EXPORT])
def test_texts(step: Step, words: str, code: RefusalCode) -> None:
    history, actor = ALLOWED[step]
    assert code_of(history, step, actor, text=words) is code


def test_time_does_not_matter_to_the_steps_after_a_decision() -> None:
    for step in AFTER:
        history, actor = ALLOWED[step]
        check(history, step, replace(context(actor), at=NOON - timedelta(days=1)))


def test_who_was_handed_a_case_opens_it_before_anything_else() -> None:
    handed = replace(DECIDED, state=CaseState.INFERRED, active="Cat", reads=(), outcome=None)
    for step in (Step.LOCK_FIRST_READ, Step.SKIP, Step.REPORT_UNGRADABLE, Step.HAND_OVER):
        assert code_of(handed, step, CAT) is RefusalCode.NOT_OPEN
    assert code_of(handed, Step.OPEN, CAT) is None
