"""Replaying the events of a case: what they say of its review, one event after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from triage.ledger.event import LedgerEvent
from triage.ledger.events import case_events, event_of, learning_events, review_events
from triage.ledger.review_history import (
    ARRIVING,
    CaseHistory,
    HistoryEvent,
    ReaderProgress,
    StatedAddendum,
    StatedRead,
    StatedSignature,
)
from triage.vocabulary.case_states import UNFINISHED_STATES, CaseState
from triage.vocabulary.event_types import EventType
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind


def replay(events: Iterable[HistoryEvent]) -> CaseHistory:
    """Return what the events of one case, in order, say of its review.

    Those of an earlier release say nothing here: `case_carried_over` sums them up.
    """
    reached = [history for _, history in _replayed(events)]
    return reached[-1] if reached else CaseHistory()


def events_since(events: Iterable[HistoryEvent], version: int) -> list[HistoryEvent]:
    """Return the events of one case that came after it had a version."""
    before, found = 0, []
    for record, history in _replayed(events):
        if before >= version:
            found.append(record)
        before = history.version
    return found


def _replayed(events: Iterable[HistoryEvent]) -> Iterator[tuple[HistoryEvent, CaseHistory]]:
    """Yield each event with what it and those before it say."""
    records = list(events)
    carried = (i for i, one in enumerate(records) if one.kind == EventType.CASE_CARRIED_OVER)
    history = CaseHistory()
    for record in records[max(carried, default=0) :]:
        typed = event_of(record.kind, dict(record.payload))
        if typed is not None:
            history = apply(history, typed, record.actor, record.at)
        yield record, history


def apply(history: CaseHistory, event: LedgerEvent, actor: str, at: datetime) -> CaseHistory:
    """Return the review of a case after one more event; events of other things change nothing."""
    handler = _HANDLERS.get(type(event))
    return history if handler is None else handler(history, event, actor, at)


def _received(history: CaseHistory, event: Any, actor: str, at: datetime) -> CaseHistory:
    return replace(history, state=CaseState.RECEIVED, arrived=CaseState.RECEIVED)


def _checked(history: CaseHistory, event: Any, actor: str, at: datetime) -> CaseHistory:
    known = history.arrived if history.arrived is CaseState.INFERRED else CaseState.QUALITY_GATED
    arriving = history.state in (*ARRIVING, CaseState.UNGRADABLE)
    state = known if arriving else history.state
    return replace(history, arrived=known, images_checked=True, state=state)


def _supplied(history: CaseHistory, event: Any, actor: str, at: datetime) -> CaseHistory:
    return _next(history)  # a read of the former images, still in a form, is out of date


def _scored(
    history: CaseHistory, event: case_events.CaseScored, actor: str, at: datetime
) -> CaseHistory:
    arriving = history.state in ARRIVING
    state = CaseState.INFERRED if arriving else history.state
    known = {**history.predictions, event.prediction: event.sha256}
    return replace(history, arrived=CaseState.INFERRED, state=state, predictions=known)


def _carried_over(
    history: CaseHistory, event: review_events.CaseCarriedOver, actor: str, at: datetime
) -> CaseHistory:
    # Where a release stored reviews under two spellings of one name, the one that has come
    # furthest is the reader's; the others stay in the record under a key that is no name.
    readers = {}
    for one in sorted(event.reviews, key=lambda one: (one.revealed_at is None, -len(one.reads))):
        key = reader_key(one.reviewer)
        readers[f"\0{one.review}" if key in readers else key] = ReaderProgress(
            one.review,
            one.reviewer,
            datetime.fromisoformat(one.opened_at),
            None if one.revealed_at is None else datetime.fromisoformat(one.revealed_at),
            one.prediction,
        )
    reads = sorted(
        (
            StatedRead(
                one.review,
                one.reviewer,
                read.kind,
                0,
                datetime.fromisoformat(read.at),
                read.facts,
            )
            for one in event.reviews
            for read in one.reads
        ),
        key=lambda read: (read.at, read.facts.read),
    )
    decisions = [read for read in reads if read.kind is ReadKind.FINAL]
    contradictory = event.state is CaseState.ADJUDICATION
    return replace(
        history,
        state=event.state,
        arrived=event.arrived,
        readers=readers,
        reads=tuple(reads),
        active=event.active,
        policy=event.policy,
        adjudicators=_readers_of(decisions) if contradictory else (),
        round=1 if contradictory else 0,
        outcome=decisions[0].facts.read if decisions and not contradictory else None,
        decided_by=decisions[0].reader if decisions else None,
        predictions={int(row): sha256 for row, sha256 in event.predictions.items()},
    )


def _readers_of(reads: Iterable[StatedRead]) -> tuple[str, ...]:
    """Return the readers, each once however their name is spelled."""
    return tuple({reader_key(read.reader): read.reader for read in reads}.values())


def _next(history: CaseHistory, **changes: Any) -> CaseHistory:
    return replace(history, version=history.version + 1, **changes)


def _with_reader(history: CaseHistory, reader: ReaderProgress) -> dict[str, ReaderProgress]:
    return {**history.readers, reader_key(reader.reader): reader}


def _opened(
    history: CaseHistory, event: review_events.CaseOpened, actor: str, at: datetime
) -> CaseHistory:
    progress = history.progress(actor) or ReaderProgress(event.review, actor, at)
    begun = replace(history, readers=_with_reader(history, progress))
    if event.second:
        return _next(begun)
    return _next(
        begun,
        policy=history.policy or event.policy,
        active=progress.reader,
        state=begun.state_for(actor),
    )


def _stated(
    history: CaseHistory, event: Any, kind: ReadKind, actor: str, at: datetime, round_: int = 0
) -> tuple[StatedRead, ...]:
    progress = history.progress(actor)
    reader = progress.reader if progress else actor
    return (*history.reads, StatedRead(event.review, reader, kind, round_, at, event.read))


def _locked(
    history: CaseHistory, event: review_events.FirstReadLocked, actor: str, at: datetime
) -> CaseHistory:
    reads = _stated(history, event, ReadKind.FIRST, actor, at)
    return _next(history, reads=reads, state=CaseState.FIRST_READ_LOCKED)


def _revealed(
    history: CaseHistory, event: review_events.AiRevealed, actor: str, at: datetime
) -> CaseHistory:
    # Without an opening before it, the event was not written by this software.
    progress = history.progress(actor) or ReaderProgress(event.review, actor, at)
    shown = replace(
        progress,
        revealed_at=progress.revealed_at or at,
        prediction=event.prediction,
        shown_at=at,
    )
    return _next(history, readers=_with_reader(history, shown), state=CaseState.REVEALED)


def _decided(
    history: CaseHistory, event: review_events.DecisionMade, actor: str, at: datetime
) -> CaseHistory:
    reads = _stated(history, event, ReadKind.FINAL, actor, at)
    again = bool(history.standing(ReadKind.SECOND))
    waits = bool(event.second_read) and not again
    return _next(
        history,
        reads=reads,
        state=CaseState.SECOND_READ if waits else CaseState.DECIDED,
        second_read_rules=event.second_read,
        outcome=event.read.read,
        decided_by=reads[-1].reader,
        active=None,
    )


def _undone(
    history: CaseHistory, event: review_events.DecisionUndone, actor: str, at: datetime
) -> CaseHistory:
    reads = tuple(
        replace(read, withdrawn_at=at) if read.facts.read == event.read else read
        for read in history.reads
    )
    return _next(
        history,
        reads=reads,
        state=history.state_for(actor),
        second_read_rules=(),
        outcome=None,
        decided_by=None,
        active=actor,
    )


def _read_again(
    history: CaseHistory, event: review_events.SecondReadGiven, actor: str, at: datetime
) -> CaseHistory:
    reads = _stated(history, event, ReadKind.SECOND, actor, at)
    return _next(history, reads=reads, state=CaseState.DECIDED)


def _adjudication_opened(
    history: CaseHistory, event: review_events.AdjudicationOpened, actor: str, at: datetime
) -> CaseHistory:
    return _next(
        history, state=CaseState.ADJUDICATION, adjudicators=event.readers, round=1, outcome=None
    )


def _adjudicated(
    history: CaseHistory, event: review_events.AdjudicationRead, actor: str, at: datetime
) -> CaseHistory:
    reads = _stated(history, event, ReadKind.ADJUDICATION, actor, at, event.round)
    after = _next(history, reads=reads)
    answered = [
        after.read_of(one, ReadKind.ADJUDICATION, event.round) for one in after.adjudicators
    ]
    return replace(after, round=event.round + 1) if all(answered) else after


def _adjudication_closed(
    history: CaseHistory, event: review_events.AdjudicationClosed, actor: str, at: datetime
) -> CaseHistory:
    return _next(history, state=CaseState.DECIDED, outcome=event.read)


def _skipped(history: CaseHistory, event: Any, actor: str, at: datetime) -> CaseHistory:
    return _next(history, state=CaseState.SKIPPED, active=None)


def _ungradable(history: CaseHistory, event: Any, actor: str, at: datetime) -> CaseHistory:
    return _next(history, state=CaseState.UNGRADABLE, active=None)


def _handed_over(
    history: CaseHistory, event: review_events.CaseHandedOver, actor: str, at: datetime
) -> CaseHistory:
    return _next(history, state=history.state_for(event.to), active=event.to)


def _signed(
    history: CaseHistory, event: review_events.CaseSigned, actor: str, at: datetime
) -> CaseHistory:
    signature = StatedSignature(
        event.signature, actor, event.printed_name, event.meaning, event.sha256, at
    )
    return _next(history, state=CaseState.SIGNED, signatures=(*history.signatures, signature))


def _exported(history: CaseHistory, event: Any, actor: str, at: datetime) -> CaseHistory:
    return _next(history, state=CaseState.EXPORTED)


def _amended(
    history: CaseHistory, event: review_events.AddendumAdded, actor: str, at: datetime
) -> CaseHistory:
    addendum = StatedAddendum(event.addendum, actor, event.text, at)
    return _next(history, state=CaseState.AMENDED, addenda=(*history.addenda, addendum))


def _deleted(
    history: CaseHistory, event: learning_events.PatientDeleted, actor: str, at: datetime
) -> CaseHistory:
    if history.state not in UNFINISHED_STATES:
        return history
    return _next(history, state=CaseState.UNGRADABLE, active=None)  # there is nothing to read


_HANDLERS: Mapping[type[LedgerEvent], Callable[[CaseHistory, Any, str, datetime], CaseHistory]] = {
    case_events.CaseReceived: _received,
    case_events.ImagesChecked: _checked,
    case_events.ImagesSupplied: _supplied,
    case_events.CaseScored: _scored,
    review_events.CaseCarriedOver: _carried_over,
    review_events.CaseOpened: _opened,
    review_events.FirstReadLocked: _locked,
    review_events.AiRevealed: _revealed,
    review_events.DecisionMade: _decided,
    review_events.DecisionUndone: _undone,
    review_events.SecondReadGiven: _read_again,
    review_events.AdjudicationOpened: _adjudication_opened,
    review_events.AdjudicationRead: _adjudicated,
    review_events.AdjudicationClosed: _adjudication_closed,
    review_events.CaseSkipped: _skipped,
    review_events.CaseUngradable: _ungradable,
    review_events.CaseHandedOver: _handed_over,
    review_events.CaseSigned: _signed,
    review_events.CaseExported: _exported,
    review_events.AddendumAdded: _amended,
    learning_events.PatientDeleted: _deleted,
}
