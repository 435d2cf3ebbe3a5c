"""What a reader sees of the review of a case: their own part only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from triage.ledger.events.review_events import CasePolicy
from triage.ledger.review_history import CaseHistory, StatedRead
from triage.store.records import FinalRead, Read
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.review_policies import ReadingMode, ReadKind


@dataclass(frozen=True, slots=True)
class ReaderView:
    """A reader's own part of the review of a case.

    Parameters
    ----------
    id : int
        Row of `review`.
    case_id : int
    reviewer : str
    opened_at : datetime
    first : Read or None
    revealed_at : datetime or None
    prediction_id : int or None
        The prediction that was shown.
    final : FinalRead or None
    state : CaseState
    version : int
        To be given with the next step, so that a page that is out of date is refused.
    policy : CasePolicy
    """

    id: int
    case_id: int
    reviewer: str
    opened_at: datetime
    first: Read | None
    revealed_at: datetime | None
    prediction_id: int | None
    final: FinalRead | None
    state: CaseState
    version: int
    policy: CasePolicy

    @property
    def without_ai(self) -> bool:
        """Whether the case is read without the AI."""
        return self.policy.mode is ReadingMode.AI_OFF


def view_for(history: CaseHistory, case_id: int, reader: str) -> ReaderView | None:
    """Return a reader's part of a case; None if they have not begun."""
    progress = history.progress(reader)
    if progress is None or history.policy is None or history.state is None:
        return None
    first = history.read_of(reader, ReadKind.FIRST)
    final = history.read_of(reader, ReadKind.FINAL)
    return ReaderView(
        id=progress.review,
        case_id=case_id,
        reviewer=progress.reader,
        opened_at=progress.opened_at,
        first=read_record(first) if first else None,
        revealed_at=progress.revealed_at,
        prediction_id=progress.prediction,
        final=_final(final) if final else None,
        state=history.state,
        version=history.version,
        policy=history.policy,
    )


def _final(read: StatedRead) -> FinalRead:
    facts = read.facts
    follow_up = None if facts.follow_up is None else asdict(facts.follow_up)
    return FinalRead(read_record(read), facts.reason_code, facts.comment, follow_up)


def read_record(read: StatedRead) -> Read:
    """Return a read as pages show it."""
    return Read(read.facts.conditions, read.facts.urgency, read.facts.certainty, read.at)
