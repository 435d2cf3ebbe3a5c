"""One step of a review in one transaction: the case's history, the check, the event, the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from triage.accounts import Actor, require
from triage.errors import WorkflowError
from triage.ledger.event import LedgerEvent
from triage.ledger.events.review_events import ReadFacts
from triage.ledger.review_history import CaseHistory, HistoryEvent
from triage.ledger.review_replay import apply, events_since, replay
from triage.modalities import MODALITIES
from triage.review.activity import count_activity
from triage.review.guards import ProposedRead, StepContext
from triage.review.policies import SitePolicy, site_policy
from triage.review.states import TRANSITIONS, Step, check
from triage.store import (
    LabelSource,
    Store,
    add_label,
    append_event,
    close_label_requests,
    events,
)
from triage.store.cases import get_case
from triage.store.locks import lock_of, release_lock, set_lock
from triage.store.records import StoredCase
from triage.store.reviews import add_read, add_review, hold_case, set_case_state
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind

_Result = TypeVar("_Result")


class CaseWork:
    """A case within a transaction, with its history; made by `in_transaction` or `read_case`."""

    def __init__(self, session: Session, case_id: int) -> None:
        self.session = session
        self.case: StoredCase = get_case(session, case_id)
        self.history: CaseHistory = replay(history_events(session, case_id))
        self.policy: SitePolicy = site_policy(session, self.case.source)

    @property
    def several_conditions(self) -> bool:
        """Whether diagnoses of such a case may occur together."""
        return bool(MODALITIES[self.case.modality].diagnoses)

    def context(self, actor: Actor, at: datetime, **given: Any) -> StepContext:
        """Return what a step is checked against."""
        lock = lock_of(self.session, self.case.id)
        other = (
            lock is not None
            and lock.until > at
            and reader_key(lock.owner) != reader_key(actor.name)
        )
        return StepContext(
            actor=actor,
            at=at,
            policy=self.policy,
            locked_by=lock.owner if lock is not None and other else None,
            several_conditions=self.several_conditions,
            modality=self.case.modality,
            **given,
        )

    def check(self, step: Step, context: StepContext) -> None:
        """Check that a step may be taken; see `triage.review.states.check`."""
        check(self.history, step, context)

    def is_repeated(self, event: LedgerEvent, actor: Actor, version: int | None) -> bool:
        """Whether an actor has done this already, so that it is only sent again.

        That is so if one of the events since the version that the actor saw is this one of theirs;
        where no version is given, only if it is the last event of the case.
        """
        past = history_events(self.session, self.case.id)
        since = past[-1:] if version is None else events_since(past, version)
        return any(
            (one.kind, one.payload) == (event.kind, event.payload())
            and reader_key(one.actor) == reader_key(actor.name)
            for one in since
        )

    def record(self, event: LedgerEvent, actor: Actor, at: datetime) -> None:
        """Append an event of the review and bring the case's row to what follows from it."""
        self.history = apply(self.history, event, actor.name, at)
        self.count_activity(actor, at)
        append_event(self.session, event, actor=actor.name, case_id=self.case.id, at=at)
        history = self.history
        assert history.state is not None, "a stored case was received"
        policy = None if history.policy is None else asdict(history.policy)
        set_case_state(self.session, self.case.id, history.state, history.version, policy)

    def count_activity(self, actor: Actor, at: datetime) -> None:
        """Count the actor's active time up to now; counting it twice changes nothing."""
        progress = self.history.progress(actor.name)
        count_activity(
            self.session,
            self.case.id,
            actor.name,
            at,
            timedelta(seconds=self.policy.idle_seconds),
            progress.revealed_at if progress else None,
        )

    def reached(self, step: Step) -> None:
        """Check that a step has led to one of the states that it may lead to."""
        targets = TRANSITIONS[step].targets
        assert self.history.state in targets, f"{step} led to {self.history.state}"

    def review_of(self, actor: Actor, at: datetime) -> int:
        """Return the number of a reader's review of the case, begun now if there was none."""
        progress = self.history.progress(actor.name)
        if progress is not None:
            return progress.review
        return add_review(self.session, self.case.id, actor.name, at)

    def state_read(
        self, review: int, kind: ReadKind, read: ProposedRead, at: datetime, round_: int = 0
    ) -> ReadFacts:
        """Store what a reader states, and return it as events hold it."""
        number = add_read(
            self.session,
            review,
            kind,
            at,
            conditions=read.conditions,
            urgency=read.urgency,
            certainty=read.certainty,
            reason_code=read.reason,
            comment=read.comment,
            rubric=read.rubric,
            follow_up=None if read.follow_up is None else asdict(read.follow_up),
            round_=round_,
        )
        return ReadFacts(
            number,
            tuple(read.conditions),
            read.urgency,
            read.certainty,
            read.reason,
            read.comment,
            dict(read.rubric),
            read.follow_up,
        )

    def label(
        self,
        read: ReadFacts,
        source: LabelSource,
        given_by: str,
        at: datetime,
        *,
        ai_visible: bool | None = None,
    ) -> None:
        """Add what a read states as labels, one for each condition."""
        for condition in read.conditions:
            add_label(
                self.session,
                self.case.id,
                condition,
                source,
                given_by=given_by,
                ai_visible=source is LabelSource.AI_VISIBLE if ai_visible is None else ai_visible,
                read_id=read.read,
                at=at,
            )

    def answer_requests(self, because: str, actor: Actor, at: datetime) -> None:
        """Close the open requests for a label of the case, which a read has answered."""
        close_label_requests(self.session, self.case.id, because, actor=actor.name, at=at)

    def reserve(self, actor: Actor, at: datetime) -> None:
        """Reserve the case for a reader from now on, as long as the site's policy says."""
        set_lock(self.session, self.case.id, actor.name, at + self.policy.lock_duration)

    def release(self) -> None:
        """End the reservation of the case."""
        release_lock(self.session, self.case.id)


def in_transaction(store: Store, case_id: int, work: Callable[[CaseWork], _Result]) -> _Result:
    """Do a step in one transaction for writing; others who work on the case wait.

    Raises
    ------
    StoreError
        If there is no such case.
    """

    def write(session: Session) -> _Result:
        hold_case(session, case_id)
        return work(CaseWork(session, case_id))

    return store.write(write)


def history_events(session: Session, case_id: int) -> list[HistoryEvent]:
    """Return a case's events as its history is replayed from them."""
    return [
        HistoryEvent(one.kind, one.actor, one.at, one.payload) for one in events(session, case_id)
    ]


def history_of(store: Store, case_id: int) -> CaseHistory:
    """Return the review of a case, from its events."""
    with store.reading() as session:
        get_case(session, case_id)
        return replay(history_events(session, case_id))


def require_step(actor: Actor, step: Step) -> None:
    """Check that an actor has a name and a role that allows a step, before anything is returned.

    Raises
    ------
    WorkflowError
        If the name is empty.
    PermissionDenied
        If the role does not allow the step.
    """
    if not actor.name.strip():
        raise WorkflowError("A review needs a reader.", hint="Sign in.")
    require(actor, TRANSITIONS[step].action)
