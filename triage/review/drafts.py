"""What a reader has typed and not stored yet, kept on the server until it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, require
from triage.review.guards import is_encodable
from triage.review.refusals import RefusalCode, StepRefused
from triage.store import Store
from triage.store.base import utc_now
from triage.store.cases import get_case
from triage.store.reviews import hold_case
from triage.store.tables import Draft

LARGEST_DRAFT = 64 * 1024
"""Characters of a draft as JSON."""


def save_draft(
    store: Store,
    case_id: int,
    actor: Actor,
    content: Mapping[str, Any],
    *,
    at: datetime | None = None,
) -> None:
    """Keep what a reader has typed on a case; it replaces what was kept before.

    Parameters
    ----------
    content : mapping
        Of plain JSON types.

    Raises
    ------
    StepRefused
        If it is too large, or holds what cannot be stored.
    """
    require(actor, Action.VIEW_CASES)
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    except ValueError:  # a number that JSON does not have
        raise _not_storable() from None
    if len(text) > LARGEST_DRAFT:
        raise StepRefused(
            RefusalCode.TEXT_TOO_LONG,
            f"The draft has {len(text)} characters; at most {LARGEST_DRAFT} are kept.",
            hint="Shorten it; it is still in the form.",
        )
    if "\\u0000" in json.dumps(content) or not is_encodable(text):
        raise _not_storable()

    def write(session: Session) -> None:
        get_case(session, case_id)
        hold_case(session, case_id)  # another page of the reader may be saving as well
        discard_draft(session, case_id, actor.name)
        session.add(
            Draft(
                case_id=case_id, reader=actor.name, content=dict(content), saved_at=at or utc_now()
            )
        )

    store.write(write)


def _not_storable() -> StepRefused:
    return StepRefused(
        RefusalCode.BAD_TEXT,
        "The draft holds characters that cannot be stored.",
        hint="Retype it.",
    )


def draft_of(store: Store, case_id: int, actor: Actor) -> Mapping[str, Any] | None:
    """Return what is kept of a reader's typing on a case, or None."""
    require(actor, Action.VIEW_CASES)
    with store.reading() as session:
        return session.scalar(
            select(Draft.content).where(Draft.case_id == case_id, Draft.reader == actor.name)
        )


def discard_draft(session: Session, case_id: int, reader: str) -> None:
    """Delete a reader's draft on a case, because it was stored or given up."""
    session.execute(
        delete(Draft)
        .where(Draft.case_id == case_id, Draft.reader == reader)
        .execution_options(synchronize_session=False)
    )
