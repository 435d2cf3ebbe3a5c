from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.store.make import NOON, abstention, scored
from triage.accounts import Actor, Role
from triage.review import Certainty, OverrideReason, decide, lock_first_read, open_case, reveal
from triage.store import Store, review_summary
from triage.store.planted import add_planted
from triage.store.reviews import add_read, add_review, set_revealed, withdraw_read
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import ReadKind

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
LATER = NOON + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable.has_viewable_image", lambda case: True)


def reader(name: str) -> Actor:
    return Actor(name, Role.READER)


def to_reveal(store: Store, number: int, name: str, **read: Any) -> None:
    open_case(store, number, reader(name), at=NOON)
    lock_first_read(store, number, reader(name), at=NOON, **read)
    reveal(store, number, reader(name), at=NOON)


def carried(
    store: Store,
    number: int,
    name: str,
    first: dict[str, Any] | None = None,
    final: dict[str, Any] | None = None,
    prediction: int | None = None,
) -> None:
    """A review as an earlier release stored it: several readers could decide one case."""
    with store.transaction() as session:
        review = add_review(session, number, name, NOON)
        if first is not None:
            add_read(session, review, ReadKind.FIRST, NOON, **first)
            set_revealed(session, review, prediction, NOON)
        if final is not None:
            add_read(session, review, ReadKind.FINAL, NOON, **final)


def test_an_empty_store_counts_nothing(store: Store) -> None:
    with store.reading() as session:
        summary = review_summary(session)
    assert (summary.opened, summary.decided, summary.reasons) == (0, 0, {})


def test_the_teams_counts(store: Store) -> None:
    """The AI says melanoma; Ann switches to it, Ben away from it, Cleo stays on acne."""
    opinion_case, abstained_case = scored(store), scored(store, "c2", abstention())
    missed = {"reason_code": OverrideReason.MISSED_FINDING}
    false = {"reason_code": OverrideReason.FALSE_FINDING}
    carried(store, opinion_case, "Ann", DIFFER, AGREE | missed, 1)
    carried(store, opinion_case, "Ben", AGREE, DIFFER | false, 1)
    carried(store, opinion_case, "Cleo", DIFFER, DIFFER | false, 1)
    carried(store, abstained_case, "Ann", DIFFER, DIFFER, 2)
    carried(store, abstained_case, "Ben")
    carried(store, abstained_case, "Cleo", AGREE, None, 2)
    with store.reading() as session:
        summary = review_summary(session)
    assert (summary.opened, summary.first_reads, summary.revealed, summary.decided) == (6, 5, 5, 4)
    assert (summary.reviewers, summary.cases) == (3, 2)
    assert (summary.condition_switches, summary.urgency_switches) == (2, 2)
    assert (summary.towards_ai, summary.away_from_ai) == (1, 1)
    assert (summary.agreed_first, summary.agreed_finally) == (1, 1)
    assert (summary.with_opinion, summary.abstained, summary.unscored) == (3, 1, 0)
    assert (summary.decided_after_first, summary.with_opinion_after_first) == (4, 3)
    assert summary.lowered_on_abstention == 1
    assert summary.reasons == {"R1": 1, "R2": 2}


def test_spellings_of_one_name_are_one_reader(store: Store) -> None:
    """As the guard of the blind read compares names."""
    for number, name in enumerate(("Dr Wire", "dr  WIRE", "DR\u00a0wire", "Dr Wier")):
        case_id = scored(store, f"c{number}")
        to_reveal(store, case_id, name, **AGREE)
        decide(store, case_id, reader(name), at=LATER, **AGREE)
    with store.reading() as session:
        summary = review_summary(session)
    assert (summary.reviewers, summary.decided) == (2, 4)


def test_planted_cases_and_undone_decisions_count_nowhere(store: Store) -> None:
    planted, undone = scored(store), scored(store, "c2")
    with store.transaction() as session:
        add_planted(session, planted, ("acne",), Urgency.ROUTINE, None)
    for number in (planted, undone):
        carried(store, number, "Ann", AGREE, AGREE | {"reason_code": OverrideReason.QUALITY}, 1)
    with store.transaction() as session:
        withdraw_read(session, 4, LATER)
    with store.reading() as session:
        summary = review_summary(session)
    assert (summary.opened, summary.first_reads, summary.decided, summary.reasons) == (1, 1, 0, {})


def test_what_was_read_otherwise_than_blind_then_shown(store: Store) -> None:
    """A case without AI, one with the AI from the beginning, and a second reader."""
    alone, together, again = scored(store), scored(store, "c2"), scored(store, "c3")
    with store.transaction() as session:
        review = add_review(session, alone, "Ann", NOON)
        add_read(session, review, ReadKind.FIRST, NOON, **DIFFER)
        add_read(session, review, ReadKind.FINAL, NOON, **AGREE)
        review = add_review(session, together, "Ann", NOON)
        set_revealed(session, review, 2, NOON)
        add_read(session, review, ReadKind.FINAL, NOON, **DIFFER)
    carried(store, again, "Ann", AGREE, AGREE, 3)
    with store.transaction() as session:
        review = add_review(session, again, "Ben", NOON)
        add_read(session, review, ReadKind.SECOND, NOON, **DIFFER)
        for round_ in (1, 2):
            add_read(session, review, ReadKind.ADJUDICATION, NOON, round_=round_, **DIFFER)
    with store.reading() as session:
        summary = review_summary(session)
    assert (summary.opened, summary.first_reads, summary.revealed, summary.decided) == (3, 2, 2, 3)
    assert (summary.without_ai, summary.unscored, summary.with_opinion) == (1, 0, 2)
    assert (summary.decided_after_first, summary.with_opinion_after_first) == (2, 1)
    assert (summary.condition_switches, summary.agreed_finally) == (1, 1)
    assert (summary.second_reads, summary.adjudication_reads) == (1, 2)
