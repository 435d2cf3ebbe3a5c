"""What figures are computed from: one record a case that was opened, from a few queries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from triage.data.spec import DataSpec
from triage.ledger.events import event_of
from triage.ledger.events.review_events import AdjudicationClosed, DecisionMade
from triage.review.figures.truth import TRUTH_SOURCES, Truth, TruthLabel, truth_of
from triage.review.figures.unshown_opinions import unshown_opinions
from triage.store.planted import of_planted_case
from triage.store.tables import Case, Event, Label, Prediction, Read, Review
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.event_types import EventType
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.review_policies import ReadingMode, ReadKind, SecondReadRule


@dataclass(frozen=True, slots=True)
class Statement:
    """What a read states."""

    conditions: tuple[str, ...]
    urgency: Urgency
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Advice:
    """What a system says of a case; no condition and urgency where it abstains."""

    condition: str | None
    urgency: Urgency | None

    @property
    def abstained(self) -> bool:
        """Whether it gave no opinion."""
        return self.urgency is None


@dataclass(frozen=True, slots=True)
class ReviewedCase:
    """One case that a reader has opened; not who the readers were.

    Parameters
    ----------
    patient : int
        The unit of resampling.
    received_at : datetime
    mode : ReadingMode
    drawn_ai_off : bool
        Whether it was drawn to be read without AI.
    earlier_release : bool
        Whether it was opened under a release that drew no cases.
    first, decision, second : Statement or None
        The standing reads; the decision and the first read are of one reader.
    revealed : bool
        Whether who decided was shown what the AI says, be it nothing.
    shown : Advice or None
        What they were shown.
    unshown : Advice or None
        What a system had said before a decision that was made without it.
    seconds : (int, int) or None
        Active time before and after the reveal; None where none was recorded.
    rules : tuple of SecondReadRule or None
        By which the decision went to a second reader; None where this was not recorded.
    adjudicated : bool
        Whether an adjudication was opened.
    closed, by_senior : bool
        Whether it has ended, and by a senior reader.
    rounds : int
    truth : Truth or None
    """

    patient: int
    received_at: datetime
    mode: ReadingMode
    drawn_ai_off: bool
    earlier_release: bool = False
    first: Statement | None = None
    decision: Statement | None = None
    second: Statement | None = None
    revealed: bool = False
    shown: Advice | None = None
    unshown: Advice | None = None
    seconds: tuple[int, int] | None = None
    rules: tuple[SecondReadRule, ...] | None = None
    adjudicated: bool = False
    closed: bool = False
    by_senior: bool = False
    rounds: int = 0
    truth: Truth | None = None


def reviewed_cases(session: Session, spec: DataSpec | None = None) -> list[ReviewedCase]:
    """Return every case that was opened, see `reviewed_by_number`."""
    return list(reviewed_by_number(session, spec).values())


def reviewed_by_number(session: Session, spec: DataSpec | None = None) -> dict[int, ReviewedCase]:
    """Return every case that was opened by its number, planted ones excluded.

    Parameters
    ----------
    session : Session
    spec : DataSpec, optional
        See `triage.review.figures.truth.truth_of`.
    """
    cases = _opened(session)
    reads = _reads(session)
    labels = truth_labels(session)
    happenings = _happenings(session)
    unshown = unshown_opinions(session)
    return {
        number: replace(
            case,
            **_stated(reads.get(number, ()), happenings.get(number, _NOTHING)),
            **_adjudication(reads.get(number, ()), happenings.get(number, _NOTHING)),
            earlier_release=happenings.get(number, _NOTHING).carried_over,
            unshown=_advice(*unshown[number]) if number in unshown else None,
            truth=truth_of(labels.get(number, ()), spec),
        )
        for number, case in cases.items()
    }


@dataclass(frozen=True, slots=True)
class _GivenRead:
    id: int
    review: int
    kind: ReadKind
    round: int
    statement: Statement
    revealed: bool
    shown: Advice | None


@dataclass(slots=True)
class _Happenings:
    """What only the events of a case tell."""

    decisions: dict[int, DecisionMade]
    carried_over: bool = False
    adjudicated: bool = False
    closed: AdjudicationClosed | None = None


_NOTHING = _Happenings({})


def _opened(session: Session) -> dict[int, ReviewedCase]:
    query = (
        select(Case.id, Case.patient_id, Case.received_at, cast(Case.policy, Text))
        .where(~of_planted_case(Case.id))
        .order_by(Case.id)
    )
    parsed: dict[str, tuple[ReadingMode, bool] | None] = {}
    found = {}
    for number, patient, received_at, text in session.execute(query):
        if text not in parsed:
            policy = json.loads(text or "null")
            parsed[text] = policy and (ReadingMode(policy["mode"]), bool(policy["drawn_ai_off"]))
        if (known := parsed[text]) is not None:
            found[number] = ReviewedCase(patient, received_at, *known)
    return found


def _reads(session: Session) -> dict[int, list[_GivenRead]]:
    query = (
        select(
            Review.case_id,
            Review.id,
            Review.revealed_at,
            Prediction.condition,
            Prediction.recommendation,
            Read.id,
            Read.kind,
            Read.round,
            cast(Read.conditions, Text),
            Read.urgency,
            Read.reason_code,
            Read.at,
        )
        .join(Read, Read.review_id == Review.id)
        .outerjoin(Prediction, Review.prediction_id == Prediction.id)
        .where(Read.withdrawn_at.is_(None))
        .order_by(Read.id)
    )
    found: dict[int, list[_GivenRead]] = defaultdict(list)
    parsed: dict[str, tuple[str, ...]] = {}  # many reads name the same, and parsing is slow
    for row in session.execute(query):
        case, review, revealed_at, ai, said, number, kind, round_, names, urgency, reason, at = row
        if names not in parsed:
            parsed[names] = tuple(json.loads(names))
        statement = Statement(parsed[names], Urgency(urgency), reason, at)
        read = _GivenRead(
            number,
            review,
            ReadKind(kind),
            round_,
            statement,
            revealed_at is not None,
            None if said is None else _advice(ai, said),
        )
        found[case].append(read)
    return found


def _advice(condition: str | None, recommendation: str) -> Advice:
    if recommendation == NO_AI_OPINION:
        return Advice(None, None)
    return Advice(condition, Urgency(recommendation))


def truth_labels(session: Session) -> dict[int, list[TruthLabel]]:
    """Return the standing labels of each case that state a truth, oldest first."""
    query = (
        select(
            Label.case_id,
            Label.condition,
            Label.source,
            Label.given_by,
            Label.read_id,
            Read.urgency,
        )
        .outerjoin(Read, Label.read_id == Read.id)
        .where(Label.withdrawn_at.is_(None), Label.source.in_(TRUTH_SOURCES))
        .order_by(Label.id)
    )
    found: dict[int, list[TruthLabel]] = defaultdict(list)
    for case, condition, source, given_by, read, urgency in session.execute(query):
        stated = None if urgency is None else Urgency(urgency)
        found[case].append(TruthLabel(condition, LabelSource(source), given_by, read, stated))
    return found


_KINDS = (
    EventType.CASE_CARRIED_OVER,
    EventType.DECISION_MADE,
    EventType.ADJUDICATION_OPENED,
    EventType.ADJUDICATION_CLOSED,
)


def _happenings(session: Session) -> dict[int, _Happenings]:
    query = (
        select(Event.case_id, Event.kind, Event.payload)
        .where(Event.kind.in_(_KINDS), Event.case_id.is_not(None))
        .order_by(Event.id)
    )
    found: dict[int, _Happenings] = {}
    for case, kind, payload in session.execute(query):
        assert case is not None, "the query asks for events of cases"
        one = found.setdefault(case, _Happenings({}))
        content = json.loads(payload)
        if kind == EventType.CASE_CARRIED_OVER:
            one.carried_over = content["policy"] is not None
            one.adjudicated = content["state"] == CaseState.ADJUDICATION
            continue
        event = event_of(kind, content)  # None where an earlier release wrote it
        if isinstance(event, DecisionMade):
            one.decisions[event.read.read] = event
        elif isinstance(event, AdjudicationClosed):
            one.closed = event
        elif event is not None:
            one.adjudicated, one.closed = True, None
    return found


def _stated(reads: Sequence[_GivenRead], happenings: _Happenings) -> dict[str, Any]:
    final = _earliest(read for read in reads if read.kind is ReadKind.FINAL)
    second = _earliest(read for read in reads if read.kind is ReadKind.SECOND)
    found: dict[str, Any] = {"second": second.statement if second else None}
    if final is None:
        return found
    first = _earliest(
        read for read in reads if read.kind is ReadKind.FIRST and read.review == final.review
    )
    made = happenings.decisions.get(final.id)
    measured = made is not None and made.seconds_before + made.seconds_after > 0
    return found | {
        "first": first.statement if first else None,
        "decision": final.statement,
        "revealed": final.revealed,
        "shown": final.shown,
        "seconds": (made.seconds_before, made.seconds_after) if made and measured else None,
        "rules": made.second_read if made else None,
    }


def _earliest(reads: Iterable[_GivenRead]) -> _GivenRead | None:
    """An earlier release could store several decisions of one case; the earliest counted."""
    found = list(reads)
    if len(found) < 2:
        return found[0] if found else None
    return min(found, key=lambda read: (read.statement.at, read.id))


def _adjudication(reads: Sequence[_GivenRead], happenings: _Happenings) -> dict[str, Any]:
    rounds = [read.round for read in reads if read.kind is ReadKind.ADJUDICATION]
    closed = happenings.closed
    return {
        "adjudicated": happenings.adjudicated,
        "closed": closed is not None,
        "by_senior": closed is not None and closed.by_senior,
        "rounds": max(rounds, default=0),
    }
