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
    digests: dict[int | None, str] = {row.id: row.digest for row in session.scalars(select(Bundle))}
    rows = session.execute(
        select(TrainingRunRow, DatasetVersionRow.root)
        .outerjoin(DatasetVersionRow, DatasetVersionRow.id == TrainingRunRow.dataset_version_id)
        .order_by(TrainingRunRow.id)
    )
    for row, root in rows:
        told = stated.pop(row.id, None)
        finished = row.state == TrainingState.FINISHED
        if told is None:
            if finished:
                findings.append(f"training run {row.id}: is finished, and no event states it")
            continue
        if not finished:
            findings.append(f"training run {row.id}: is not finished, and an event states that")
        for what, stored, stated_value in (
            ("data set", root, told.dataset_version),
            ("bundle", digests.get(row.challenger_id), told.bundle),
            ("champion", digests.get(row.champion_id), told.champion),
            ("gate run", row.gate_run_id, told.gate_run),
            ("policy", row.policy_hash, told.policy_hash),
            ("settings", row.settings_hash, told.settings_hash),
        ):
            if stored != stated_value:
                findings.append(f"training run {row.id}: its {what} is not what its event states")
    findings += [
        f"training run {number}: is missing, and an event states it" for number in sorted(stated)
    ]
    return findings
