"""Whether stored versions of data sets, and the frozen sets, are those of the events."""

from __future__ import annotations

from collections.abc import Iterator
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
    stated: dict[str, tuple[str | None, int]] = {}
    for _, _, _, event in typed_events(session, EventType.DATASET_VERSION_MADE):
        if isinstance(event, DatasetVersionMade):
            stated.setdefault(event.root, (event.parent, event.members))
    rows = session.scalars(select(DatasetVersionRow).order_by(DatasetVersionRow.id)).all()
    roots = {row.id: row.root for row in rows}
    findings = []
    for row in rows:
        said = stated.pop(row.root, None)
        name = f"dataset_version {row.id}"
        if said is None:
            findings.append(f"{name}: no event says that it was made")
        elif said[0] != (None if row.parent_id is None else roots.get(row.parent_id)):
            findings.append(f"{name}: its parent is not what its event says")
        tree = MerkleTree()
        for member in _members(session, row.id):
            tree.append(canonical_json(member).encode())
        if tree.root().hex() != row.root or (said is not None and said[1] != tree.size):
            findings.append(f"{name}: its members are not those of its root")
    findings += [
        f"dataset_version: the version {root[:12]} is missing, and an event says that it was made"
        for root in stated
    ]
    return findings + list(_frozen_findings(session))


def _members(session: Session, version: int) -> Iterator[dict[str, Any]]:
    query = (
        select(*(getattr(DatasetMemberRow, name) for name in _MEMBER))
        .where(DatasetMemberRow.version_id == version)
        .order_by(DatasetMemberRow.position)
        .execution_options(yield_per=1000)
    )
    yield from (dict(row) for row in session.execute(query).mappings())


def _frozen_findings(session: Session) -> Iterator[str]:
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
        if chosen[row.version_id].get(row.case_key) != _frozen(facts):
            yield f"frozen_case {row.id}: is not what its version says"
        if (row.withdrawn_at is not None) != (row.patient_key in withdrawn):
            yield f"frozen_case {row.id}: withdrawn_at is not what the events say"


_FROZEN = ("case_key", "patient_key", "images", "condition", "label_hash")


def _frozen(facts: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(facts[name] for name in _FROZEN)
