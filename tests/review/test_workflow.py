from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.databases import database_url
from tests.store.make import NOON, abstention, bundle, case, opinion, scored
from triage.errors import StoreError, WorkflowError
from triage.review import (
    Certainty,
    OverrideReason,
    decide,
    lock_first_read,
    open_case,
    reveal,
    taken_up,
    worklist,
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
from triage.store.records import Read
from triage.store.reviews import keep_first_read, keep_reveal, reviews
from triage.store.tables import Review
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency

AGREE: dict[str, Any] = {
    "condition": "melanoma",
    "urgency": Urgency.URGENT,
    "certainty": Certainty.SURE,
}
DIFFER: dict[str, Any] = {
    "condition": "acne",
    "urgency": Urgency.ROUTINE,
    "certainty": Certainty.UNSURE,
}


def to_reveal(store: Store, number: int, reader: str = "Ann", **read: Any) -> None:
    open_case(store, number, reader)
    lock_first_read(store, number, reader, **(read or AGREE))
    reveal(store, number, reader)


def kinds(store: Store, number: int) -> list[str]:
    with store.reading() as session:
        return [event.kind for event in events(session, number)]


def test_the_whole_way(store: Store) -> None:
    number = scored(store)
    times = [NOON + timedelta(minutes=minute) for minute in range(4)]
    opened = open_case(store, number, "  Ann   Lee ", at=times[0])
    assert (opened.reviewer, opened.opened_at, opened.first) == ("Ann Lee", times[0], None)
    locked = lock_first_read(store, number, "Ann Lee", **DIFFER, at=times[1])
    assert locked.first is not None
    assert locked.first.at == times[1]
    shown = reveal(store, number, "Ann Lee", at=times[2])
    assert shown is not None
    assert (shown.decision.condition, shown.urgency) == ("melanoma", Urgency.URGENT)
    first = shown.decision.differential[0]
    assert (first.condition, first.probability) == ("melanoma", 0.83)
    done = decide(
        store,
        number,
        "Ann Lee",
        **AGREE,
        reason=OverrideReason.MISSED_FINDING,
        comment=" I saw it then. ",
        at=times[3],
    )
    assert done.final is not None
    assert done.final.read.condition == "melanoma"
    assert done.final.comment == "I saw it then."
    assert worklist(store, NOON) == []
    with store.reading() as session:
        ledger = [(e.kind, e.actor, e.at) for e in events(session, number)][2:]
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
    with pytest.raises(WorkflowError, match="not open"):
        reveal(store, number, "Ann")
    open_case(store, number, "Ann")
    with pytest.raises(WorkflowError, match="only after your first read"):
        reveal(store, number, "Ann")
    lock_first_read(store, number, "Ben" if open_case(store, number, "Ben") else "", **AGREE)
    with pytest.raises(WorkflowError, match="only after your first read"):
        reveal(store, number, "Ann")
    assert "ai_revealed" not in kinds(store, number)


def test_no_decision_before_the_reveal(store: Store) -> None:
    number = scored(store)
    open_case(store, number, "Ann")
    with pytest.raises(WorkflowError, match="after the first read"):
        decide(store, number, "Ann", **AGREE)
    lock_first_read(store, number, "Ann", **AGREE)
    with pytest.raises(WorkflowError, match="the reveal"):
        decide(store, number, "Ann", **AGREE)


def test_a_reader_needs_a_name_and_a_case_must_exist(store: Store) -> None:
    with pytest.raises(WorkflowError, match="needs a reader"):
        open_case(store, scored(store), "  ")
    with pytest.raises(StoreError, match="no such case"):
        open_case(store, 12345, "Ann")


def test_steps_twice_change_nothing(store: Store) -> None:
    number = scored(store)
    for _ in range(2):
        open_case(store, number, "Ann")
    first, second = (lock_first_read(store, number, "Ann", **AGREE) for _ in range(2))
    assert first == second
    assert reveal(store, number, "Ann") == reveal(store, number, "Ann")
    done, again = (decide(store, number, "Ann", **AGREE) for _ in range(2))
    assert done == again
    assert len(kinds(store, number)) == 8
    with store.reading() as session:
        assert len(labels_for_training(session, include_ai_visible=True)) == 2


def test_a_locked_step_cannot_be_changed(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number, **DIFFER)
    with pytest.raises(WorkflowError, match="locked"):
        lock_first_read(store, number, "Ann", **AGREE)
    decide(store, number, "Ann", **DIFFER, reason=OverrideReason.HISTORY)
    with pytest.raises(WorkflowError, match="cannot change"):
        decide(store, number, "Ann", **AGREE, reason=OverrideReason.HISTORY)


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
        with pytest.raises(WorkflowError, match=f"differs from {apart}"):
            decide(store, number, "Ann", **final)
        assert "decision_made" not in kinds(store, number)
    decide(store, number, "Ann", **final, reason=OverrideReason.QUALITY if apart else None)
    assert kinds(store, number)[-1] == "decision_made"


def test_another_reason_needs_words(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number, **DIFFER)
    with pytest.raises(WorkflowError, match="needs words"):
        decide(store, number, "Ann", **DIFFER, reason=OverrideReason.OTHER, comment="  ")
    decide(store, number, "Ann", **DIFFER, reason=OverrideReason.OTHER, comment="dermoscopy")


def test_an_abstention_shows_no_condition_and_no_probability(store: Store) -> None:
    number = scored(store, prediction=abstention())
    open_case(store, number, "Ann")
    lock_first_read(store, number, "Ann", **DIFFER)
    shown = reveal(store, number, "Ann")
    assert shown is not None
    assert shown.abstained
    assert (shown.decision.condition, shown.decision.differential) == (None, ())
    assert shown.decision.reason == AbstainReason.UNFAMILIAR.sentence
    assert shown.decision.next_action == AbstainReason.UNFAMILIAR.next_action
    decide(store, number, "Ann", **DIFFER)


def test_an_unscored_case_can_be_reviewed(store: Store) -> None:
    with store.transaction() as session:
        number = add_case(session, case())
    open_case(store, number, "Ann")
    lock_first_read(store, number, "Ann", **DIFFER)
    assert reveal(store, number, "Ann") is None
    scored(store)
    assert reveal(store, number, "Ann") is None
    decide(store, number, "Ann", **DIFFER)


def test_what_was_shown_stays_when_the_champion_changes(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number)
    with store.transaction() as session:
        newer = register_bundle(session, bundle("e" * 64, name="newer"))
        add_prediction(session, number, newer, opinion(Urgency.ROUTINE, condition="acne"))
        set_champion(session, newer)
    shown = reveal(store, number, "Ann")
    assert shown is not None
    assert (shown.bundle, shown.decision.condition) == ("first", "melanoma")
    to_reveal(store, number, "Ben")
    other = reveal(store, number, "Ben")
    assert other is not None
    assert other.bundle == "newer"


def test_two_readers_stay_apart(store: Store) -> None:
    number = scored(store)
    to_reveal(store, number, "Ann", **DIFFER)
    to_reveal(store, number, "Ben", **AGREE)
    decide(store, number, "Ann", **DIFFER, reason=OverrideReason.HISTORY)
    decide(store, number, "Ben", **AGREE)
    with store.reading() as session:
        ann, ben = reviews(session, number)
    assert ann.final is not None
    assert ben.final is not None
    assert (ann.reviewer, ann.final.read.condition) == ("Ann", "acne")
    assert (ben.reviewer, ben.final.read.condition) == ("Ben", "melanoma")


def test_double_submits_at_the_same_moment_count_once(store: Store) -> None:
    number = scored(store)
    barrier, failures = threading.Barrier(4), []

    def read() -> None:
        try:
            barrier.wait(timeout=30)
            open_case(store, number, "Ann")
            lock_first_read(store, number, "Ann", **AGREE)
            reveal(store, number, "Ann")
            decide(store, number, "Ann", **AGREE)
        except Exception as error:  # a thread cannot raise into the test
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert sorted(kinds(store, number)[2:]) == sorted(
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
        assert len(worklist(other, NOON)) == 1
        assert open_case(other, number, "Ann").first is not None
        assert reveal(other, number, "Ann") is not None
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


STEPS = st.lists(
    st.tuples(st.sampled_from(["open", "lock", "reveal", "decide"]), st.sampled_from(["A", "B"])),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_in_any_order_of_steps_no_reveal_precedes_a_first_read(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    with database_url("sqlite", tmp_path_factory.mktemp("steps")) as url:
        store = open_store(url, create=True)
        number = scored(store)
        seen: dict[str, list[str]] = {"A": [], "B": []}
        for step, reader in steps:
            try:
                if step == "open":
                    open_case(store, number, reader)
                elif step == "lock":
                    lock_first_read(store, number, reader, **AGREE)
                elif step == "reveal":
                    reveal(store, number, reader)
                else:
                    decide(store, number, reader, **AGREE)
            except WorkflowError:
                continue
            seen[reader].append(step)
        store.close()
    order = ["open", "lock", "reveal", "decide"]
    for steps_taken in seen.values():
        firsts = list(dict.fromkeys(steps_taken))
        assert firsts == order[: len(firsts)]


@pytest.mark.parametrize(
    "other", ["dr wire", "DR WIRE", " Dr\u00a0Wire", "Dr\u200b Wire", "Ｄｒ Wire"]
)
def test_another_spelling_of_a_name_is_no_second_blind_read(store: Store, other: str) -> None:
    number = scored(store)
    to_reveal(store, number, "Dr Wire", **DIFFER)
    taken = open_case(store, number, other)
    assert taken.reviewer == "Dr Wire"
    assert taken.first is not None
    with pytest.raises(WorkflowError, match="locked and cannot change"):
        lock_first_read(store, number, other, **AGREE)
    with store.reading() as session:
        assert len(reviews(session, number)) == 1
        assert [label.condition for label in labels_for_training(session)] == ["acne"]
    assert kinds(store, number).count("case_opened") == 1


@pytest.mark.parametrize("other", ["Dr Wires", "Dr Wiré", "DrWire"])
def test_other_names_are_other_readers(store: Store, other: str) -> None:
    number = scored(store)
    to_reveal(store, number, "Dr Wire")
    assert open_case(store, number, other).first is None


def test_two_spellings_of_an_earlier_version_are_one_reader(store: Store) -> None:
    """Whichever is named, the review that has been shown the opinion is taken up."""
    number = scored(store)
    with store.transaction() as session:
        for name in ("Ann Lee", "ann lee"):
            session.add(Review(case_id=number, reviewer=name, opened_at=NOON))
    with store.transaction() as session:
        second = reviews(session, number)[1].id
        keep_first_read(session, second, Read("acne", Urgency.ROUTINE, Certainty.SURE, NOON))
        keep_reveal(session, second, None, NOON)
    for name in ("Ann Lee", "ann lee", "ANN LEE"):
        found = open_case(store, number, name)
        assert (found.id, found.revealed_at) == (second, NOON)


def test_taken_up_begins_nothing(store: Store) -> None:
    number = scored(store)
    assert taken_up(store, number, "Ann") is None
    assert "case_opened" not in kinds(store, number)
    opened = open_case(store, number, "Ann")
    assert taken_up(store, number, " ANN ") == opened
    with pytest.raises(WorkflowError, match="needs a reader"):
        taken_up(store, number, " ")
