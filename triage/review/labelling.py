"""The labelling list: cases whose label is asked for, in the order in which they were chosen.

It is a list of its own. A case on it keeps its class, its deadline and its place on the worklist,
and `next_case` hands cases out as if there were no list, so that labelling delays no urgent case.
Nothing here says what a label is or what the AI says: a read of these cases is as blind as any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, may, require
from triage.ledger.review_history import CaseHistory
from triage.ledger.review_replay import replay
from triage.review.case_work import history_events
from triage.store import LabelRequest, Store, open_label_requests
from triage.store.base import utc_now
from triage.store.locks import locks
from triage.store.tables import Case
from triage.vocabulary.case_states import WAITING_STATES, CaseState
from triage.vocabulary.learning import RequestKind
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind

MOST_LISTED = 100
"""Of longer lists the others follow once these are labelled."""


@dataclass(frozen=True, slots=True)
class LabellingItem:
    """A case whose label is asked for.

    Parameters
    ----------
    case_id : int
    external_id, source : str
    received_at : datetime
    reason : str
        Why it was chosen; names no condition and no opinion.
    again : bool
        Whether it is decided, and is read again as by a second reader.
    """

    case_id: int
    external_id: str
    source: str
    received_at: datetime
    reason: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class LabellingList:
    """What a reader can label now.

    Parameters
    ----------
    items : tuple of LabellingItem
    for_others : int
        Cases that are asked for, and that this reader cannot label now: another has reserved them,
        they have read them, or they are signed, exported, adjudicated or cannot be read.
    """

    items: tuple[LabellingItem, ...]
    for_others: int = 0


def labelling_list(store: Store, actor: Actor, *, at: datetime | None = None) -> LabellingList:
    """Return the cases whose label is asked for, the newest choice first, each in its order.

    Raises
    ------
    PermissionDenied
        If the actor may not read cases.
    """
    require(actor, Action.READ_CASE)
    moment = at or utc_now()
    with store.reading() as session:
        asked: dict[int, LabelRequest] = {}
        for request in open_label_requests(session):
            asked.setdefault(request.case_id, request)
        again = {
            one.case_id
            for one in open_label_requests(session)
            if one.kind is RequestKind.LABEL_ERROR
        }
        rows = _rows(session, list(asked))
        taken = {
            case_id
            for case_id, lock in locks(session, moment).items()
            if reader_key(lock.owner) != reader_key(actor.name)
        }
        items: list[LabellingItem] = []
        for case_id, request in asked.items():
            row = rows.get(case_id)
            if row is None or case_id in taken or len(items) >= MOST_LISTED:
                continue
            history = replay(history_events(session, case_id))
            kind = _how(history, actor, is_again=case_id in again)
            if kind is not None:
                items.append(
                    LabellingItem(
                        case_id,
                        row.external_id,
                        row.source,
                        row.received_at,
                        request.reason,
                        kind is ReadKind.SECOND,
                    )
                )
        return LabellingList(tuple(items), len(asked) - len(items))


def _rows(session: Session, numbers: Sequence[int]) -> dict[int, Case]:
    found: dict[int, Case] = {}
    for at in range(0, len(numbers), 500):
        part = numbers[at : at + 500]
        found |= {row.id: row for row in session.scalars(select(Case).where(Case.id.in_(part)))}
    return found


def _how(history: CaseHistory, actor: Actor, *, is_again: bool) -> ReadKind | None:
    """As what a reader can read the case now; None if they cannot."""
    if history.state in WAITING_STATES:
        gave_second = history.read_of(actor.name, ReadKind.SECOND) is not None
        return None if gave_second else ReadKind.FIRST
    if history.has_read(actor.name) or not may(actor, Action.GIVE_SECOND_READ):
        return None
    asked = history.state is CaseState.DECIDED and is_again and not history.adjudicators
    return ReadKind.SECOND if asked or history.state is CaseState.SECOND_READ else None
