"""What the database records of a training run, for the record of the change."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.errors import UsageError
from triage.gating.result import GateResult
from triage.store.bundle_manifest import bundle_manifest
from triage.store.learning_tables import (
    DatasetMemberRow,
    DatasetVersionRow,
    GateRunRow,
    PromotionRow,
    TrainingRunRow,
)
from triage.store.tables import Bundle


class DataChange(BaseModel):
    """A data set version against the one before it.

    Parameters
    ----------
    root, parent : str
        Merkle roots; the parent is None for a first version.
    by_split : dict of int
        Members of the version.
    added, removed, relabelled, moved : int
        Members that the parent does not have, that are gone, with another label, and in another
        split.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: str
    parent: str | None
    reason: str
    made_by: str
    made_at: str
    by_split: dict[str, int]
    added: int
    removed: int
    relabelled: int
    moved: int
    conditions_added: tuple[str, ...]
    conditions_removed: tuple[str, ...]


class BundleFacts(BaseModel):
    """A bundle of the change, from its manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    digest: str
    intended_use: str | None
    family: str | None
    settings_hash: str | None
    spec_hash: str | None
    conditions: tuple[str, ...]


class PromotionFacts(BaseModel):
    """A proposal of the challenger, and what came of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    reason: str
    proposed_by: str
    proposed_at: str
    approved_by: str | None
    approved_at: str | None
    rejected_by: str | None
    signed_off: bool
    answer: str | None


class ChangeFacts(BaseModel):
    """All facts of one change; `change_record` makes its document of nothing else.

    Parameters
    ----------
    run : int
        Row of `training_run`.
    state : str
    labels : dict of int
        New labels by source, as the run's steps recorded them; empty where they did not.
    policy_hash : str
    gate_run : int, optional
    gate : GateResult, optional
        As it was shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: int
    key: str
    state: str
    started_by: str
    started_at: str
    finished_at: str | None
    policy_hash: str
    data: DataChange
    labels: dict[str, int]
    settings_hash: str
    champion: BundleFacts | None
    challenger: BundleFacts | None
    gate_run: int | None
    gate: GateResult | None
    promotions: tuple[PromotionFacts, ...]


def change_facts(session: Session, run: int) -> ChangeFacts:
    """Return what is recorded of a training run.

    Raises
    ------
    UsageError
        If there is no such run.
    """
    row = session.get(TrainingRunRow, run)
    if row is None:
        raise UsageError(
            "there is no such training run", where=f"run {run}", hint="triage retrain names it."
        )
    gate = None if row.gate_run_id is None else session.get(GateRunRow, row.gate_run_id)
    return ChangeFacts(
        run=row.id,
        key=row.key,
        state=row.state,
        started_by=row.started_by,
        started_at=row.started_at.isoformat(),
        finished_at=None if row.finished_at is None else row.finished_at.isoformat(),
        policy_hash=row.policy_hash,
        data=_data(session, row.dataset_version_id),
        labels=_labels(session, row.challenger_id),
        settings_hash=row.settings_hash,
        champion=_bundle(session, row.champion_id),
        challenger=_bundle(session, row.challenger_id),
        gate_run=None if gate is None else gate.id,
        gate=None if gate is None else GateResult.model_validate_json(json.dumps(gate.result)),
        promotions=_promotions(session, row.challenger_id),
    )


def _labels(session: Session, bundle: int | None) -> dict[str, int]:
    """Counts of reviewed labels by source, as the challenger's manifest states them."""
    row = None if bundle is None else session.get(Bundle, bundle)
    manifest = {} if row is None else bundle_manifest(session, row.digest)
    found: Any = manifest.get("promotion")
    for key in ("labels", "by_label_source"):
        found = found.get(key) if isinstance(found, dict) else None
    return dict(found) if isinstance(found, dict) else {}


def _data(session: Session, number: int) -> DataChange:
    version = session.get_one(DatasetVersionRow, number)
    now = _members(session, version.id)
    before = {} if version.parent_id is None else _members(session, version.parent_id)
    parent = (
        None
        if version.parent_id is None
        else session.get_one(DatasetVersionRow, version.parent_id).root
    )
    both = now.keys() & before.keys()
    conditions = {each.condition for each in now.values()}
    earlier = {each.condition for each in before.values()} if before else conditions
    return DataChange(
        root=version.root,
        parent=parent,
        reason=version.reason,
        made_by=version.made_by,
        made_at=version.made_at.isoformat(),
        by_split=dict(sorted(Counter(each.split for each in now.values()).items())),
        added=len(now.keys() - before.keys()),
        removed=len(before.keys() - now.keys()),
        relabelled=sum(now[key].label_hash != before[key].label_hash for key in both),
        moved=sum(now[key].split != before[key].split for key in both),
        conditions_added=tuple(sorted(conditions - earlier)),
        conditions_removed=tuple(sorted(earlier - conditions)),
    )


def _members(session: Session, version: int) -> dict[str, DatasetMemberRow]:
    rows = session.scalars(select(DatasetMemberRow).where(DatasetMemberRow.version_id == version))
    return {row.case_key: row for row in rows}


def _bundle(session: Session, number: int | None) -> BundleFacts | None:
    row = None if number is None else session.get(Bundle, number)
    if row is None:
        return None
    manifest = bundle_manifest(session, row.digest)
    settings = manifest.get("settings")
    roles = manifest.get("roles")
    return BundleFacts(
        name=row.name,
        digest=row.digest,
        intended_use=manifest.get("intended_use"),
        family=settings.get("family") if isinstance(settings, dict) else None,
        settings_hash=manifest.get("settings_hash"),
        spec_hash=manifest.get("spec_hash"),
        conditions=tuple(roles.get("inliers", ())) if isinstance(roles, dict) else (),
    )


def _promotions(session: Session, bundle: int | None) -> tuple[PromotionFacts, ...]:
    if bundle is None:
        return ()
    rows = session.scalars(
        select(PromotionRow).where(PromotionRow.bundle_id == bundle).order_by(PromotionRow.id)
    )
    return tuple(
        PromotionFacts(
            kind=row.kind,
            reason=row.reason,
            proposed_by=row.proposed_by,
            proposed_at=row.proposed_at.isoformat(),
            approved_by=row.approved_by,
            approved_at=None if row.approved_at is None else row.approved_at.isoformat(),
            rejected_by=row.rejected_by,
            signed_off=row.signed_off,
            answer=row.answer,
        )
        for row in rows
    )
