"""Whether the stored predictions are those of the events."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy import Row, Text, cast, select
from sqlalchemy.orm import Session

from triage.ledger.events.case_events import CaseScored
from triage.ledger.events.review_events import CaseCarriedOver, CasePlanted
from triage.store.deleted import deleted_cases, emptied_prediction
from triage.store.predictions import GUARDED, prediction_sha256
from triage.store.tables import Prediction
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType

_CHUNK = 1000


class _Stated(NamedTuple):
    """What the last event of a prediction states; `bundle_id` is None where it names none."""

    seq: int
    case_id: int | None
    bundle_id: int | None
    sha256: str


def prediction_findings(session: Session) -> list[str]:
    """Compare the predictions with their events; one line a difference, none if they agree."""
    stated = _stated(session)
    deleted = deleted_cases(session)
    findings = []
    query = (
        select(
            Prediction.id,
            Prediction.case_id,
            Prediction.bundle_id,
            # As text, so that what is no JSON is a finding.
            cast(Prediction.decision, Text).label("decision"),
            Prediction.reading_sha256,
            *(getattr(Prediction, name) for name in GUARDED),
        )
        .order_by(Prediction.id)
        .execution_options(yield_per=_CHUNK)
    )
    for row in session.execute(query):
        event = stated.pop(row.id, None)
        if event is None:
            findings.append(f"prediction {row.id}: no event states what it is")
        elif wrong := _differing(row, event, emptied=row.case_id in deleted):
            findings.append(f"prediction {row.id}: {wrong} is not what event {event.seq} states")
    findings += [
        f"prediction {number}: is missing, and event {event.seq} states it"
        for number, event in sorted(stated.items())
    ]
    return findings


def _stated(session: Session) -> dict[int, _Stated]:
    stated: dict[int, _Stated] = {}
    kinds = (EventType.CASE_SCORED, EventType.CASE_PLANTED, EventType.CASE_CARRIED_OVER)
    for seq, _, case_id, event in typed_events(session, *kinds):
        match event:
            case CaseScored():
                stated[event.prediction] = _Stated(seq, case_id, event.bundle_id, event.sha256)
            case CasePlanted(prediction=int(number), sha256=str(sha256)):
                stated[number] = _Stated(seq, case_id, None, sha256)
            case CaseCarriedOver():
                for name, sha256 in event.predictions.items():
                    stated[int(name)] = _Stated(seq, case_id, None, sha256)
    return stated


def _differing(row: Row[Any], event: _Stated, *, emptied: bool) -> str:
    """What of a prediction differs, '' if nothing does; that of a deleted case has no content."""
    if row.case_id != event.case_id:
        return "its case"
    if event.bundle_id is not None and row.bundle_id != event.bundle_id:
        return "its bundle"
    try:
        stored = json.loads(row.decision)
    except ValueError:
        return "its decision"
    if emptied:
        left = emptied_prediction(row.recommendation, row.queue_urgency, row.reason_code)
        same = stored == left["decision"] and row.condition is row.reading_sha256 is None
        return "" if same else "its content"
    found = prediction_sha256({**row._mapping, "decision": stored})
    return "" if found == event.sha256 else "its decision"
