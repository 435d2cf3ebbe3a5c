"""Whether the finished training runs are those of the events."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.events.learning_events import Retrained
from triage.store.learning_tables import DatasetVersionRow, TrainingRunRow
from triage.store.tables import Bundle
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType
from triage.vocabulary.learning import TrainingState


def training_run_findings(session: Session) -> list[str]:
    """Compare the finished training runs with their events; one line a difference."""
    findings: list[str] = []
    stated: dict[int, Retrained] = {}
    for seq, _, _, event in typed_events(session, EventType.RETRAINED):
        if isinstance(event, Retrained):
            if event.training_run in stated:
                findings.append(f"event {seq}: states training run {event.training_run} again")
            stated[event.training_run] = event
    rows = session.execute(
        select(TrainingRunRow, DatasetVersionRow.root, Bundle.digest)
        .outerjoin(DatasetVersionRow, DatasetVersionRow.id == TrainingRunRow.dataset_version_id)
        .outerjoin(Bundle, Bundle.id == TrainingRunRow.challenger_id)
        .order_by(TrainingRunRow.id)
    )
    for row, root, digest in rows:
        told = stated.pop(row.id, None)
        finished = row.state == TrainingState.FINISHED
        if told is None:
            if finished:
                findings.append(f"training run {row.id}: is finished, and no event states it")
            continue
        if not finished:
            findings.append(f"training run {row.id}: is not finished, and an event states that")
        if root != told.dataset_version:
            findings.append(f"training run {row.id}: its data set is not what its event states")
        if digest != told.bundle:
            findings.append(f"training run {row.id}: its bundle is not what its event states")
    findings += [
        f"training run {number}: is missing, and an event states it" for number in sorted(stated)
    ]
    return findings
