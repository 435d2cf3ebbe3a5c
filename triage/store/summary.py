"""Counts over the reviews: the team's numbers for the audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.store.planted import of_planted_case
from triage.store.tables import Prediction, Read, Review
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind

_LOW = (Urgency.ROUTINE, Urgency.OBSERVATION)


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """What readers did with what they saw; counts of reviews.

    Undone decisions and planted cases are in none of them. A review of a second reader or of an
    adjudication counts in `second_reads` or `adjudication_reads` only.

    Parameters
    ----------
    opened, first_reads, revealed, decided : int
        Reviews that reached each step.
    reviewers, cases : int
        Distinct readers, spellings of one name counted once (`reader_key`), and distinct cases with
        a decision.
    decided_after_first : int
        Decided reviews with a first read: all but those of sites that read with the AI from the
        beginning.
    condition_switches, urgency_switches : int
        Of those, decisions that differ from the same reader's first read.
    towards_ai, away_from_ai : int
        Decisions that name the AI's condition where the first read did not, and the reverse, where
        it had an opinion.
    agreed_first, agreed_finally : int
        Decided reviews whose first read, and whose decision, named the AI's condition.
    with_opinion, abstained, unscored, without_ai : int
        Decided reviews by what the reader was shown; `unscored` are those where the AI was to be
        shown and no system had scored the case, `without_ai` those read without it.
    with_opinion_after_first : int
        Decided reviews with a first read and an opinion.
    lowered_on_abstention : int
        Decisions below semi-urgent where the AI had abstained.
    second_reads, adjudication_reads : int
        Reads given by second readers, and in adjudications.
    reasons : mapping of str to int
        Decisions by reason code.
    """

    opened: int
    first_reads: int
    revealed: int
    decided: int
    reviewers: int
    cases: int
    decided_after_first: int
    condition_switches: int
    urgency_switches: int
    towards_ai: int
    away_from_ai: int
    agreed_first: int
    agreed_finally: int
    with_opinion: int
    with_opinion_after_first: int
    abstained: int
    unscored: int
    without_ai: int
    lowered_on_abstention: int
    second_reads: int
    adjudication_reads: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Stated:
    conditions: frozenset[str]
    urgency: Urgency
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """A review with what was shown and the standing first read and decision."""

    case_id: int
    reviewer: str
    revealed: bool
    ai: str | None
    said: str | None
    first: _Stated | None
    final: _Stated | None

    @property
    def has_opinion(self) -> bool:
        return self.said is not None and self.said != NO_AI_OPINION


def review_summary(session: Session) -> ReviewSummary:
    """Count the reviews in the store."""
    reads = _standing_reads(session)
    again = {number for number, kind in reads if kind in (ReadKind.SECOND, ReadKind.ADJUDICATION)}
    reviewed = [
        _Reviewed(
            case_id,
            reviewer,
            revealed_at is not None,
            ai,
            said,
            first=_first_of(reads, number, ReadKind.FIRST),
            final=_first_of(reads, number, ReadKind.FINAL),
        )
        for number, case_id, reviewer, revealed_at, ai, said in _reviews(session)
        if number not in again or (number, ReadKind.FINAL) in reads
    ]
    return _counted(
        reviewed,
        second_reads=sum(len(of) for (_, kind), of in reads.items() if kind is ReadKind.SECOND),
        adjudication_reads=sum(
            len(of) for (_, kind), of in reads.items() if kind is ReadKind.ADJUDICATION
        ),
    )


def _counted(
    reviewed: Sequence[_Reviewed], *, second_reads: int, adjudication_reads: int
) -> ReviewSummary:
    final = [(one, one.final) for one in reviewed if one.final is not None]
    both = [(one, one.first, last) for one, last in final if one.first is not None]
    opinions = [(one, last) for one, last in final if one.has_opinion]
    compared = [(one.ai, first, last) for one, first, last in both if one.has_opinion]
    abstained = [last for one, last in final if one.said == NO_AI_OPINION]
    return ReviewSummary(
        opened=len(reviewed),
        first_reads=sum(one.first is not None for one in reviewed),
        revealed=sum(one.revealed for one in reviewed),
        decided=len(final),
        reviewers=len({reader_key(one.reviewer) for one, _ in final}),
        cases=len({one.case_id for one, _ in final}),
        decided_after_first=len(both),
        condition_switches=sum(first.conditions != last.conditions for _, first, last in both),
        urgency_switches=sum(first.urgency != last.urgency for _, first, last in both),
        towards_ai=sum(
            ai in last.conditions and ai not in first.conditions for ai, first, last in compared
        ),
        away_from_ai=sum(
            ai in first.conditions and ai not in last.conditions for ai, first, last in compared
        ),
        agreed_first=sum(ai in first.conditions for ai, first, _ in compared),
        agreed_finally=sum(one.ai in last.conditions for one, last in opinions),
        with_opinion=len(opinions),
        with_opinion_after_first=len(compared),
        abstained=len(abstained),
        unscored=sum(one.revealed and one.said is None for one, _ in final),
        without_ai=sum(not one.revealed for one, _ in final),
        lowered_on_abstention=sum(last.urgency in _LOW for last in abstained),
        second_reads=second_reads,
        adjudication_reads=adjudication_reads,
        reasons=dict(Counter(last.reason for _, last in final if last.reason)),
    )


_Reads = dict[tuple[int, ReadKind], list[_Stated]]
_NOT_PLANTED = ~of_planted_case(Review.case_id)


def _standing_reads(session: Session) -> _Reads:
    """What was stated and not undone, by review and kind."""
    query = (
        select(Read.review_id, Read.kind, Read.conditions, Read.urgency, Read.reason_code)
        .join(Review, Read.review_id == Review.id)
        .where(Read.withdrawn_at.is_(None), _NOT_PLANTED)
        .order_by(Read.id)
    )
    found: _Reads = {}
    for number, kind, conditions, urgency, reason in session.execute(query):
        stated = _Stated(frozenset(conditions), Urgency(urgency), reason)
        found.setdefault((number, ReadKind(kind)), []).append(stated)
    return found


def _reviews(session: Session) -> Sequence[tuple[int, int, str, object, str | None, str | None]]:
    """Each review, with the condition and recommendation that its reader was shown."""
    query = (
        select(
            Review.id,
            Review.case_id,
            Review.reviewer,
            Review.revealed_at,
            Prediction.condition,
            Prediction.recommendation,
        )
        .outerjoin(Prediction, Review.prediction_id == Prediction.id)
        .where(_NOT_PLANTED)
        .order_by(Review.id)
    )
    return [tuple(row) for row in session.execute(query)]  # type: ignore[misc]


def _first_of(reads: _Reads, review: int, kind: ReadKind) -> _Stated | None:
    found = reads.get((review, kind))
    return found[0] if found else None
