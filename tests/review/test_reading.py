from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.readers import DWELL, reader
from tests.review.team import waiting_items
from tests.store.make import NOON, abstention, bundle, case, opinion, scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.errors import StoreError, WorkflowError
from triage.review import (
    Certainty,
    FollowUp,
    FollowUpKind,
    OverrideReason,
    RefusalCode,
    StepRefused,
    decide,
    lock_first_read,
    open_case,
    reveal,
    taken_up,
    undo_decision,
)
from triage.store import (
    Store,
    add_case,
    add_prediction,
    events,
    labels_for_training,
    open_store,
    register_bundle,
    set_champion,
)
from triage.store.bundles import withdraw_bundle
from triage.store.reviews import reviews
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.modality import Modality

AGREE: dict[str, Any] = {
    "conditions": ("melanoma",),
    "urgency": Urgency.URGENT,
    "certainty": Certainty.SURE,
}
DIFFER: dict[str, Any] = {
    "conditions": ("acne",),
    "urgency": Urgency.ROUTINE,
    "certainty": Certainty.UNSURE,
}


ANN, BEN = reader("Ann"), reader("Ben")
LATER = NOON + DWELL
NOTHING_FOLLOWS = FollowUp(FollowUpKind.NONE, text="Seen in the clinic today.")


def to_reveal(store: Store, number: int, actor: Actor = ANN, **read: Any) -> None:
    open_case(store, number, actor, at=NOON)
    lock_first_read(store, number, actor, **(read or AGREE), at=NOON)
    reveal(store, number, actor, at=NOON)


def kinds(store: Store, number: int) -> list[str]:
    with store.reading() as session:
        return [event.kind for event in events(session, number)]


def refused(code: RefusalCode, step: Any, *given: Any, **named: Any) -> StepRefused:
    with pytest.raises(StepRefused) as caught:
        step(*given, **named)
    assert caught.value.code is code
    return caught.value


def test_the_whole_way(store: Store) -> None:
    number, ann = scored(store), reader("Ann Lee")
    times = [NOON + timedelta(minutes=minute) for minute in range(4)]
    opened = open_case(store, number, ann, at=times[0])
    assert (opened.reviewer, opened.opened_at, opened.first) == ("Ann Lee", times[0], None)
    locked = lock_first_read(store, number, ann, **DIFFER, at=times[1])
    assert locked.first is not None
    assert locked.first.at == times[1]
    shown = reveal(store, number, ann, at=times[2])
    assert shown is not None
    assert (shown.decision.condition, shown.urgency) == ("melanoma", Urgency.URGENT)
    first = shown.decision.differential[0]
    assert (first.condition, first.probability) == ("melanoma", 0.83)
    done = decide(
        store,
        number,
        ann,
        **AGREE,
        reason=OverrideReason.MISSED_FINDING,
        comment=" I saw it then. ",
        at=times[3],
    )
    assert done.final is not None
    assert done.final.read.condition == "melanoma"
    assert done.final.comment == "I saw it then."
    assert waiting_items(store) == []
    with store.reading() as session:
        ledger = [(e.kind, e.actor, e.at) for e in events(session, number)][3:]
        labels = labels_for_training(session, include_ai_visible=True)
        blind_only = labels_for_training(session)
    assert ledger == [
        ("case_opened", "Ann Lee", times[0]),
        ("label_added", "Ann Lee", times[1]),
        ("first_read_locked", "Ann Lee", times[1]),
        ("ai_revealed", "Ann Lee", times[2]),
        ("label_added", "Ann Lee", times[3]),
        ("decision_made", "Ann Lee", times[3]),
    ]
    assert [(lab.condition, lab.source, lab.ai_visible) for lab in labels] == [
        ("acne", "blind", False),
        ("melanoma", "ai_visible", True),
    ]
    assert blind_only == labels[:1]


def test_nothing_is_revealed_before_the_first_read(store: Store) -> None:
    number = scored(store)
    refused(RefusalCode.NOT_OPEN, reveal, store, number, ANN)
    open_case(store, number, ANN)
    error = refused(RefusalCode.WRONG_STATE, reveal, store, number, ANN)
    assert "only after your first read" in str(error)
    assert "ai_revealed" not in kinds(store, number)


def test_no_decision_before_the_reveal(store: Store) -> None:
    number = scored(store)
    open_case(store, number, ANN)
    refused(RefusalCode.WRONG_STATE, decide, store, number, ANN, **AGREE)
    lock_first_read(store, number, ANN, **AGREE)
    refused(RefusalCode.WRONG_STATE, decide, store, number, ANN, **AGREE)


def test_a_reader_needs_a_name_and_a_case_must_exist(store: Store) -> None:
    with pytest.raises(WorkflowError, match="needs a reader"):
        open_case(store, scored(store), reader("  "))
    with pytest.raises(StoreError, match="no such case"):
        open_case(store, 12345, ANN)


@pytest.mark.parametrize("role", [Role.GOVERNANCE, Role.ENGINEER, Role.ADMINISTRATOR, None])
def test_other_roles_read_no_case(store: Store, role: Role | None) -> None:
    number = scored(store)
    with pytest.raises(PermissionDenied, match="read_case"):
        open_case(store, number, Actor("Gus", role))
    assert "case_opened" not in kinds(store, number)


def test_steps_twice_change_nothing(store: Store) -> None:
    number = scored(store)
    for _ in range(2):
        open_case(store, number, ANN, at=NOON)
    first, second = (lock_first_read(store, number, ANN, **AGREE, at=NOON) for _ in range(2))
    assert first == second
    assert reveal(store, number, ANN, at=NOON) == reveal(store, number, ANN, at=NOON)
    done, again = (decide(store, number, ANN, **AGREE, at=LATER) for _ in range(2))
    assert done == again
    assert len(kinds(store, number)) == 9
    with store.reading() as session:
        assert len(labels_for_training(session, include_ai_visible=True)) == 2


def test_a_locked_step_cannot_be_changed(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number, **DIFFER)
    refused(RefusalCode.ALREADY_GIVEN, lock_first_read, store, number, ANN, **AGREE, at=NOON)
    decide(store, number, ANN, **DIFFER, reason=OverrideReason.HISTORY, at=LATER)
    refused(RefusalCode.ALREADY_GIVEN, decide, store, number, ANN, **AGREE, at=LATER)


@pytest.mark.parametrize(
    ("first", "final", "apart"),
    [
        (AGREE, AGREE, ""),
        (AGREE, {**AGREE, "certainty": Certainty.GUESS}, ""),
        (DIFFER, AGREE, "your first read"),
        (DIFFER, DIFFER, "the AI's opinion"),
        (AGREE, DIFFER, "the AI's opinion and from your first read"),
        (AGREE, {**AGREE, "urgency": Urgency.ROUTINE}, "the AI's opinion and from your first"),
    ],
)
def test_a_departure_needs_a_reason(
    store: Store, first: dict[str, Any], final: dict[str, Any], apart: str
) -> None:
    number = scored(store)
    to_reveal(store, number, **first)
    if apart:
        error = refused(RefusalCode.NEEDS_REASON, decide, store, number, ANN, **final, at=LATER)
        assert f"differs from {apart}" in str(error)
        assert "decision_made" not in kinds(store, number)
    reason = OverrideReason.QUALITY if apart else None
    decide(store, number, ANN, **final, reason=reason, at=LATER)
    assert kinds(store, number)[-1] == "decision_made"


def test_another_reason_needs_words(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number, **DIFFER)
    other = {**DIFFER, "reason": OverrideReason.OTHER, "at": LATER}
    refused(RefusalCode.NEEDS_COMMENT, decide, store, number, ANN, **other, comment="  ")
    decide(store, number, ANN, **other, comment="dermoscopy")


def test_an_abstention_shows_no_condition_and_no_probability(store: Store) -> None:
    number = scored(store, prediction=abstention())
    open_case(store, number, ANN, at=NOON)
    lock_first_read(store, number, ANN, **DIFFER, at=NOON)
    shown = reveal(store, number, ANN, at=NOON)
    assert shown is not None
    assert shown.abstained
    assert (shown.decision.condition, shown.decision.differential) == (None, ())
    assert shown.decision.reason == AbstainReason.UNFAMILIAR.sentence
    assert shown.decision.next_action == AbstainReason.UNFAMILIAR.next_action


def test_lowering_an_abstained_case_needs_a_reason(store: Store) -> None:
    number = scored(store, prediction=abstention(queue=Urgency.SEMI_URGENT))
    to_reveal(store, number, **DIFFER)
    error = refused(RefusalCode.NEEDS_REASON, decide, store, number, ANN, **DIFFER, at=LATER)
    assert "lowers the priority" in str(error)
    given = {"reason": OverrideReason.FALSE_ALARM, "follow_up": NOTHING_FOLLOWS}
    done = decide(store, number, ANN, **DIFFER, **given, at=LATER)
    assert done.state == "second_read"  # by the rule of lowered abstentions


def test_an_abstained_case_at_its_priority_needs_none(store: Store) -> None:
    number = scored(store, prediction=abstention(queue=Urgency.SEMI_URGENT))
    same = {**DIFFER, "urgency": Urgency.SEMI_URGENT}
    to_reveal(store, number, **same)
    refused(RefusalCode.NEEDS_FOLLOW_UP, decide, store, number, ANN, **same, at=LATER)
    given = same | {"follow_up": NOTHING_FOLLOWS}
    assert decide(store, number, ANN, **given, at=LATER).state == "decided"


def test_a_decision_waits_for_the_dwell_time(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    soon = NOON + timedelta(seconds=2.9)
    refused(RefusalCode.TOO_SOON, decide, store, number, ANN, **AGREE, at=soon)
    decide(store, number, ANN, **AGREE, at=NOON + timedelta(seconds=3))


def test_an_unscored_case_can_be_reviewed(store: Store) -> None:
    with store.transaction() as session:
        number = add_case(session, case())
    open_case(store, number, ANN, at=NOON)
    lock_first_read(store, number, ANN, **DIFFER, at=NOON)
    assert reveal(store, number, ANN, at=NOON) is None
    scored(store)
    assert reveal(store, number, ANN, at=NOON) is None
    decide(store, number, ANN, **DIFFER, at=LATER)


def test_what_was_shown_stays_when_the_champion_changes(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    with store.transaction() as session:
        newer = register_bundle(session, bundle("e" * 64, name="newer"))
        add_prediction(session, number, newer, opinion(Urgency.ROUTINE, condition="acne"))
        set_champion(session, newer)
    shown = reveal(store, number, ANN)
    assert shown is not None
    assert (shown.bundle, shown.decision.condition) == ("first", "melanoma")


def test_a_withdrawn_bundle_is_shown_no_more(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    with store.transaction() as session:
        withdraw_bundle(session, "d" * 64, "a fault")
    refused(RefusalCode.BUNDLE_WITHDRAWN, decide, store, number, ANN, **AGREE, at=LATER)
    assert reveal(store, number, ANN, at=LATER) is None
    decide(store, number, ANN, **AGREE, at=LATER + timedelta(seconds=3))
    assert kinds(store, number).count("ai_revealed") == 2


def test_one_reader_at_a_time(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    error = refused(RefusalCode.IN_WORK, open_case, store, number, BEN, at=LATER)
    assert "in work by Ann" in str(error)
    refused(RefusalCode.IN_WORK, lock_first_read, store, number, BEN, **AGREE, at=LATER)
    expired = NOON + timedelta(minutes=16)
    taken = open_case(store, number, BEN, at=expired)
    assert (taken.first, taken.revealed_at, taken.state) == (None, None, "inferred")
    refused(RefusalCode.IN_WORK, decide, store, number, ANN, **AGREE, at=expired)
    back = open_case(store, number, ANN, at=expired + timedelta(minutes=16))
    assert back.state == "revealed"
    assert back.first is not None
    decide(store, number, ANN, **AGREE, at=expired + timedelta(minutes=16))


def test_an_expired_lock_that_nobody_took_is_still_the_readers(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    decide(store, number, ANN, **AGREE, at=NOON + timedelta(hours=5))


def test_a_stale_version_is_refused(store: Store) -> None:
    number = scored(store)
    old = open_case(store, number, ANN, at=NOON).version
    lock_first_read(store, number, ANN, **AGREE, version=old, at=NOON)
    reveal(store, number, ANN, at=NOON)
    stale = {**AGREE, "version": old, "at": LATER}
    refused(RefusalCode.STALE_VERSION, decide, store, number, ANN, **stale)


def test_undoing_a_decision_keeps_it_in_the_record(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    decide(store, number, ANN, **AGREE, at=LATER)
    refused(RefusalCode.NOT_YOURS, undo_decision, store, number, BEN, at=LATER)
    again = undo_decision(store, number, ANN, at=LATER)
    assert (again.state, again.final) == ("revealed", None)
    with store.reading() as session:
        labels = labels_for_training(session, include_ai_visible=True)
    assert [label.source for label in labels] == ["blind"]
    given = {**DIFFER, "reason": OverrideReason.HISTORY}
    decide(store, number, ANN, **given, at=LATER)
    assert kinds(store, number)[-5:] == [
        "decision_made",
        "label_withdrawn",
        "decision_undone",
        "label_added",
        "decision_made",
    ]
    assert waiting_items(store) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"conditions": ()}, RefusalCode.NEEDS_CONDITION),
        ({"conditions": (" ",)}, RefusalCode.NEEDS_CONDITION),
        ({"conditions": ("acne", "melanoma")}, RefusalCode.ONE_CONDITION),
        ({"comment": "x" * 1_000_000}, RefusalCode.TEXT_TOO_LONG),
        ({"comment": "nul \0"}, RefusalCode.BAD_TEXT),
        ({"comment": "half \ud800"}, RefusalCode.BAD_TEXT),
    ],
)
def test_what_cannot_be_stored_is_refused(
    store: Store, changes: dict[str, Any], code: RefusalCode
) -> None:
    number = scored(store)
    to_reveal(store, number)
    refused(code, decide, store, number, ANN, **{**AGREE, **changes}, at=LATER)
    assert "decision_made" not in kinds(store, number)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "' OR 1=1 --", "\x1b[2J\u202e"])
def test_strange_text_is_kept_as_it_is(store: Store, text: str) -> None:
    number = scored(store)
    to_reveal(store, number)
    done = decide(store, number, ANN, **AGREE, comment=text, at=LATER)
    assert done.final is not None
    assert done.final.comment == text
    with store.reading() as session:
        final = reviews(session, number)[0].final
    assert final is not None
    assert final.comment == text


def test_several_diagnoses_of_a_volume(store: Store) -> None:
    number = scored(store, modality=Modality.OCT_VOLUMES)
    both = {**AGREE, "conditions": ("Macular hole", "Epiretinal membrane")}
    open_case(store, number, ANN, at=NOON)
    locked = lock_first_read(store, number, ANN, **both, at=NOON)
    assert locked.first is not None
    assert locked.first.conditions == both["conditions"]
    with store.reading() as session:
        found = [label.condition for label in labels_for_training(session)]
    assert found == list(both["conditions"])


def test_double_submits_at_the_same_moment_count_once(store: Store) -> None:
    number = scored(store)
    barrier, failures = threading.Barrier(4), []

    def read() -> None:
        try:
            barrier.wait(timeout=30)
            open_case(store, number, ANN, at=NOON)
            lock_first_read(store, number, ANN, **AGREE, at=NOON)
            reveal(store, number, ANN, at=NOON)
            decide(store, number, ANN, **AGREE, at=LATER)
        except Exception as error:  # a thread cannot raise into the test
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert sorted(kinds(store, number)[3:]) == sorted(
        ["case_opened", "first_read_locked", "ai_revealed", "decision_made"] + ["label_added"] * 2
    )


def test_readers_do_not_wait_for_a_long_write(tmp_path: Path) -> None:
    """Such as a scoring run; on SQLite there is one writer at a time."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    store = open_store(url, create=True)
    number = scored(store)
    to_reveal(store, number)
    done: list[str] = []

    def look() -> None:
        other = open_store(url)
        assert len(waiting_items(other)) == 1
        assert open_case(other, number, ANN, at=NOON).first is not None
        assert reveal(other, number, ANN, at=NOON) is not None
        other.close()
        done.append("looked")

    with store.transaction() as session:
        add_case(session, case("later"))
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(timeout=20)  # a writer would wait 30 s
        assert done == ["looked"]
    thread.join()
    store.close()


@pytest.mark.parametrize(
    "other", ["dr wire", "DR WIRE", " Dr\u00a0Wire", "Dr\u200b Wire", "Ｄｒ Wire"]
)
def test_another_spelling_of_a_name_is_no_second_blind_read(store: Store, other: str) -> None:
    number = scored(store)
    to_reveal(store, number, reader("Dr Wire"), **DIFFER)
    taken = open_case(store, number, reader(other), at=NOON)
    assert taken.reviewer == "Dr Wire"
    assert taken.first is not None
    again = {**AGREE, "at": NOON}
    refused(RefusalCode.ALREADY_GIVEN, lock_first_read, store, number, reader(other), **again)
    with store.reading() as session:
        assert len(reviews(session, number)) == 1
        assert [label.condition for label in labels_for_training(session)] == ["acne"]
    assert kinds(store, number).count("case_opened") == 1


def test_taken_up_begins_nothing(store: Store) -> None:
    number = scored(store)
    assert taken_up(store, number, ANN) is None
    assert "case_opened" not in kinds(store, number)
    opened = open_case(store, number, ANN)
    assert taken_up(store, number, reader(" ANN ")) == opened
