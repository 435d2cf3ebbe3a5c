"""Scored cases into the case database; repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from triage.csv_file import write_csv
from triage.data.manifest import Case
from triage.errors import PredictionsError, StoreError
from triage.intake.case_records import case_records
from triage.intake.case_source import user_path
from triage.intake.described_bundle import DescribedBundle
from triage.intake.new_cases import ScoredCase, add_new_cases
from triage.intake.unchanged_cases import unchanged_cases
from triage.scored_dataset import NOT_STORED, list_beside
from triage.store import (
    Store,
    add_case,
    add_prediction,
    content,
    recognised,
    register_bundle,
    savepoint,
    set_first_champion,
)
from triage.store.features import add_features
from triage.store.ledger import SYSTEM
from triage.store.recognition import Content
from triage.systems.case_features import Features
from triage.systems.scored import Scored

if TYPE_CHECKING:
    from triage.systems.manifest import BundleManifest

CHUNK = 200


@dataclass(frozen=True)
class NotStored:
    """A case that was not stored, or not changed, and why."""

    case_id: str
    error: StoreError


@dataclass(frozen=True)
class IngestResult:
    """What became of the cases of a batch.

    Parameters
    ----------
    stored : int
        Cases of the batch that are in the store, those that were there before too.
    not_stored : tuple of NotStored
        The others, in order of their names: each is refused alone, and nothing of it is changed.
    numbers : tuple of int
        Rows of those that are in the store.
    """

    stored: int
    not_stored: tuple[NotStored, ...] = ()
    numbers: tuple[int, ...] = field(default=(), compare=False)

    def lines(self) -> list[str]:
        """Name each case that was not stored, and why."""
        return [f"{one.case_id}: {one.error}" for one in self.not_stored]


@dataclass
class Batch:
    """Cases that come in several calls of `ingest`, of which some have no id of their own.

    Parameters
    ----------
    contents : collection of Content
        Of all calls, so that a case which comes under its own name is left to that.
    taken : set of str
        Names of stored cases that calls have recognised so far; each call adds its own.
    """

    contents: Collection[Content]
    taken: set[str] = field(default_factory=set)


def ingest(
    store: Store,
    cases: Sequence[Case],
    scored: Scored,
    manifest: BundleManifest | DescribedBundle,
    *,
    bundle: Path,
    root: Path,
    source: str,
    actor: str = SYSTEM,
    batch: Batch | None = None,
) -> IngestResult:
    """Store cases and the decisions of a bundle on them, rejected cases too.

    A case whose images could not be read waits for a person like any abstention: nothing
    that arrives is lost. It goes on when a later call brings its files. A case that contradicts
    what is stored is refused alone; all others are stored.

    Parameters
    ----------
    store : Store
    cases : sequence of Case
    scored : Scored
        Of those cases.
    manifest : BundleManifest or DescribedBundle
    bundle, root : Path
        Where the bundle and the images lie.
    source : str
        Names where the cases come from; the same case of the same source is stored once. A case
        without an id is recognised by its images where their path has changed.
    actor : str
        Who asked for it; stands in the events of the cases.
    batch : Batch, optional
        Where these cases are a part of those that come; by default they are all.

    Raises
    ------
    StoreError
        If the database itself fails. Cases stored before stay, and repeating the call goes on.
    """
    bundle, root = user_path(bundle), user_path(root)
    received = datetime.now(UTC)
    system = manifest if isinstance(manifest, DescribedBundle) else DescribedBundle.of(manifest)
    records, unusable = case_records(cases, scored, system.modality, root, source, received)
    refused = [NotStored(name, error) for name, error in unusable.items()]
    number = store.write(lambda session: register(session, system, bundle, actor))
    # SQLite has one writer: short transactions let a reader's work in between.
    batch = batch or Batch({content(record.case) for record in records})
    numbers: list[int] = []
    for start in range(0, len(records), CHUNK):
        chunk = records[start : start + CHUNK]
        work = partial(
            _store,
            chunk=chunk,
            features=scored.features,
            bundle=number,
            batch=batch.contents,
            taken=frozenset(batch.taken),
            actor=actor,
        )
        done = store.write(work)
        refused += done.refused
        batch.taken |= done.renamed
        numbers += done.numbers
    refused.sort(key=lambda one: one.case_id)
    return IngestResult(len(cases) - len(refused), tuple(refused), tuple(numbers))


def write_not_stored(out: Path, result: IngestResult) -> None:
    """List the cases that were not stored beside a table or in a folder of scored cases.

    A former list is deleted.

    Raises
    ------
    PredictionsError
        If the list cannot be written.
    """
    out = user_path(out)
    path = list_beside(out, NOT_STORED)
    rows = [(one.case_id, one.error.what, one.error.hint) for one in result.not_stored]
    try:
        path.unlink(missing_ok=True)
        if rows:
            write_csv(path, ("case_id", "message", "hint"), rows)
    except OSError as error:
        raise PredictionsError(f"cannot be written: {error.strerror}", where=str(path)) from error


@dataclass(frozen=True)
class _Stored:
    """What became of some cases: refused ones, names of recognised ones, rows of those stored."""

    refused: list[NotStored]
    renamed: set[str]
    numbers: list[int]


def register(session: Session, system: DescribedBundle, bundle: Path, actor: str) -> int:
    """Store a bundle, of which the first one comes into use, and return its row."""
    number = register_bundle(session, system.record(bundle), actor=actor)
    # Another writer may be putting its own in use: whichever comes first stays.
    with suppress(StoreError), savepoint(session):
        set_first_champion(session, number, actor=actor)
    return number


def _store(
    session: Session,
    chunk: list[ScoredCase],
    features: Features,
    bundle: int,
    batch: Collection[Content],
    taken: Collection[str],
    actor: str,
) -> _Stored:
    """Store some cases.

    `batch` and `taken` are those of `triage.store.recognised`.
    """
    known = recognised(session, [record.case for record in chunk], batch, taken)
    rows = [
        _Row(record.case.external_id, replace(record, case=case))
        for record, case in zip(chunk, known, strict=True)
    ]
    # Writers that lock patients and cases in the same order never wait for each other in turn.
    rows.sort(key=lambda row: (row.scored.case.patient_name, row.scored.case.external_id))
    renamed = {row.stored_name for row in rows if row.stored_name != row.name}
    of_another = {
        row.name for row in rows if row.name == row.stored_name and row.name in {*renamed, *taken}
    }
    left = [row for row in rows if row.name not in of_another]
    new = _add_new(session, [row.scored for row in left], bundle, actor)
    refused = [NotStored(name, _name_is_taken()) for name in sorted(of_another)]
    others = {place: row.scored for place, row in enumerate(left) if place not in new}
    stored = new | unchanged_cases(session, bundle, others)
    vectors, numbers = {}, []
    for place, row in enumerate(left):
        try:
            number = stored.get(place) or _add_one(session, row.scored, bundle, actor)
        except StoreError as error:
            refused.append(NotStored(row.name, error))
            continue
        numbers.append(number)
        if row.name in features:
            vectors[number] = features[row.name]
    add_features(session, bundle, vectors)
    return _Stored(refused, renamed, numbers)


@dataclass(frozen=True)
class _Row:
    """A case with the name that the table gives it; it may be stored under another."""

    name: str
    scored: ScoredCase

    @property
    def stored_name(self) -> str:
        return self.scored.case.external_id


def _name_is_taken() -> StoreError:
    return StoreError(
        "The stored case of this name is that of another file of the table, renamed.",
        hint="Give the cases ids (case_id), or this file a name that is new.",
    )


def _add_new(
    session: Session, cases: Sequence[ScoredCase], bundle: int, actor: str
) -> dict[int, int]:
    """Add the new ones of some cases together; none where one of them is refused."""
    try:
        with savepoint(session):
            return add_new_cases(session, bundle, cases, actor=actor)
    except StoreError:
        return {}  # each is tried by itself, which says what is refused


def _add_one(session: Session, one: ScoredCase, bundle: int, actor: str) -> int:
    with savepoint(session):
        number = add_case(session, one.case, actor=actor)
        add_prediction(session, number, bundle, one.decision, one.reading, actor=actor)
    return number
