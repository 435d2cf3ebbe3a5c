"""Where the AI abstained, a decision says what is to follow; it is stored, signed and checked."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from tests.readers import DWELL, reader
from tests.store.make import NOON, abstention, opinion, scored
from triage.decision import Decision
from triage.ledger.events.review_events import DecisionMade
from triage.review import (
    Certainty,
    FollowUp,
    FollowUpKind,
    RefusalCode,
    StepRefused,
    decide,
    lock_first_read,
    open_case,
    report_ungradable,
    reveal,
    sign_off,
    skip_case,
    taken_up,
    undo_decision,
    verify_signature,
)
from triage.store import Store, events, verify_ledger
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import SignatureMeaning

ANN = reader("Ann")
LATER = NOON + DWELL
READ: dict[str, Any] = {
    "conditions": ("melanoma",),
    "urgency": Urgency.URGENT,
    "certainty": Certainty.SURE,
}
SPECIALIST = FollowUp(FollowUpKind.SPECIALIST, "2025-06-09")


def revealed(store: Store, prediction: Decision) -> int:
    number = scored(store, prediction=prediction)
    open_case(store, number, ANN, at=NOON)
    lock_first_read(store, number, ANN, **READ, at=NOON)
    reveal(store, number, ANN, at=NOON)
    return number


def altered(url: str) -> list[str]:
    """What is found besides the times, which these tests set themselves."""
    found = [one.what for one in verify_ledger(url).chain.findings]
    return [line for line in found if "clock was set back" not in line]


def code_of(store: Store, number: int, follow_up: FollowUp | None) -> RefusalCode:
    with pytest.raises(StepRefused) as refused:
        decide(store, number, ANN, **READ, follow_up=follow_up, at=LATER)
    return refused.value.code


@pytest.mark.parametrize(
    "follow_up",
    [
        None,
        FollowUp(FollowUpKind.RETAKE),
        FollowUp(FollowUpKind.NONE, text=" "),
        FollowUp(FollowUpKind.RETAKE, "2025-06-09", "blurred"),
        *(
            FollowUp(FollowUpKind.SPECIALIST, day)
            for day in (None, "", "soon", "2025-05-31", "2205-06-09", "2025-02-30")
        ),
    ],
)
def test_an_answer_that_is_missing_or_not_complete_is_refused(
    store: Store, follow_up: FollowUp | None
) -> None:
    number = revealed(store, abstention())
    assert code_of(store, number, follow_up) is RefusalCode.NEEDS_FOLLOW_UP
    seen = taken_up(store, number, ANN)
    assert seen is not None
    assert seen.final is None


def test_a_text_that_is_too_long_is_refused(store: Store) -> None:
    number = revealed(store, abstention())
    follow_up = FollowUp(FollowUpKind.NONE, text="x" * 10_001)
    assert code_of(store, number, follow_up) is RefusalCode.TEXT_TOO_LONG


def test_it_is_refused_where_the_ai_gave_an_opinion(store: Store) -> None:
    number = revealed(store, opinion())
    assert code_of(store, number, SPECIALIST) is RefusalCode.WRONG_STATE


def test_it_is_part_of_the_decision_and_of_its_repetition(store: Store) -> None:
    number = revealed(store, abstention())
    done = decide(store, number, ANN, **READ, follow_up=SPECIALIST, at=LATER)
    assert done.final is not None
    assert done.final.follow_up == {"kind": "specialist", "by": "2025-06-09", "text": ""}
    again = decide(store, number, ANN, **READ, follow_up=SPECIALIST, at=LATER)
    assert again.version == done.version
    other = FollowUp(FollowUpKind.NONE, text="Known to the clinic.")
    assert code_of(store, number, other) is RefusalCode.ALREADY_GIVEN


def test_it_is_signed_and_an_altered_row_is_found(store: Store) -> None:
    number = revealed(store, abstention())
    decide(store, number, ANN, **READ, follow_up=SPECIALIST, at=LATER)
    given = {"printed_name": "Dr Ann", "reauthenticated": True, "at": LATER}
    signed = sign_off(store, ANN, [number], SignatureMeaning.AUTHORSHIP, **given)
    assert not signed.refused
    assert [one.holds for one in verify_signature(store, number)] == [True]
    url = store.engine.url.render_as_string(hide_password=False)
    assert not altered(url)
    with store.transaction() as session:
        session.execute(
            text("UPDATE read SET follow_up = :other WHERE kind = 'final'"),
            {"other": '{"kind": "none", "by": null, "text": "altered"}'},
        )
    assert [one.holds for one in verify_signature(store, number)] == [False]
    assert any("follow_up is not what its events say" in line for line in altered(url))


def test_decisions_of_earlier_releases_can_still_be_read(store: Store) -> None:
    number = revealed(store, opinion())
    decide(store, number, ANN, **READ, at=LATER)
    with store.reading() as session:
        made = next(one for one in events(session, number) if one.kind == "decision_made")
    payload = {name: value for name, value in made.payload.items() if name != "read"}
    read = dict(made.payload["read"])  # type: ignore[call-overload]
    assert read.pop("follow_up") is None
    assert DecisionMade.from_payload({**payload, "read": read}).read.follow_up is None


def test_a_step_that_is_sent_again_changes_nothing(store: Store) -> None:
    number = revealed(store, opinion())
    decide(store, number, ANN, **READ, at=LATER)
    undone = undo_decision(store, number, ANN, at=LATER)
    assert undo_decision(store, number, ANN, at=LATER).version == undone.version
    for _ in range(2):
        report_ungradable(store, number, ANN, " blurred ", "Retake", at=LATER)
    with pytest.raises(StepRefused):
        report_ungradable(store, number, ANN, "overexposed", "Retake", at=LATER)
    open_case(store, number, ANN, at=LATER)
    for _ in range(2):
        skip_case(store, number, ANN, "of a relative", at=LATER)
    with store.reading() as session:
        kinds = [one.kind for one in events(session, number)]
    assert [kinds.count(kind) for kind in ("decision_undone", "case_ungradable", "case_skipped")] \
        == [1, 1, 1]  # fmt: skip
