from __future__ import annotations

from tests.review.test_workflow import AGREE, DIFFER, to_reveal
from tests.store.make import abstention, scored
from triage.review import OverrideReason, decide, open_case
from triage.store import Store, review_summary


def test_an_empty_store_counts_nothing(store: Store) -> None:
    with store.reading() as session:
        summary = review_summary(session)
    assert (summary.opened, summary.decided, summary.reasons) == (0, 0, {})


def test_the_teams_counts(store: Store) -> None:
    """The AI says melanoma; Ann switches to it, Ben away from it, Cleo stays on acne."""
    opinion_case, abstained_case = scored(store), scored(store, "c2", abstention())
    to_reveal(store, opinion_case, "Ann", **DIFFER)
    decide(store, opinion_case, "Ann", **AGREE, reason=OverrideReason.MISSED_FINDING)
    to_reveal(store, opinion_case, "Ben", **AGREE)
    decide(store, opinion_case, "Ben", **DIFFER, reason=OverrideReason.FALSE_FINDING)
    to_reveal(store, opinion_case, "Cleo", **DIFFER)
    decide(store, opinion_case, "Cleo", **DIFFER, reason=OverrideReason.FALSE_FINDING)
    to_reveal(store, abstained_case, "Ann", **DIFFER)
    decide(store, abstained_case, "Ann", **DIFFER)
    open_case(store, abstained_case, "Ben")
    to_reveal(store, abstained_case, "Cleo", **AGREE)
    with store.reading() as session:
        summary = review_summary(session)
    assert (summary.opened, summary.first_reads, summary.revealed, summary.decided) == (6, 5, 5, 4)
    assert (summary.reviewers, summary.cases) == (3, 2)
    assert (summary.condition_switches, summary.urgency_switches) == (2, 2)
    assert (summary.towards_ai, summary.away_from_ai) == (1, 1)
    assert (summary.agreed_first, summary.agreed_finally) == (1, 1)
    assert (summary.with_opinion, summary.abstained, summary.unscored) == (3, 1, 0)
    assert summary.lowered_on_abstention == 1
    assert summary.reasons == {"R1": 1, "R2": 2}


def test_spellings_of_one_name_are_one_reader(store: Store) -> None:
    """As the guard of the blind read compares names."""
    for number, name in enumerate(("Dr Wire", "dr  WIRE", "DR\u00a0wire", "Dr Wier")):
        case_id = scored(store, f"c{number}")
        to_reveal(store, case_id, name, **AGREE)
        decide(store, case_id, name, **AGREE)
    with store.reading() as session:
        summary = review_summary(session)
    assert (summary.reviewers, summary.decided) == (2, 4)
