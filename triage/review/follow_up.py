"""What a reader has to answer where the AI abstained: what is to follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from triage.ledger.events.review_events import FollowUp
from triage.ledger.review_history import CaseHistory
from triage.review.guards import StepContext, check_text
from triage.review.refusals import RefusalCode, StepRefused
from triage.vocabulary.read_answers import FollowUpKind

_LONGEST_WAIT = timedelta(days=366)


def without_blanks(follow_up: FollowUp | None) -> FollowUp | None:
    """Return what is to follow without blanks around its text."""
    return None if follow_up is None else replace(follow_up, text=follow_up.text.strip())


def abstention_is_followed_up(history: CaseHistory, context: StepContext) -> None:
    """Where the AI abstained, the reader says what is to follow; elsewhere nothing is asked."""
    read = context.read
    assert read is not None, "this step takes a read"
    follow_up = read.follow_up
    if context.shown is None or not context.shown.abstained:
        if follow_up is not None:
            raise StepRefused(
                RefusalCode.WRONG_STATE,
                "What is to follow is asked only where the AI gave no opinion.",
                hint="Load the case again.",
            )
        return
    if follow_up is None:
        raise StepRefused(
            RefusalCode.NEEDS_FOLLOW_UP,
            "The AI gave no opinion, and it is not said what is to follow.",
            hint="Ask for a retake, name a day for a specialist, or say why neither.",
        )
    check_text(follow_up.text)
    if follow_up.kind is FollowUpKind.SPECIALIST:
        _check_day(follow_up.by, context.at.date())
    elif follow_up.by is not None:
        raise StepRefused(RefusalCode.NEEDS_FOLLOW_UP, "Only a specialist's appointment has a day.")
    elif not follow_up.text.strip():
        raise StepRefused(
            RefusalCode.NEEDS_FOLLOW_UP,
            "It is not said what is wrong with the images."
            if follow_up.kind is FollowUpKind.RETAKE
            else "It is not said why neither is needed.",
            hint="Say it.",
        )


def _check_day(text: str | None, today: date) -> None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        day = None
    # The day before today in UTC may still be today where the reader is.
    if day is None or not timedelta(-1) <= day - today <= _LONGEST_WAIT:
        raise StepRefused(
            RefusalCode.NEEDS_FOLLOW_UP,
            "No day is named by which a specialist is to see the case.",
            hint="Name one from today on, within a year.",
        )
