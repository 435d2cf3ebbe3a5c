"""Second reads: a reader who knows nothing of the first read or of the AI reads the case again.

Nothing here returns anything of the first reader or of the AI before the second read is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, require
from triage.ledger.events.review_events import AdjudicationOpened, CaseOpened, SecondReadGiven
from triage.review.case_work import CaseWork, in_transaction, require_step
from triage.review.drafts import discard_draft
from triage.review.guards import ProposedRead, states_the_same
from triage.review.reader_view import read_record
from triage.review.refusals import RefusalCode, StepRefused
from triage.review.second_read_rules import disagreement
from triage.review.states import Step
from triage.review.viewable import looked_at
from triage.store import LabelSource, Store
from triage.store.base import utc_now
from triage.store.label_requests import asks_for_label
from triage.store.locks import locks
from triage.store.records import Read
from triage.store.tables import Case, Review
from triage.store.tables import Read as ReadRow
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.learning import RequestKind
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind


@dataclass(frozen=True, slots=True)
class WaitingSecondRead:
    """A case that a reader may read as the second; not even its urgency, which is the AI's."""

    case_id: int
    external_id: str
    source: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SecondReadView:
    """What a second reader sees of a review: their own read, once it is given.

    Parameters
    ----------
    case_id : int
    reviewer : str
    version : int
        To be given with the second read.
    given : Read or None
    comment : str
        Of the read.
    """

    case_id: int
    reviewer: str
    version: int
    given: Read | None = None
    comment: str = ""


def second_reads_waiting(
    store: Store, actor: Actor, *, at: datetime | None = None
) -> list[WaitingSecondRead]:
    """Return the cases that an actor may read as the second reader, the longest wait first.

    Cases that they have read themselves, or that another reader has reserved, are not among them.

    Raises
    ------
    PermissionDenied
        If the actor gives no second reads.
    """
    require(actor, Action.GIVE_SECOND_READ)
    key = reader_key(actor.name)
    with store.reading() as session:
        taken = {
            case_id
            for case_id, lock in locks(session, at or utc_now()).items()
            if reader_key(lock.owner) != key
        }
        known = {case_id for case_id, reader in _who_has_read(session) if reader_key(reader) == key}
        rows = session.execute(
            select(Case.id, Case.external_id, Case.source, Case.received_at)
            .where(Case.state == CaseState.SECOND_READ)
            .order_by(Case.received_at, Case.id)
        )
        return [WaitingSecondRead(*row) for row in rows if row.id not in taken | known]


def _who_has_read(session: Session) -> list[tuple[int, str]]:
    """Cases that wait for a second read, with each who has read them or was shown the AI."""
    has_read = select(ReadRow.id).where(ReadRow.review_id == Review.id).exists()
    query = (
        select(Review.case_id, Review.reviewer)
        .join(Case, Review.case_id == Case.id)
        .where(Case.state == CaseState.SECOND_READ, or_(has_read, Review.revealed_at.is_not(None)))
    )
    return [(case_id, reviewer) for case_id, reviewer in session.execute(query)]


def open_second_read(
    store: Store, case_id: int, actor: Actor, *, at: datetime | None = None
) -> SecondReadView:
    """Begin a second read, or take it up again, and reserve the case for the reader.

    Raises
    ------
    StepRefused
        If the case waits for no second read, another reader has it, or this one has read it.
    PermissionDenied
        If the actor gives no second reads.
    """
    require_step(actor, Step.OPEN_SECOND_READ)
    moment = at or utc_now()

    def work(case: CaseWork) -> SecondReadView:
        if case.history.read_of(actor.name, ReadKind.SECOND) is not None:
            return _view(case, actor)
        context = case.context(actor, moment, asked_again=_is_asked_again(case))
        case.check(Step.OPEN_SECOND_READ, context)
        if case.history.progress(actor.name) is None:
            assert case.history.policy is not None, "a decided case was opened"
            review = case.review_of(actor, moment)
            case.record(CaseOpened(review, case.history.policy, second=True), actor, moment)
            case.reached(Step.OPEN_SECOND_READ)
        case.reserve(actor, moment)
        return _view(case, actor)

    return in_transaction(store, case_id, work)


def give_second_read(
    store: Store,
    case_id: int,
    actor: Actor,
    *,
    conditions: Sequence[str],
    urgency: Urgency,
    certainty: Certainty,
    comment: str = "",
    version: int | None = None,
    at: datetime | None = None,
) -> SecondReadView:
    """Store a second read; it cannot be changed, and is a blind label.

    If it is at least one level of urgency from the decision, an adjudication begins; otherwise
    the decision stands.

    Parameters
    ----------
    conditions : sequence of str
        The main one first; several only of cases whose diagnoses may occur together.
    version : int, optional
        `SecondReadView.version` of what the reader saw.

    Raises
    ------
    StepRefused
        If the case waits for no second read, is not open for this reader or reserved for another,
        if the reader has read it before, or no image can be shown.
    """
    require_step(actor, Step.GIVE_SECOND_READ)
    moment = at or utc_now()
    read = ProposedRead(tuple(conditions), urgency, certainty, comment=comment.strip())
    is_viewable = looked_at(store, case_id)

    def work(case: CaseWork) -> SecondReadView:
        given = case.history.read_of(actor.name, ReadKind.SECOND)
        if given is not None:
            if states_the_same(given, read):
                return _view(case, actor)
            raise StepRefused(
                RefusalCode.ALREADY_GIVEN, "Your second read of this case is given, and stays."
            )
        context = case.context(
            actor,
            moment,
            version=version,
            read=read,
            viewable=is_viewable(case.case),
            asked_again=_is_asked_again(case),
        )
        case.check(Step.GIVE_SECOND_READ, context)
        _store(case, actor, read, moment)
        case.reached(Step.GIVE_SECOND_READ)
        case.release()
        discard_draft(case.session, case_id, actor.name)
        return _view(case, actor)

    return in_transaction(store, case_id, work)


def _store(case: CaseWork, actor: Actor, read: ProposedRead, at: datetime) -> None:
    decision = case.history.counted()
    assert decision is not None, "a second read follows a decision"
    review = case.review_of(actor, at)
    facts = case.state_read(review, ReadKind.SECOND, read, at)
    case.label(facts, LabelSource.BLIND, actor.name, at)
    levels = disagreement(read.urgency, decision.urgency)
    case.record(SecondReadGiven(review, facts, levels), actor, at)
    if levels >= 1:
        case.record(AdjudicationOpened((decision.reader, actor.name)), actor, at)
    case.answer_requests("a second reader read it", actor, at)


def _is_asked_again(case: CaseWork) -> bool:
    return asks_for_label(case.session, case.case.id, RequestKind.LABEL_ERROR)


def _view(case: CaseWork, actor: Actor) -> SecondReadView:
    progress = case.history.progress(actor.name)
    given = case.history.read_of(actor.name, ReadKind.SECOND)
    return SecondReadView(
        case_id=case.case.id,
        reviewer=progress.reader if progress else actor.name,
        version=case.history.version,
        given=read_record(given) if given else None,
        comment=given.facts.comment if given else "",
    )
