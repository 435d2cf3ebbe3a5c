"""A reader's own work: what they have in work, decided and signed, and results that came later.

Nothing of the AI is in it, and of the reads only the reader's own. A case that waits for a second
reader looks like any other decided one, since what asks for a second reader would tell the first
reader which cases have a known answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, require
from triage.store import LabelSource, Store
from triage.store.base import utc_now
from triage.store.locks import LockRecord, locks
from triage.store.tables import Case, Draft, Label, Read, Review
from triage.vocabulary.case_states import WAITING_STATES, CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind

NEW_FOR = timedelta(days=30)
"""How long a result that arrived after the decision counts as new."""
_SIGNED = (CaseState.SIGNED, CaseState.EXPORTED, CaseState.AMENDED)
_DECIDED = (CaseState.DECIDED, CaseState.SECOND_READ, CaseState.ADJUDICATION)


class OwnState(StrEnum):
    """How far a case is, as a reader who works on it sees it."""

    IN_WORK = "in_work"
    WITH_ANOTHER = "with_another"
    """Another reader has reserved it."""
    SET_ASIDE = "set_aside"
    UNGRADABLE = "ungradable"
    DECIDED = "decided"
    ADJUDICATION = "adjudication"
    SIGNED = "signed"
    AMENDED = "amended"
    """Signed, with an addendum that is not signed."""


class Agreement(StrEnum):
    """Whether a result names what a reader decided."""

    AGREES = "agrees"
    PARTLY = "partly"
    """Some of the conditions are the same."""
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class OwnDecision:
    """What a reader decided; the main condition is the first."""

    conditions: tuple[str, ...]
    urgency: Urgency
    certainty: Certainty
    at: datetime


@dataclass(frozen=True, slots=True)
class LaterResult:
    """A label of histology that came after a reader's decision.

    Parameters
    ----------
    conditions : tuple of str
        All that the laboratory named, oldest first.
    given_by : str
        The laboratory or person.
    at : datetime
        When the last of them arrived.
    agreement : Agreement
        With the reader's decision.
    """

    conditions: tuple[str, ...]
    given_by: str
    at: datetime
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A case that a reader has worked on.

    Parameters
    ----------
    case_id : int
    external_id, source : str
    received_at : datetime
    state : OwnState
    decision : OwnDecision or None
        None while there is none.
    draft_at : datetime or None
        When what is typed and not stored was kept last.
    can_undo : bool
        Whether the decision can be taken back.
    result : LaterResult or None
    """

    case_id: int
    external_id: str
    source: str
    received_at: datetime
    state: OwnState
    decision: OwnDecision | None = None
    draft_at: datetime | None = None
    can_undo: bool = False
    result: LaterResult | None = None


@dataclass(frozen=True, slots=True)
class OwnCases:
    """A reader's cases.

    Parameters
    ----------
    new_results : tuple of OwnCase
        With a result of the last `NEW_FOR`, the newest first.
    in_work : tuple of OwnCase
        Opened and not decided, the one received first first.
    decided, signed : tuple of OwnCase
        The newest decision first; of many, the newest.
    decided_in_all, signed_in_all : int
        How many there are.
    """

    new_results: tuple[OwnCase, ...]
    in_work: tuple[OwnCase, ...]
    decided: tuple[OwnCase, ...]
    signed: tuple[OwnCase, ...]
    decided_in_all: int
    signed_in_all: int


def own_cases(
    store: Store, actor: Actor, *, at: datetime | None = None, limit: int = 100
) -> OwnCases:
    """Return the cases that a reader has worked on.

    Parameters
    ----------
    store : Store
    actor : Actor
    at : datetime, optional
        Now by default.
    limit : int
        Of decided and of signed cases, so many at most.

    Raises
    ------
    PermissionDenied
        If the actor reads no cases.
    """
    require(actor, Action.READ_CASE)
    moment = at or utc_now()
    with store.reading() as session:
        mine = _is_reviewed_by(session, actor)
        decided, decided_in_all = _decided(session, mine, _DECIDED, limit)
        signed, signed_in_all = _decided(session, mine, _SIGNED, limit)
        return OwnCases(
            new_results=_new_results(session, mine, moment - NEW_FOR),
            in_work=_in_work(session, mine, actor, locks(session, moment)),
            decided=decided,
            signed=signed,
            decided_in_all=decided_in_all,
            signed_in_all=signed_in_all,
        )


def _is_reviewed_by(session: Session, actor: Actor) -> ColumnElement[bool]:
    """Whether a review is the actor's, however an earlier release spelled the name."""
    key = reader_key(actor.name)
    names = session.scalars(select(Review.reviewer).distinct())
    return Review.reviewer.in_([name for name in names if reader_key(name) == key])


def _in_work(
    session: Session, mine: ColumnElement[bool], actor: Actor, taken: dict[int, LockRecord]
) -> tuple[OwnCase, ...]:
    key = reader_key(actor.name)
    # A read beyond the first one: a decision, or the second read after an undone decision.
    further = (
        select(Read.id)
        .where(
            Read.review_id == Review.id, Read.kind != ReadKind.FIRST, Read.withdrawn_at.is_(None)
        )
        .exists()
    )
    states = (*WAITING_STATES, CaseState.UNGRADABLE)
    rows = session.execute(
        select(Case.id, Case.external_id, Case.source, Case.received_at, Case.state, Draft.saved_at)
        .join(Review, Review.case_id == Case.id)
        .outerjoin(Draft, (Draft.case_id == Case.id) & (Draft.reader == actor.name))
        .where(mine, Case.state.in_(states), ~further)
        .order_by(Case.received_at, Case.id)
    )
    found: dict[int, OwnCase] = {}
    for case_id, name, source, received_at, state, saved_at in rows:
        lock = taken.get(case_id)
        other = lock is not None and reader_key(lock.owner) != key
        found[case_id] = OwnCase(
            case_id,
            name,
            source,
            received_at,
            OwnState.WITH_ANOTHER if other else _state_in_work(state),
            draft_at=saved_at,
        )
    return tuple(found.values())


def _state_in_work(state: str) -> OwnState:
    if state == CaseState.SKIPPED:
        return OwnState.SET_ASIDE
    return OwnState.UNGRADABLE if state == CaseState.UNGRADABLE else OwnState.IN_WORK


def _decided(
    session: Session, mine: ColumnElement[bool], states: Sequence[CaseState], limit: int
) -> tuple[tuple[OwnCase, ...], int]:
    """The newest decisions of a reader on cases in some states, and how many there are."""
    wanted = (
        mine,
        Read.kind == ReadKind.FINAL,
        Read.withdrawn_at.is_(None),
        Case.state.in_(states),
    )
    query = (
        select(Case, Read)
        .join(Review, Review.case_id == Case.id)
        .join(Read, Read.review_id == Review.id)
        .where(*wanted)
    )
    many = session.scalar(
        select(func.count(Read.id))
        .join(Review, Read.review_id == Review.id)
        .join(Case, Review.case_id == Case.id)
        .where(*wanted)
    )
    rows = session.execute(query.order_by(Read.at.desc(), Read.id.desc()).limit(limit)).all()
    decisions = [(case, _decision(read)) for case, read in rows]
    results = _results(session, decisions)
    return tuple(_own(case, decision, results.get(case.id)) for case, decision in decisions), (
        many or 0
    )


def _new_results(
    session: Session, mine: ColumnElement[bool], since: datetime
) -> tuple[OwnCase, ...]:
    rows = session.execute(
        select(Case, Read)
        .join(Review, Review.case_id == Case.id)
        .join(Read, Read.review_id == Review.id)
        .join(Label, Label.case_id == Case.id)
        .where(
            mine,
            Read.kind == ReadKind.FINAL,
            Read.withdrawn_at.is_(None),
            Label.source == LabelSource.HISTOLOGY,
            Label.withdrawn_at.is_(None),
            Label.created_at >= since,
            Label.created_at > Read.at,
            or_(Case.state.in_(_DECIDED), Case.state.in_(_SIGNED)),
        )
        .order_by(Read.id)
    )
    decisions = {case.id: (case, _decision(read)) for case, read in rows}
    results = _results(session, list(decisions.values()))
    found = [
        _own(case, decision, results[case.id])
        for case, decision in decisions.values()
        if case.id in results
    ]
    found.sort(key=lambda one: (one.result.at if one.result else since, one.case_id), reverse=True)
    return tuple(found)


def _results(
    session: Session, decisions: Sequence[tuple[Case, OwnDecision]]
) -> dict[int, LaterResult]:
    """Histology that came after the decisions, by case.

    While readers disagree none is given: who adjudicates answers without knowing it.
    """
    open_ = {case.id: made for case, made in decisions if case.state != CaseState.ADJUDICATION}
    labels = session.scalars(
        select(Label)
        .where(
            Label.case_id.in_(open_),
            Label.source == LabelSource.HISTOLOGY,
            Label.withdrawn_at.is_(None),
        )
        .order_by(Label.created_at, Label.id)
    )
    later: dict[int, list[Label]] = {}
    for label in labels:
        if label.created_at > open_[label.case_id].at:
            later.setdefault(label.case_id, []).append(label)
    found = {}
    for case_id, given in later.items():
        conditions = tuple(dict.fromkeys(label.condition for label in given))
        found[case_id] = LaterResult(
            conditions,
            ", ".join(dict.fromkeys(label.given_by for label in given)),
            given[-1].created_at,
            _agreement(conditions, open_[case_id].conditions),
        )
    return found


def _agreement(found: Sequence[str], decided: Sequence[str]) -> Agreement:
    if set(found) == set(decided):
        return Agreement.AGREES
    return Agreement.PARTLY if set(found) & set(decided) else Agreement.DIFFERS


def _decision(read: Read) -> OwnDecision:
    return OwnDecision(
        tuple(read.conditions), Urgency(read.urgency), Certainty(read.certainty), read.at
    )


_OWN_STATES = {
    CaseState.ADJUDICATION: OwnState.ADJUDICATION,
    CaseState.SIGNED: OwnState.SIGNED,
    CaseState.EXPORTED: OwnState.SIGNED,
    CaseState.AMENDED: OwnState.AMENDED,
}


def _own(case: Case, decision: OwnDecision, result: LaterResult | None) -> OwnCase:
    state = CaseState(case.state)
    return OwnCase(
        case.id,
        case.external_id,
        case.source,
        case.received_at,
        _OWN_STATES.get(state, OwnState.DECIDED),
        decision,
        can_undo=state in (CaseState.DECIDED, CaseState.SECOND_READ),
        result=result,
    )
