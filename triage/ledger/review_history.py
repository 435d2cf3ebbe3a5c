"""The review of a case as its events state it: its state, its readers and every read.

Pure: no database, no clock. `triage.ledger.review_replay` makes it from events, the steps of
`triage.review` decide by it, and the ledger's verification compares the tables with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from triage.ledger.events.review_events import CasePolicy, ReadFacts
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import (
    ReadKind,
    SecondReadRule,
    SignatureMeaning,
)

ARRIVING = (CaseState.RECEIVED, CaseState.QUALITY_GATED, CaseState.INFERRED)
"""States of a case that nobody has read yet."""


class HistoryEvent(NamedTuple):
    """What is needed of a stored event of a case."""

    kind: str
    actor: str
    at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StatedRead:
    """A read as it stands in the events."""

    review: int
    reader: str
    kind: ReadKind
    round: int
    at: datetime
    facts: ReadFacts
    withdrawn_at: datetime | None = None

    @property
    def urgency(self) -> Urgency:
        """The urgency stated."""
        return self.facts.urgency


@dataclass(frozen=True, slots=True)
class ReaderProgress:
    """How far one reader has come with a case.

    `revealed_at` is when the AI's opinion was shown first, `shown_at` when it was shown last: it is
    another one where the bundle of the first was withdrawn.
    """

    review: int
    reader: str
    opened_at: datetime
    revealed_at: datetime | None = None
    prediction: int | None = None
    shown_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatedSignature:
    """A signature as it stands in the events."""

    signature: int
    signed_by: str
    printed_name: str
    meaning: SignatureMeaning
    sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StatedAddendum:
    """An addendum as it stands in the events."""

    addendum: int
    author: str
    text: str
    at: datetime


@dataclass(frozen=True)
class CaseHistory:
    """Everything that the events of a case say of its review.

    Parameters
    ----------
    state : CaseState or None
        None before the case was received.
    version : int
        Number of review events, and of exchanges of images, so far.
    arrived : CaseState
        The state that the case has, or would have, while nobody has read it.
    images_checked : bool
        Whether an event says that every image could be decoded.
    policy : CasePolicy or None
        None until the case was opened first.
    active : str or None
        The reader who has the case.
    readers : mapping of str to ReaderProgress
        By `reader_key`.
    reads : tuple of StatedRead
        In the order of being given; withdrawn ones too.
    second_read_rules : tuple of SecondReadRule
    adjudicators : tuple of str
    round : int
        Round of the adjudication, from 1; 0 where there is none.
    outcome : int or None
        The read that counts.
    decided_by : str or None
        Reader of the decision.
    signatures, addenda : tuple
    predictions : mapping of int to str
        Row of `prediction` to the SHA-256 of the stored decision.
    deleted : bool
        Whether what was stored of the case was removed with its patient.
    """

    state: CaseState | None = None
    version: int = 0
    arrived: CaseState = CaseState.RECEIVED
    images_checked: bool = False
    policy: CasePolicy | None = None
    active: str | None = None
    readers: Mapping[str, ReaderProgress] = field(default_factory=dict)
    reads: tuple[StatedRead, ...] = ()
    second_read_rules: tuple[SecondReadRule, ...] = ()
    adjudicators: tuple[str, ...] = ()
    round: int = 0
    outcome: int | None = None
    decided_by: str | None = None
    signatures: tuple[StatedSignature, ...] = ()
    addenda: tuple[StatedAddendum, ...] = ()
    predictions: Mapping[int, str] = field(default_factory=dict)
    deleted: bool = False

    def progress(self, reader: str) -> ReaderProgress | None:
        """Return how far a reader has come; None if they have not begun."""
        return self.readers.get(reader_key(reader))

    def read_of(self, reader: str, kind: ReadKind, round_: int = 0) -> StatedRead | None:
        """Return the standing read of a reader of one kind and round."""
        key = reader_key(reader)
        return next(
            (
                read
                for read in self.reads
                if read.kind is kind
                and read.round == round_
                and read.withdrawn_at is None
                and reader_key(read.reader) == key
            ),
            None,
        )

    def standing(self, kind: ReadKind) -> tuple[StatedRead, ...]:
        """Return the reads of a kind that were not withdrawn."""
        return tuple(r for r in self.reads if r.kind is kind and r.withdrawn_at is None)

    def counted(self) -> StatedRead | None:
        """Return the read that counts: the decision, or the outcome of an adjudication."""
        return next((read for read in self.reads if read.facts.read == self.outcome), None)

    def has_read(self, reader: str) -> bool:
        """Whether a reader has stated anything of the case, or was shown the AI's opinion."""
        progress, key = self.progress(reader), reader_key(reader)
        shown = progress is not None and progress.revealed_at is not None
        return shown or any(reader_key(read.reader) == key for read in self.reads)

    def took_part(self, reader: str) -> bool:
        """Whether a reader is one of those whose disagreement is adjudicated."""
        return reader_key(reader) in {reader_key(one) for one in self.adjudicators}

    def authors(self) -> tuple[str, ...]:
        """Return the readers whose read counts: of an agreement, all who agreed."""
        counted = self.counted()
        if counted is None:
            return ()
        if counted.kind is not ReadKind.ADJUDICATION:
            return (counted.reader,)
        last = (one for one in self.standing(counted.kind) if one.round == counted.round)
        senior = not self.took_part(counted.reader)
        return (counted.reader,) if senior else tuple(one.reader for one in last)

    def state_for(self, reader: str) -> CaseState:
        """Return the state of the case once this reader has it: how far they had come."""
        progress = self.progress(reader)
        if progress is not None and progress.revealed_at is not None:
            return CaseState.REVEALED
        if self.read_of(reader, ReadKind.FIRST) is not None:
            return CaseState.FIRST_READ_LOCKED
        return self.arrived
