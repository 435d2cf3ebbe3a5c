"""Versions of data sets in the case database, frozen regression sets, what bundles trained on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from triage.dataset_versions.leaks import TRAINED_ON, FrozenSetError, check_apart, check_leaks
from triage.dataset_versions.version import DatasetMember, DatasetVersion, VersionNotIntact
from triage.errors import StoreError
from triage.ledger.events.learning_events import ConsentWithdrawn, DatasetVersionMade
from triage.store.base import utc_now
from triage.store.learning_tables import (
    DatasetMemberRow,
    DatasetVersionRow,
    FrozenCaseRow,
    TrainingRunRow,
)
from triage.store.ledger import append_event
from triage.store.tables import Bundle
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType
from triage.vocabulary.learning import Consent, MemberSplit

_COLUMNS = tuple(DatasetMember.model_fields)


def store_version(session: Session, version: DatasetVersion, *, actor: str, reason: str) -> int:
    """Store a version, freeze its frozen cases, append the event; return its row.

    The same root again changes nothing.

    Raises
    ------
    LeakError
        If it leaks, or trains on a frozen case of whatever spec.
    FrozenSetError
        If a case of the frozen set has another image or label now, or would train.
    """
    check_leaks(version)
    frozen = session.scalars(
        select(FrozenCaseRow).where(FrozenCaseRow.withdrawn_at.is_(None))
    ).all()
    check_apart(version, map(_frozen_member, frozen))
    own = [row for row in frozen if row.spec_name == version.spec_name]
    check_frozen(version, map(_frozen_member, own))
    row_id = add_version(session, version, actor=actor, reason=reason)
    if not own:
        _freeze(session, version, row_id)
    return row_id


def add_version(session: Session, version: DatasetVersion, *, actor: str, reason: str) -> int:
    """Store a version with its event, unchecked; return its row.

    A root that is stored stays as it is: the newest one changes nothing, and an earlier one gets an
    event that makes it the newest again.
    """
    made = DatasetVersionMade(
        version.spec_name,
        version.spec_hash,
        version.root,
        version.parent,
        len(version.members),
        reason,
    )
    known = session.scalar(select(DatasetVersionRow).where(DatasetVersionRow.root == version.root))
    if known is not None:
        newest = _latest_row(session, version.spec_name)
        if newest is not None and newest.id != known.id:
            append_event(session, made, actor=actor)
        return known.id
    row = DatasetVersionRow(
        root=version.root,
        spec_name=version.spec_name,
        spec_hash=version.spec_hash,
        parent_id=_parent(session, version.parent),
        reason=reason,
        made_by=actor,
        made_at=utc_now(),
    )
    session.add(row)
    session.flush()
    session.execute(
        insert(DatasetMemberRow),
        [
            {"version_id": row.id, "position": position, **member.model_dump(mode="json")}
            for position, member in enumerate(version.members)
        ],
    )
    append_event(session, made, actor=actor)
    return row.id


def _parent(session: Session, root: str | None) -> int | None:
    if root is None:
        return None
    found = session.scalar(select(DatasetVersionRow.id).where(DatasetVersionRow.root == root))
    if found is None:
        raise StoreError("The version before it is not stored.", where=f"version {root[:12]}")
    return found


def check_frozen(version: DatasetVersion, frozen: Iterable[DatasetMember]) -> None:
    """Refuse a version whose frozen cases are not what they were when they were chosen.

    Raises
    ------
    FrozenSetError
        With how many are missing, have another image, label or split, or joined the set.
    """
    chosen = {one.case_key: one for one in frozen}
    if not chosen:
        return
    now = {member.case_key: member for member in version.members}
    there = [(one, now[key]) for key, one in chosen.items() if key in now]
    counts = {
        "are missing": len(chosen) - len(there),
        "have another image": sum(was.images != is_.images for was, is_ in there),
        "have another label": sum(
            (was.condition, was.label_hash) != (is_.condition, is_.label_hash) for was, is_ in there
        ),
        "are in another split": sum(is_.split is not MemberSplit.FROZEN for _, is_ in there),
        "are new in it": sum(
            member.case_key not in chosen for member in version.of_split(MemberSplit.FROZEN)
        ),
    }
    if found := [f"{count} {what}" for what, count in counts.items() if count]:
        raise FrozenSetError(
            f"of {len(chosen)} cases of the frozen regression set {', '.join(found)}",
            where=version.spec_name,
            hint="The set stays as it was chosen; bring back the files, labels and rows. A case "
            "leaves it by triage dataset withdraw alone.",
        )


def _freeze(session: Session, version: DatasetVersion, row: int) -> None:
    members = version.of_split(MemberSplit.FROZEN)
    known = set(session.scalars(select(FrozenCaseRow.case_key)))  # also of other specs
    at = utc_now()
    session.add_all(
        FrozenCaseRow(
            case_key=member.case_key,
            patient_key=member.patient_key,
            spec_name=version.spec_name,
            images=list(member.images),
            condition=member.condition,
            label_hash=member.label_hash,
            version_id=row,
            added_at=at,
        )
        for member in members
        if member.case_key not in known
    )
    session.flush()


def _frozen_member(row: FrozenCaseRow) -> DatasetMember:
    return DatasetMember(
        case_key=row.case_key,
        patient_key=row.patient_key,
        cluster_key="",
        images=tuple(row.images),
        condition=row.condition,
        label_hash=row.label_hash,
        licence="",
        split=MemberSplit.FROZEN,
    )


def latest_version(session: Session, spec_name: str) -> DatasetVersion | None:
    """Return the newest version of a spec's data, None if there is none."""
    row = _latest_row(session, spec_name)
    return None if row is None else _version(session, row)


def _latest_row(session: Session, spec_name: str) -> DatasetVersionRow | None:
    rows = session.scalars(
        select(DatasetVersionRow)
        .where(DatasetVersionRow.spec_name == spec_name)
        .order_by(DatasetVersionRow.id)
    ).all()
    place = {row.root: number for number, row in enumerate(rows)}
    made = [
        place[event.root]
        for _, _, _, event in typed_events(session, EventType.DATASET_VERSION_MADE)
        if isinstance(event, DatasetVersionMade) and event.root in place
    ]
    if not rows:
        return None
    # Events of this transaction are not sealed yet: a row without one is newer than all that are.
    return rows[made[-1]] if len(rows) - 1 in made else rows[-1]


def version_of_root(session: Session, root: str) -> DatasetVersion:
    """Return a stored version by its root, or by the beginning of it.

    Raises
    ------
    StoreError
        If there is none, or there are several.
    """
    if not re.fullmatch(r"[0-9a-f]{6,64}", root):
        raise StoreError(
            "A root has 64 hexadecimal digits, of which the first 6 are enough.", where="version"
        )
    query = select(DatasetVersionRow).where(DatasetVersionRow.root.startswith(root)).limit(2)
    rows = session.scalars(query).all()
    if len(rows) != 1:
        raise StoreError(
            "Several versions begin like this." if rows else "There is no such version.",
            where=f"version {root[:12]}",
            hint="Give more digits of the root." if rows else "Take a snapshot with --db.",
        )
    return _version(session, rows[0])


def _version(session: Session, row: DatasetVersionRow) -> DatasetVersion:
    query = (
        select(*(getattr(DatasetMemberRow, name) for name in _COLUMNS))
        .where(DatasetMemberRow.version_id == row.id)
        .order_by(DatasetMemberRow.position)
    )
    parent = None if row.parent_id is None else session.get(DatasetVersionRow, row.parent_id)
    members = [DatasetMember.model_validate(dict(one)) for one in session.execute(query).mappings()]
    version = DatasetVersion.of_members(
        row.spec_name, row.spec_hash, members, None if parent is None else parent.root
    )
    if version.root != row.root:
        raise VersionNotIntact(
            "its members in the database are not those of its root",
            where=f"version {row.root[:12]}",
            hint="Something else than this software changed them: compare with a backup.",
        )
    return version


def frozen_keys(session: Session, spec_name: str) -> frozenset[str]:
    """Return the keys of the frozen regression set of a spec, without withdrawn cases."""
    return frozenset(
        session.scalars(
            select(FrozenCaseRow.case_key).where(
                FrozenCaseRow.spec_name == spec_name, FrozenCaseRow.withdrawn_at.is_(None)
            )
        )
    )


def frozen_problem(session: Session, version: DatasetVersion) -> str | None:
    """Return why a version does not keep the frozen set of its spec; None if it does."""
    own = session.scalars(
        select(FrozenCaseRow).where(
            FrozenCaseRow.spec_name == version.spec_name, FrozenCaseRow.withdrawn_at.is_(None)
        )
    )
    try:
        check_frozen(version, map(_frozen_member, own))
    except FrozenSetError as error:
        return error.what
    return None


def trained_keys(session: Session, digest: str) -> frozenset[str]:
    """Return the keys of the cases that a bundle was trained on, as its training run records them.

    Empty of a bundle that no run of this database trained.
    """
    query = (
        select(DatasetMemberRow.case_key)
        .join(TrainingRunRow, TrainingRunRow.dataset_version_id == DatasetMemberRow.version_id)
        .join(Bundle, Bundle.id == TrainingRunRow.challenger_id)
        .where(Bundle.digest == digest, DatasetMemberRow.split.in_(TRAINED_ON))
    )
    return frozenset(session.scalars(query))


def consents_of_store(session: Session) -> dict[str, Consent]:
    """Return the consent of the patients who withdrew it, by patient key.

    From the events, which also name patients of data sets who have no case in the database.
    """
    return {
        event.patient_key: Consent.WITHDRAWN
        for _, _, _, event in typed_events(session, EventType.CONSENT_WITHDRAWN)
        if isinstance(event, ConsentWithdrawn)
    }
