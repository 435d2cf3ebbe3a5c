"""Whether the stored uses of gate splits are those of the events."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.hashing import hash_json
from triage.ledger.events.learning_events import GateRun, Retrained
from triage.store.learning_tables import GateRunRow
from triage.store.tables import Bundle
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType

_COLUMNS = ("gate_set", "policy_hash", "submission", "verdict")


def gate_run_findings(session: Session) -> list[str]:
    """Compare the uses of gate splits with their events; one line a difference."""
    stated: dict[int, GateRun] = {}
    made: dict[int | None, str] = {}
    findings = []
    for seq, _, _, event in typed_events(session, EventType.GATE_RUN, EventType.RETRAINED):
        match event:
            case GateRun():
                if event.gate_run in stated:
                    findings.append(f"event {seq}: states gate run {event.gate_run} a second time")
                stated[event.gate_run] = event
            case Retrained():
                made[event.gate_run] = event.bundle
    digests: dict[int | None, str] = {row.id: row.digest for row in session.scalars(select(Bundle))}
    for row in session.scalars(select(GateRunRow).order_by(GateRunRow.id)):
        told = stated.pop(row.id, None)
        if told is None:
            findings.append(f"gate run {row.id}: no event states it")
            continue
        findings += [
            f"gate run {row.id}: {name} is not what its event states"
            for name in _COLUMNS
            if getattr(row, name) != getattr(told, name)
        ]
        if row.hold_out_state.get("use") != told.use:
            findings.append(f"gate run {row.id}: its use is not what its event states")
        for what, stored, event_states in (
            ("champion", digests.get(row.champion_id), told.champion),
            # Of a retraining the challenger is registered after the gate has judged it.
            ("challenger", digests.get(row.challenger_id), told.challenger or made.get(row.id)),
            ("result", hash_json([row.result, row.hold_out_state]), told.result),
        ):
            if stored != event_states:
                findings.append(f"gate run {row.id}: its {what} is not what its event states")
    findings += [
        f"gate run {number}: is missing, and an event states it" for number in sorted(stated)
    ]
    return findings
