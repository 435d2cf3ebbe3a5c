"""Cases without a name of their own, recognised by the content of their images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from triage.store.records import CaseRecord
from triage.store.stated_facts import contradicted
from triage.store.tables import Case, Image

Content = tuple[str, tuple[str | None, ...]]
"""The name of a case, and the hash of each of its images."""


def content(record: CaseRecord) -> Content:
    """Return a case's name and the hashes of its images."""
    return record.external_id, record.hashes


def recognised(
    session: Session,
    records: Sequence[CaseRecord],
    batch: Collection[Content],
    taken: Collection[str] = (),
) -> list[CaseRecord]:
    """Give cases that are stored under another derived name the name that they are stored under.

    A name that was derived from a path changes with the path. So a case whose name was derived is
    that stored case of its source whose name was derived too and whose images have the same
    content, in the same order, unless patient, visit or laterality are stated otherwise. A case
    that somebody named is recognised by that name alone.

    Files of the same content in one batch are as many cases: each stored case is recognised once a
    batch, and first under its own name.

    Parameters
    ----------
    session : Session
        An open transaction, in which the cases are then added. On PostgreSQL other writers of
        cases without a name of the same source wait until it ends.
    records : sequence of CaseRecord
        Cases of one source; those of a batch may come in several calls.
    batch : collection of Content
        Of the whole batch, so that a case which comes under its own name is left to that.
    taken : collection of str
        Names of stored cases that earlier calls for this batch have given away.

    Returns
    -------
    list of CaseRecord
        In the same order; `external_id` is replaced where a case was recognised.
    """
    unnamed = [record for record in records if record.id_derived and None not in record.hashes]
    if unnamed and session.get_bind().dialect.name == "postgresql":
        # Else two writers could both find a new file absent and add it, each by its own path.
        key = func.hashtextextended(unnamed[0].source, 0)
        session.execute(select(func.pg_advisory_xact_lock(key)))
    stored = _stored_by_content(session, unnamed)
    given = set(taken)
    found = {}
    # In the order of their names, so that files which moved together keep their order.
    for record in sorted(unnamed, key=lambda record: record.external_id):
        candidates = stored.get(record.hashes, ())
        if any(row.external_id == record.external_id for row in candidates):
            continue
        for row in candidates:
            free = row.external_id not in given and (row.external_id, record.hashes) not in batch
            if free and contradicted(row, record) is None:
                given.add(row.external_id)
                found[record.external_id] = row.external_id
                break
    return [
        replace(record, external_id=found[record.external_id])
        if record.id_derived and record.external_id in found
        else record
        for record in records
    ]


def _stored_by_content(
    session: Session, records: Sequence[CaseRecord]
) -> dict[tuple[str | None, ...], list[Case]]:
    """Stored cases with a derived name and such images, by content, in the order of their names."""
    first = {record.hashes[0] for record in records if record.hashes}
    if not first:
        return {}
    query = (
        select(Case)
        .join(Image, Image.case_id == Case.id)
        .where(Image.sha256.in_(first), Image.position == 0, Case.id_derived)
        .options(joinedload(Case.patient), selectinload(Case.images))
        .execution_options(populate_existing=True)
    )
    # Were the source part of the query, SQLite would read every case of the source.
    rows = [row for row in session.scalars(query) if row.source == records[0].source]
    stored = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.external_id):
        stored[tuple(image.sha256 for image in row.images)].append(row)
    return stored
