"""The steps of a reading: open, blind first read, reveal, decision, and taking a decision back.

Each step is one transaction that also appends its event. Taking a step twice with the same content
changes nothing; taking it with other content, or out of turn, is a `StepRefused`. A reader is
compared without regard to letter case and blanks (`triage.vocabulary.reader_names.reader_key`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from triage.accounts import Actor
from triage.ledger.events.review_events import (
    AdjudicationOpened,
    AiRevealed,
    CaseOpened,
    DecisionMade,
    DecisionUndone,
    FirstReadLocked,
    FollowUp,
)
from triage.review.activity import active_seconds
from triage.review.case_work import CaseWork, history_of, in_transaction, require_step
from triage.review.drafts import discard_draft
from triage.review.follow_up import without_blanks
from triage.review.guards import ProposedRead, states_the_same
from triage.review.opinion import Opinion, opinion_of
from triage.review.policies import case_policy
from triage.review.reader_view import ReaderView, view_for
from triage.review.refusals import RefusalCode, StepRefused
from triage.review.second_read_rules import disagreement, second_read_rules
from triage.review.states import Step
from triage.review.viewable import looked_at
from triage.store import LabelSource, Store
from triage.store.base import utc_now
from triage.store.labels import withdraw_labels
from triage.store.locks import lock_of
from triage.store.planted import planted_prediction
from triage.store.predictions import get_prediction, shown_prediction
from triage.store.records import StoredPrediction
from triage.store.reviews import set_revealed, withdraw_read
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty, OverrideReason
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadingMode, ReadKind


def open_case(
    store: Store, case_id: int, actor: Actor, *, at: datetime | None = None
) -> ReaderView:
    """Begin, or take up again, a reading of a case, and reserve the case for the reader.

    The mode of reading is settled when the case is opened first, by the policy of its site. Where
    the AI's opinion is shown from the start, the opening shows it.

    Raises
    ------
    StepRefused
        If another reader works on the case, or it is not waiting for a reading.
    PermissionDenied
        If the actor may not read cases.
    StoreError
        If there is no such case.
    """
    require_step(actor, Step.OPEN)
    moment = at or utc_now()
    if view := _still_reserved(store, case_id, actor, moment):
        return view

    def work(case: CaseWork) -> ReaderView:
        history = case.history
        seen = view_for(history, case_id, actor.name)
        if seen is not None and seen.final is not None:
            return seen
        case.check(Step.OPEN, case.context(actor, moment))
        # Whoever was handed the case has it, and has not begun.
        active = seen is not None and _same(history.active, actor)
        if not active or history.state != history.state_for(actor.name):
            policy = history.policy or case_policy(case.policy, case.case)
            review = case.review_of(actor, moment)
            case.record(CaseOpened(review, policy), actor, moment)
            case.reached(Step.OPEN)
            if policy.mode is ReadingMode.CONCURRENT and not _still_shown(case, actor):
                _show(case, actor, moment)
        case.reserve(actor, moment)
        return _view(case, actor)

    return in_transaction(store, case_id, work)


def _still_reserved(store: Store, case_id: int, actor: Actor, at: datetime) -> ReaderView | None:
    """The reader's view where the case is theirs for a while yet, without waiting for writers."""
    with store.reading() as session:
        case = CaseWork(session, case_id)
        view = view_for(case.history, case_id, actor.name)
        if view is None or view.final is not None:
            return view
        lock = lock_of(session, case_id)
        if lock is None or not _same(lock.owner, actor) or not _same(case.history.active, actor):
            return None
        case.check(Step.OPEN, case.context(actor, at))
        return view if lock.until - at > case.policy.lock_duration / 2 else None


def taken_up(store: Store, case_id: int, actor: Actor) -> ReaderView | None:
    """Return a reader's part of a case without beginning one, or None."""
    return view_for(history_of(store, case_id), case_id, actor.name)


def lock_first_read(
    store: Store,
    case_id: int,
    actor: Actor,
    *,
    conditions: Sequence[str],
    urgency: Urgency,
    certainty: Certainty,
    version: int | None = None,
    at: datetime | None = None,
) -> ReaderView:
    """Store what the reader thinks before seeing the AI's opinion; it cannot be changed.

    It also becomes a blind label.

    Parameters
    ----------
    conditions : sequence of str
        The main one first; several only of cases whose diagnoses may occur together.
    version : int, optional
        `ReaderView.version` of what the reader saw.

    Raises
    ------
    StepRefused
        If the case is not open for the reader, another first read is locked already, or no image
        can be shown.
    """
    require_step(actor, Step.LOCK_FIRST_READ)
    moment = at or utc_now()
    read = ProposedRead(tuple(conditions), urgency, certainty)
    is_viewable = looked_at(store, case_id)

    def work(case: CaseWork) -> ReaderView:
        given = case.history.read_of(actor.name, ReadKind.FIRST)
        if given is not None and states_the_same(given, read):
            return _view(case, actor)
        context = case.context(
            actor, moment, version=version, read=read, viewable=is_viewable(case.case)
        )
        if given is not None:
            raise StepRefused(
                RefusalCode.ALREADY_GIVEN,
                "Your first read of this case is locked and cannot change.",
            )
        case.check(Step.LOCK_FIRST_READ, context)
        review = case.review_of(actor, moment)
        facts = case.state_read(review, ReadKind.FIRST, read, moment)
        case.label(facts, LabelSource.BLIND, actor.name, moment)
        case.record(FirstReadLocked(review, facts), actor, moment)
        case.reached(Step.LOCK_FIRST_READ)
        case.reserve(actor, moment)
        return _view(case, actor)

    return in_transaction(store, case_id, work)


def reveal(
    store: Store, case_id: int, actor: Actor, *, at: datetime | None = None
) -> Opinion | None:
    """Give the reader the AI's opinion of a case; the only way to get it.

    Which prediction was shown is stored, and the same one is shown from then on, unless its bundle
    is withdrawn.

    Returns
    -------
    Opinion or None
        None if no bundle had scored the case at the first reveal.

    Raises
    ------
    StepRefused
        If the reader's first read is not locked, or the case is read without the AI.
    """
    require_step(actor, Step.REVEAL)
    moment = at or utc_now()
    with store.reading() as session:  # showing again must not wait for a writer
        if shown := _still_shown(CaseWork(session, case_id), actor):
            return _opinion(shown.prediction)

    def work(case: CaseWork) -> Opinion | None:
        if shown := _still_shown(case, actor):
            return _opinion(shown.prediction)
        case.check(Step.REVEAL, case.context(actor, moment))
        return _opinion(_show(case, actor, moment))

    return in_transaction(store, case_id, work)


class _Shown:
    """The prediction that a reader was shown, None where there was none."""

    def __init__(self, session: Session, prediction_id: int | None) -> None:
        self.prediction = None if prediction_id is None else get_prediction(session, prediction_id)
        self.withdrawn = self.prediction is not None and self.prediction.withdrawn


def _shown_before(case: CaseWork, actor: Actor) -> _Shown | None:
    progress = case.history.progress(actor.name)
    if progress is None or progress.revealed_at is None:
        return None
    return _Shown(case.session, progress.prediction)


def _still_shown(case: CaseWork, actor: Actor) -> _Shown | None:
    """What a reader was shown, unless its bundle has been withdrawn since."""
    shown = _shown_before(case, actor)
    return None if shown is None or shown.withdrawn else shown


def _show(case: CaseWork, actor: Actor, at: datetime) -> StoredPrediction | None:
    planted = planted_prediction(case.session, case.case.id)
    shown = planted or shown_prediction(case.session, case.case.id)
    number = shown.id if shown else None
    progress = case.history.progress(actor.name)
    assert progress is not None, "the case is open"
    set_revealed(case.session, progress.review, number, progress.revealed_at or at)
    digest = shown.bundle_digest if shown else None
    case.record(AiRevealed(progress.review, number, digest), actor, at)
    case.reached(Step.REVEAL)
    return shown


def decide(
    store: Store,
    case_id: int,
    actor: Actor,
    *,
    conditions: Sequence[str],
    urgency: Urgency,
    certainty: Certainty,
    reason: OverrideReason | None = None,
    comment: str = "",
    follow_up: FollowUp | None = None,
    version: int | None = None,
    at: datetime | None = None,
) -> ReaderView:
    """Store the reader's decision; the case leaves the worklist or goes to a second reader.

    It also becomes a label, marked as given with the AI visible where it was.

    Parameters
    ----------
    reason : OverrideReason, optional
        Needed where the decision departs from the AI or from the first read.
    follow_up : FollowUp, optional
        Needed where the AI abstained, and refused where it did not.
    version : int, optional
        `ReaderView.version` of what the reader saw.

    Raises
    ------
    StepRefused
        If nothing was revealed yet, the reveal was too short ago, another decision stands, or a
        needed reason, comment or follow-up is missing, or there was no first read and no image can
        be shown.
    """
    require_step(actor, Step.DECIDE)
    moment = at or utc_now()
    follows, named = without_blanks(follow_up), tuple(conditions)
    read = ProposedRead(named, urgency, certainty, reason, comment.strip(), follow_up=follows)
    given_first = history_of(store, case_id).read_of(actor.name, ReadKind.FIRST) is not None
    is_viewable = (lambda case: True) if given_first else looked_at(store, case_id)

    def work(case: CaseWork) -> ReaderView:
        given = case.history.read_of(actor.name, ReadKind.FINAL)
        if given is not None:
            if states_the_same(given, read):
                return _view(case, actor)
            raise StepRefused(
                RefusalCode.ALREADY_GIVEN,
                "Your decision on this case is made.",
                hint="Undo it first, or add an addendum once it is signed.",
            )
        shown = _shown_before(case, actor)
        prediction = shown.prediction if shown else None
        context = case.context(
            actor,
            moment,
            version=version,
            read=read,
            viewable=is_viewable(case.case),
            shown=prediction.decision if prediction else None,
            shown_withdrawn=shown is not None and shown.withdrawn,
        )
        case.check(Step.DECIDE, context)
        _store_decision(case, actor, read, prediction, moment)
        case.reached(Step.DECIDE)
        case.release()
        discard_draft(case.session, case_id, actor.name)
        return _view(case, actor)

    return in_transaction(store, case_id, work)


def _store_decision(
    case: CaseWork,
    actor: Actor,
    read: ProposedRead,
    prediction: StoredPrediction | None,
    at: datetime,
) -> None:
    review = case.review_of(actor, at)
    facts = case.state_read(review, ReadKind.FINAL, read, at)
    policy = case.history.policy
    alone = policy is not None and policy.mode is ReadingMode.AI_OFF
    source = LabelSource.BLIND if alone else LabelSource.AI_VISIBLE
    case.label(facts, source, actor.name, at)
    rules = second_read_rules(
        case.session, case.case, case.policy, read, prediction.decision if prediction else None
    )
    case.count_activity(actor, at)
    before, after = active_seconds(case.session, case.case.id, actor.name)
    case.record(DecisionMade(review, facts, rules, before, after), actor, at)
    if others := _contradicting(case, actor, read.urgency):
        case.record(AdjudicationOpened((actor.name, *others)), actor, at)
    case.answer_requests("a reader decided", actor, at)


def _contradicting(case: CaseWork, actor: Actor, urgency: Urgency) -> tuple[str, ...]:
    """Other readers whose second read, or decision under an earlier release, differs."""
    stated = (*case.history.standing(ReadKind.SECOND), *case.history.standing(ReadKind.FINAL))
    apart = {
        reader_key(one.reader): one.reader
        for one in stated
        if disagreement(urgency, one.urgency) >= 1 and not _same(one.reader, actor)
    }
    return tuple(apart.values())


def undo_decision(
    store: Store,
    case_id: int,
    actor: Actor,
    *,
    version: int | None = None,
    at: datetime | None = None,
) -> ReaderView:
    """Take the reader's own decision back, as long as it is not signed; the case is theirs again.

    The decision stays in the record as one that was withdrawn, and so do its labels.

    Raises
    ------
    StepRefused
        If it is another reader's, was signed, or was settled by an adjudication.
    """
    require_step(actor, Step.UNDO_DECISION)
    moment = at or utc_now()

    def work(case: CaseWork) -> ReaderView:
        if _was_undone(case, actor, version):
            return _view(case, actor)
        case.check(Step.UNDO_DECISION, case.context(actor, moment, version=version))
        # An earlier release may have stored one under each spelling of a name.
        for given in case.history.standing(ReadKind.FINAL):
            if not _same(given.reader, actor):
                continue
            withdraw_read(case.session, given.facts.read, moment)
            withdraw_labels(case.session, given.facts.read, actor=actor.name, at=moment)
            case.record(DecisionUndone(given.review, given.facts.read), actor, moment)
        case.reached(Step.UNDO_DECISION)
        case.reserve(actor, moment)
        return _view(case, actor)

    return in_transaction(store, case_id, work)


def _was_undone(case: CaseWork, actor: Actor, version: int | None) -> bool:
    """Whether this reader has undone the decision that they saw, so that it is sent again."""
    decisions = [read for read in case.history.reads if read.kind is ReadKind.FINAL]
    undone = (DecisionUndone(one.review, one.facts.read) for one in decisions)
    return any(case.is_repeated(event, actor, version) for event in undone)


def _opinion(shown: StoredPrediction | None) -> Opinion | None:
    return None if shown is None else opinion_of(shown)


def _view(case: CaseWork, actor: Actor) -> ReaderView:
    view = view_for(case.history, case.case.id, actor.name)
    assert view is not None, "the reader has begun"
    return view


def _same(name: str | None, actor: Actor) -> bool:
    return name is not None and reader_key(name) == reader_key(actor.name)
