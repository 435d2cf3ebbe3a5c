"""The run in the case database: its data set version, its bundles, the answer of the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.dataset_versions.stored_versions import store_version
from triage.dataset_versions.version import DatasetVersion
from triage.ledger.events.learning_events import Retrained
from triage.model_registry.aliases import set_challenger
from triage.store import BundleRecord, register_bundle
from triage.store.base import utc_now
from triage.store.learning_tables import (
    DatasetMemberRow,
    DatasetVersionRow,
    GateRunRow,
    TrainingRunRow,
)
from triage.store.ledger import append_event
from triage.store.tables import Bundle
from triage.vocabulary.learning import MemberSplit, TrainingState


@dataclass(frozen=True)
class RunRow:
    """A run as the database knows it: its row, and when it began (UTC, ISO 8601, seconds)."""

    number: int
    started_at: str


def begin_run(
    session: Session,
    key: str,
    version: DatasetVersion,
    champion: BundleRecord | None,
    *,
    policy_hash: str,
    settings_hash: str,
    actor: str,
) -> RunRow:
    """Store the data set version and the start of a run; the same run again changes nothing.

    The moment at which a run began is the one that its bundle states, so that a run that is done
    again, from whichever step, makes the same bundle.
    """
    found = session.scalar(select(TrainingRunRow).where(TrainingRunRow.key == key))
    if found is None:
        reason = "retraining" if champion is not None else "first training"
        number = store_version(session, version, actor=actor, reason=reason)
        before = None if champion is None else register_bundle(session, champion, actor=actor)
        found = TrainingRunRow(
            key=key,
            state=TrainingState.STARTED,
            dataset_version_id=number,
            champion_id=before,
            policy_hash=policy_hash,
            settings_hash=settings_hash,
            steps={},
            started_by=actor,
            started_at=utc_now(),
        )
        session.add(found)
        session.flush()
    return RunRow(found.id, found.started_at.isoformat(timespec="seconds"))


def finish_run(
    session: Session,
    run: RunRow,
    challenger: BundleRecord,
    gate_run: int | None,
    steps: dict[str, Any],
    *,
    actor: str,
) -> bool:
    """Store the challenger and the end of its run; a run that is finished is not changed.

    Returns
    -------
    bool
        Whether anything was stored.
    """
    row = session.get(TrainingRunRow, run.number)
    assert row is not None, "a run is never deleted while it is under way"
    if row.state == TrainingState.FINISHED:
        return False
    number = register_bundle(session, challenger, actor=actor)
    set_challenger(session, challenger.digest, actor=actor)
    at = utc_now()
    row.state, row.finished_at = TrainingState.FINISHED, at
    row.challenger_id, row.gate_run_id, row.steps = number, gate_run, steps
    judged = None if gate_run is None else session.get(GateRunRow, gate_run)
    if judged is not None and judged.challenger_id is None:
        judged.challenger_id = number
    session.flush()
    version = row_version(session, row)
    before = session.get(Bundle, row.champion_id) if row.champion_id is not None else None
    event = Retrained(
        row.id,
        version,
        challenger.digest,
        before.digest if before is not None else None,
        gate_run,
        row.policy_hash,
        row.settings_hash,
    )
    append_event(session, event, actor=actor, at=at)
    return True


def row_of_key(session: Session, key: str) -> RunRow | None:
    """Return a run by its key, None if the database does not know it."""
    found = session.scalar(select(TrainingRunRow).where(TrainingRunRow.key == key))
    if found is None:
        return None
    return RunRow(found.id, found.started_at.isoformat(timespec="seconds"))


def is_finished(session: Session, key: str, challenger: str) -> bool:
    """Whether the database holds a run as finished, with its bundle."""
    found = session.scalar(
        select(Bundle.digest)
        .join(TrainingRunRow, TrainingRunRow.challenger_id == Bundle.id)
        .where(TrainingRunRow.key == key, TrainingRunRow.state == TrainingState.FINISHED)
    )
    return found == challenger


def row_version(session: Session, row: TrainingRunRow) -> str:
    """Return the root of the data set version of a run."""
    version = session.get(DatasetVersionRow, row.dataset_version_id)
    assert version is not None, "a foreign key refers to it"
    return version.root


def trained_splits(session: Session, digest: str) -> dict[str, str] | None:
    """Return what a bundle was trained on, as its run recorded it.

    Returns
    -------
    dict of str or None
        Split by the key of each case that trained it or chose its thresholds; None of a bundle
        that no run of this database made.
    """
    version = session.scalar(
        select(TrainingRunRow.dataset_version_id)
        .join(Bundle, TrainingRunRow.challenger_id == Bundle.id)
        .where(Bundle.digest == digest)
        .order_by(TrainingRunRow.id.desc())
    )
    if version is None:
        return None
    rows = session.execute(
        select(DatasetMemberRow.case_key, DatasetMemberRow.split).where(
            DatasetMemberRow.version_id == version,
            DatasetMemberRow.split.in_((MemberSplit.TRAIN, MemberSplit.VALIDATION)),
        )
    )
    return dict(rows.tuples().all())
