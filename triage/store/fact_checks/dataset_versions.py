"""Whether stored versions of data sets, and the frozen sets, are those of the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.hashing import canonical_json
from triage.ledger.events.learning_events import ConsentWithdrawn, DatasetVersionMade
from triage.ledger.merkle import MerkleTree
from triage.store.learning_tables import DatasetMemberRow, DatasetVersionRow, FrozenCaseRow
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType

_MEMBER = (
    "case_key", "patient_key", "cluster_key", "images", "condition", "label_hash", "licence",
    "consent", "split",
)  # fmt: skip
"""What a leaf of the Merkle tree hashes, see `triage.dataset_versions.version`."""


def dataset_findings(session: Session) -> list[str]:
    """Compare versions with their events and roots, and frozen cases; one line a difference."""
    stated: dict[str, tuple[DatasetVersionMade, str]] = {}
    for _, actor, _, event in typed_events(session, EventType.DATASET_VERSION_MADE):
        if isinstance(event, DatasetVersionMade):
            stated.setdefault(event.root, (event, actor))
    rows = session.scalars(select(DatasetVersionRow).order_by(DatasetVersionRow.id)).all()
    roots: dict[int | None, str] = {row.id: row.root for row in rows}
    findings = []
    for row in rows:
        made = stated.pop(row.root, None)
        name = f"dataset_version {row.id}"
        tree = MerkleTree()
        for member in _members(session, row.id):
            tree.append(canonical_json(member).encode())
        if tree.root().hex() != row.root:
            findings.append(f"{name}: its members are not those of its root")
        if made is None:
            findings.append(f"{name}: no event says that it was made")
            continue
        event, actor = made
        findings += [
            f"{name}: its {what} is not what its event says"
            for what, stored, said in (
                ("parent", roots.get(row.parent_id), event.parent),
                ("size", tree.size, event.members),
                ("spec_name", row.spec_name, event.spec_name),
                ("spec_hash", row.spec_hash, event.spec_hash),
                ("reason", row.reason, event.reason),
                ("made_by", row.made_by, actor),
            )
            if stored != said
        ]
    findings += [
        f"dataset_version: the version {root[:12]} is missing, and an event says that it was made"
        for root in stated
    ]
    names = {row.id: row.spec_name for row in rows}
    return findings + list(_frozen_findings(session, names))


def _members(session: Session, version: int) -> Iterator[dict[str, Any]]:
    query = (
        select(*(getattr(DatasetMemberRow, name) for name in _MEMBER))
        .where(DatasetMemberRow.version_id == version)
        .order_by(DatasetMemberRow.position)
        .execution_options(yield_per=1000)
    )
    yield from (dict(row) for row in session.execute(query).mappings())


def _frozen_findings(session: Session, names: Mapping[int, str]) -> Iterator[str]:
    """Frozen cases that are not those of their version, and cases of versions that are missing."""
    withdrawn = {
        event.patient_key
        for _, _, _, event in typed_events(session, EventType.CONSENT_WITHDRAWN)
        if isinstance(event, ConsentWithdrawn)
    }
    chosen: dict[int, dict[str, tuple[Any, ...]]] = {}
    for row in session.scalars(select(FrozenCaseRow).order_by(FrozenCaseRow.id)):
        if row.version_id not in chosen:
            chosen[row.version_id] = {
                one["case_key"]: _frozen(one)
                for one in _members(session, row.version_id)
                if one["split"] == "frozen"
            }
        facts = {name: getattr(row, name) for name in _FROZEN}
        of_version = chosen[row.version_id].get(row.case_key)
        if of_version != _frozen(facts) or names.get(row.version_id) != row.spec_name:
            yield f"frozen_case {row.id}: is not what its version says"
        if (row.withdrawn_at is not None) != (row.patient_key in withdrawn):
            yield f"frozen_case {row.id}: withdrawn_at is not what the events say"
    in_versions = select(DatasetMemberRow.case_key).where(DatasetMemberRow.split == "frozen")
    lost = in_versions.where(DatasetMemberRow.case_key.not_in(select(FrozenCaseRow.case_key)))
    for key in session.scalars(lost.distinct().order_by(DatasetMemberRow.case_key)):
        yield f"frozen_case: the case {key[:12]} is missing, and a version has it frozen"


_FROZEN = ("case_key", "patient_key", "images", "condition", "label_hash")


def _frozen(facts: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(facts[name] for name in _FROZEN)
