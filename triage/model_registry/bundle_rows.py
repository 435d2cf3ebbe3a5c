"""The bundles of the database by alias, digest or folder, without stand-ins of planted cases."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.store.bundle_manifest import manifest_in
from triage.store.bundles import planted_digest
from triage.store.learning_tables import DatasetVersionRow, TrainingRunRow
from triage.store.tables import Bundle
from triage.vocabulary.bundle_aliases import CHALLENGER, CHAMPION, SHADOW

ALIASES = (CHAMPION, CHALLENGER, SHADOW)
_PREFIX = re.compile("[0-9a-f]{6,64}")


def registered_rows(session: Session) -> list[Bundle]:
    """Return every registered system, the newest first; a stand-in for a planted case is none."""
    rows = session.scalars(select(Bundle).order_by(Bundle.id.desc())).all()
    stand_ins = {planted_digest(row.digest) for row in rows}
    return [row for row in rows if row.digest not in stand_ins]


def bundle_with_alias(session: Session, alias: str, *, for_update: bool = False) -> Bundle | None:
    """Return the bundle that carries an alias, as it is in the database now; None if none does."""
    query = select(Bundle).where(Bundle.alias == alias).execution_options(populate_existing=True)
    return session.scalar(query.with_for_update() if for_update else query)


def bundle_row(session: Session, digest: str, *, for_update: bool = False) -> Bundle:
    """Return the row of a registered bundle by its whole digest, as it is in the database now.

    Raises
    ------
    StoreError
        If there is none.
    """
    query = select(Bundle).where(Bundle.digest == digest).execution_options(populate_existing=True)
    row = session.scalar(query.with_for_update() if for_update else query)
    if row is None or row.digest not in {one.digest for one in registered_rows(session)}:
        raise StoreError(
            "No bundle of this digest is registered.",
            where=digest[:12],
            hint="triage registry list shows all.",
        )
    return row


def dataset_versions(session: Session) -> dict[str, str]:
    """Return the root of the data set version that each bundle was trained on, by digest.

    Of bundles that no training run of this database made nothing is known.
    """
    rows = session.execute(
        select(Bundle.digest, DatasetVersionRow.root)
        .join(TrainingRunRow, TrainingRunRow.challenger_id == Bundle.id)
        .join(DatasetVersionRow, TrainingRunRow.dataset_version_id == DatasetVersionRow.id)
        .order_by(TrainingRunRow.id)
    )
    return {row.digest: row.root for row in rows}


def digest_of(session: Session, named: str) -> str:
    """Return the digest of the bundle that a person names.

    Parameters
    ----------
    session : Session
    named : str
        An alias, the first six digits of the digest or more, or the folder of the bundle.

    Raises
    ------
    StoreError
        If no registered bundle is so named, or several are.
    BundleError
        If it is a folder whose manifest is missing or altered.
    """
    rows = registered_rows(session)
    if named in ALIASES:
        found = [row.digest for row in rows if row.alias == named]
    elif _PREFIX.fullmatch(named):
        found = [row.digest for row in rows if row.digest.startswith(named)]
    elif named and os.path.isdir(named):
        own = manifest_in(Path(named))[1]
        found = [row.digest for row in rows if row.digest == own]
    else:
        found = []
    if len(found) == 1:
        return found[0]
    raise StoreError(
        "Several bundles have a digest that begins so."
        if found
        else "No registered bundle is named so.",
        where=named,
        hint="Give an alias, six digits of a digest or more, or the bundle's folder: triage "
        "registry list shows them.",
    )
