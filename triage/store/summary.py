"""Counts over the reviews: the team's numbers for the audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.store.tables import Prediction, Review
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.reader_names import reader_key


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """What readers did with what they saw; counts of reviews.

    Parameters
    ----------
    opened, first_reads, revealed, decided : int
        Reviews that reached each step.
    reviewers, cases : int
        Distinct readers, spellings of one name counted once (`reader_key`), and distinct cases with
        a decision.
    condition_switches, urgency_switches : int
        Decisions that differ from the same reader's first read.
    towards_ai, away_from_ai : int
        Switches of the condition that ended at the AI's, or left it, where it had an opinion.
    agreed_first, agreed_finally : int
        Decided reviews whose first read, and whose decision, named the AI's condition.
    with_opinion, abstained, unscored : int
        Decided reviews by what the reader was shown.
    lowered_on_abstention : int
        Decisions below semi-urgent where the AI had abstained.
    reasons : mapping of str to int
        Decisions by reason code.
    """

    opened: int
    first_reads: int
    revealed: int
    decided: int
    reviewers: int
    cases: int
    condition_switches: int
    urgency_switches: int
    towards_ai: int
    away_from_ai: int
    agreed_first: int
    agreed_finally: int
    with_opinion: int
    abstained: int
    unscored: int
    lowered_on_abstention: int
    reasons: Mapping[str, int]


def review_summary(session: Session) -> ReviewSummary:
    """Count the reviews in the store."""
    pairs = session.execute(
        select(Review, Prediction.condition, Prediction.recommendation)
        .outerjoin(Prediction, Review.prediction_id == Prediction.id)
        .order_by(Review.id)
    ).all()
    decided = [(row, ai, said) for row, ai, said in pairs if row.final_at is not None]
    opinions = [
        (row, ai) for row, ai, said in decided if said is not None and said != NO_AI_OPINION
    ]
    abstained = [row for row, _, said in decided if said == NO_AI_OPINION]
    switched = [(row, ai) for row, ai in opinions if row.first_condition != row.final_condition]
    low = (Urgency.ROUTINE, Urgency.OBSERVATION)
    return ReviewSummary(
        opened=len(pairs),
        first_reads=sum(row.first_at is not None for row, _, _ in pairs),
        revealed=sum(row.revealed_at is not None for row, _, _ in pairs),
        decided=len(decided),
        reviewers=len({reader_key(row.reviewer) for row, _, _ in decided}),
        cases=len({row.case_id for row, _, _ in decided}),
        condition_switches=sum(row.first_condition != row.final_condition for row, _, _ in decided),
        urgency_switches=sum(row.first_urgency != row.final_urgency for row, _, _ in decided),
        towards_ai=sum(row.final_condition == ai for row, ai in switched),
        away_from_ai=sum(row.first_condition == ai for row, ai in switched),
        agreed_first=sum(row.first_condition == ai for row, ai in opinions),
        agreed_finally=sum(row.final_condition == ai for row, ai in opinions),
        with_opinion=len(opinions),
        abstained=len(abstained),
        unscored=sum(said is None for _, _, said in decided),
        lowered_on_abstention=sum(row.final_urgency in low for row in abstained),
        reasons=dict(
            Counter(row.final_reason_code for row, _, _ in decided if row.final_reason_code)
        ),
    )
