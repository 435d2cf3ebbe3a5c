"""Reviewed cases put into a store row by row, for tests of what is computed from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta

from sqlalchemy.orm import Session

from tests.store.make import NOON, abstention, bundle, case, opinion
from triage.decision import Decision
from triage.ledger.events.review_events import (
    AdjudicationClosed,
    AdjudicationOpened,
    CasePolicy,
    DecisionMade,
    ReadFacts,
)
from triage.store import (
    LabelSource,
    add_case,
    add_label,
    add_prediction,
    append_event,
    register_bundle,
)
from triage.store.base import utc_now
from triage.store.planted import add_planted
from triage.store.reviews import add_read, add_review, set_case_state, set_revealed
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty, OverrideReason
from triage.vocabulary.review_policies import ReadingMode, ReadKind, SecondReadRule

Answer = tuple[str, Urgency]
"""A condition and an urgency."""


@dataclass
class Reviewed:
    """A case as a test describes it; answers are pairs of condition and urgency.

    `advice` is None where no system scored the case, and "abstained" where it gave no opinion.
    """

    mode: ReadingMode = ReadingMode.BLIND
    drawn: bool = False
    advice: Answer | str | None = None
    first: Answer | None = None
    decision: Answer | None = None
    reason: OverrideReason | None = None
    second: Answer | None = None
    rules: tuple[SecondReadRule, ...] = ()
    seconds: tuple[int, int] = (0, 0)
    adjudication: tuple[Answer, ...] = ()
    by_senior: bool = False
    histology: str | None = None
    wait: timedelta = timedelta(hours=1)
    patient: str | None = None
    planted: bool = False
    recorded: bool = True
    readers: tuple[str, str] = field(default=("Ann", "Ben"))


def put(session: Session, name: str, given: Reviewed) -> int:
    """Store a reviewed case; times are around now, so that systems scored it before."""
    decided = utc_now() + timedelta(hours=1)
    record = case(name, patient=given.patient or name, received_at=decided - given.wait)
    number = add_case(session, record)
    prediction = None
    if given.advice is not None:
        system = register_bundle(session, bundle())
        prediction = add_prediction(session, number, system, _advice(given.advice))
    if given.planted:
        add_planted(session, number, ("acne",), Urgency.ROUTINE, None)
    policy = asdict(CasePolicy(given.mode, True, given.drawn))
    set_case_state(session, number, CaseState.DECIDED, 1, policy)
    review = add_review(session, number, given.readers[0], NOON)
    if given.mode is not ReadingMode.AI_OFF:
        set_revealed(session, review, prediction, NOON)
    if given.first:
        _read(session, review, ReadKind.FIRST, given.first)
    if given.decision:
        facts = _read(session, review, ReadKind.FINAL, given.decision, given.reason, decided)
        if given.recorded:
            made = DecisionMade(review, facts, given.rules, *given.seconds)
            append_event(session, made, actor=given.readers[0], case_id=number)
    if given.second or given.adjudication:
        _read_again(session, number, review, given)
    if given.histology:
        _label(session, number, given.histology, LabelSource.HISTOLOGY, None)
    return number


def _read_again(session: Session, number: int, review: int, given: Reviewed) -> None:
    other = add_review(session, number, given.readers[1], NOON)
    if given.second:
        _read(session, other, ReadKind.SECOND, given.second)
    if not given.adjudication:
        return
    append_event(session, AdjudicationOpened(given.readers), case_id=number)
    for round_, answer in enumerate(given.adjudication, 1):
        for each in (review, other):
            facts = _read(session, each, ReadKind.ADJUDICATION, answer, round_=round_)
    _label(session, number, given.adjudication[-1][0], LabelSource.ADJUDICATED, facts.read)
    append_event(session, AdjudicationClosed(facts.read, given.by_senior), case_id=number)


def _advice(advice: Answer | str) -> Decision:
    if isinstance(advice, str):
        return abstention()
    return opinion(advice[1], condition=advice[0])


def _read(
    session: Session,
    review: int,
    kind: ReadKind,
    answer: Answer,
    reason: OverrideReason | None = None,
    at: object = NOON,
    round_: int = 0,
) -> ReadFacts:
    condition, urgency = answer
    number = add_read(
        session,
        review,
        kind,
        at,  # type: ignore[arg-type]
        conditions=(condition,),
        urgency=urgency,
        certainty=Certainty.SURE,
        reason_code=reason,
        round_=round_,
    )
    return ReadFacts(number, (condition,), urgency, Certainty.SURE, reason)


def _label(
    session: Session, number: int, condition: str, source: LabelSource, read: int | None
) -> None:
    add_label(
        session,
        number,
        condition,
        source,
        given_by="Laboratory" if read is None else "Ben",
        ai_visible=read is not None,
        read_id=read,
    )
