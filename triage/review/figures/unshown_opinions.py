"""What a system had said of the cases that were decided without it."""

from __future__ import annotations

import json
from bisect import bisect_right
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.store.tables import Bundle, Event, Prediction, Read, Review
from triage.vocabulary.event_types import EventType
from triage.vocabulary.review_policies import ReadKind


def unshown_opinions(session: Session) -> dict[int, tuple[str | None, str]]:
    """Return, by case, what a reader would have been shown at the time of a decision without it.

    It is chosen as for readers: of the bundle in use at that time, else the newest, and none of a
    bundle that was withdrawn by then.

    Returns
    -------
    dict of int to (str or None, str)
        Condition and recommendation of the prediction.
    """
    query = (
        select(
            Review.case_id,
            Read.at,
            Prediction.condition,
            Prediction.recommendation,
            Bundle.digest,
            Bundle.withdrawn_at,
        )
        .join(Read, Read.review_id == Review.id)
        .join(Prediction, Prediction.case_id == Review.case_id)
        .join(Bundle, Prediction.bundle_id == Bundle.id)
        .where(
            Review.revealed_at.is_(None),
            Read.kind == ReadKind.FINAL,
            Read.withdrawn_at.is_(None),
            Prediction.created_at <= Read.at,
        )
        .order_by(Prediction.id)
    )
    champions = _champions(session)
    found: dict[int, tuple[str | None, str]] = {}
    settled = set()
    for case, at, condition, said, digest, withdrawn_at in session.execute(query):
        if case in settled or (withdrawn_at is not None and withdrawn_at <= at):
            continue
        found[case] = condition, said
        place = bisect_right(champions, at, key=lambda one: one[0])
        if place > 0 and champions[place - 1][1] == digest:
            settled.add(case)
    return found


def _champions(session: Session) -> list[tuple[datetime, str]]:
    """When each bundle came into use, in this order, and its digest."""
    query = (
        select(Event.at, Event.payload)
        .where(Event.kind == EventType.CHAMPION_SET)
        .order_by(Event.at, Event.id)
    )
    return [(at, json.loads(payload)["bundle"]) for at, payload in session.execute(query)]
