"""Scored cases into the case database; repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from triage.csv_file import write_csv
from triage.data.manifest import Case
from triage.decision import Decision
from triage.decisions.differential import DIFFERENTIAL_LENGTH
from triage.errors import PredictionsError, StoreError
from triage.hashing import hash_file
from triage.imaging.provenance import FileProvenance
from triage.intake.case_source import user_path
from triage.intake.rejected_case import rejected_decision
from triage.modalities import MODALITIES
from triage.scored_dataset import NOT_STORED, list_beside
from triage.store import (
    BundleRecord,
    CaseRecord,
    ImageRecord,
    Laterality,
    Modality,
    ReadingRecord,
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
from triage.store.new_cases import ScoredCase, add_new_cases
from triage.store.recognition import Content
from triage.systems.manifest import BundleManifest
from triage.systems.scored import Scored
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.subgroup_levels import UNKNOWN

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
    manifest: BundleManifest,
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
    manifest : BundleManifest
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
    records, refused = _records(cases, scored, manifest, root, source, received)
    number = store.write(lambda session: register(session, manifest, bundle, actor))
    # SQLite has one writer: short transactions let a reader's work in between.
    batch = batch or Batch({content(record.scored.case) for record in records})
    numbers: list[int] = []
    for start in range(0, len(records), CHUNK):
        chunk = records[start : start + CHUNK]
        work = partial(
            _store,
            chunk=chunk,
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
class _Record:
    """What is stored of one case."""

    scored: ScoredCase
    features: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class _Stored:
    """What became of some cases: refused ones, names of recognised ones, rows of those stored."""

    refused: list[NotStored]
    renamed: set[str]
    numbers: list[int]


def _records(
    cases: Sequence[Case],
    scored: Scored,
    manifest: BundleManifest,
    root: Path,
    source: str,
    received: datetime,
) -> tuple[list[_Record], list[NotStored]]:
    """What to store of each case; before any transaction, since readings are hashed."""
    table = _decision_rows(scored)
    diagnoses = _diagnoses(scored)
    records, refused = [], []
    for case in cases:
        try:
            decision = _decision(case.case_id, scored, table, diagnoses)
            images = tuple(_image(path, root, scored) for path in case.images)
            reading = _reading(scored.readings.get(case.case_id))
            decoded = case.case_id in table
            record = _case(case, images, source, received, manifest.modality, decoded)
            one = ScoredCase(record, decision, reading)
            records.append(_Record(one, scored.features.get(case.case_id)))
        except StoreError as error:
            refused.append(NotStored(case.case_id, error))
    return records, refused


def decisions_of(cases: Sequence[Case], scored: Scored) -> dict[str, Decision]:
    """Return the decision on each case by its name, as the database keeps it.

    Of a case that could not be read it is to abstain; of a volume it names diagnoses.
    """
    table, diagnoses = _decision_rows(scored), _diagnoses(scored)
    return {case.case_id: _decision(case.case_id, scored, table, diagnoses) for case in cases}


def _decision_rows(scored: Scored) -> dict[str, dict[str, Any]]:
    table = scored.predictions
    decisions = table.decisions if table.decisions is not None else pd.DataFrame()
    return dict(zip(table.cases["case_id"], decisions.to_dict("records"), strict=True))


def _decision(
    case_id: str,
    scored: Scored,
    table: dict[str, dict[str, Any]],
    diagnoses: dict[str, dict[str, float]],
) -> Decision:
    if case_id not in table:
        return rejected_decision(scored.rejected[case_id])
    decision = Decision.from_row(table[case_id])
    return _with_diagnoses(decision, diagnoses[case_id]) if case_id in diagnoses else decision


def register(session: Session, manifest: BundleManifest, bundle: Path, actor: str) -> int:
    """Store a bundle, of which the first one comes into use, and return its row."""
    number = register_bundle(session, bundle_record(manifest, bundle), actor=actor)
    # Another writer may be putting its own in use: whichever comes first stays.
    with suppress(StoreError), savepoint(session):
        set_first_champion(session, number, actor=actor)
    return number


def _store(
    session: Session,
    chunk: list[_Record],
    bundle: int,
    batch: Collection[Content],
    taken: Collection[str],
    actor: str,
) -> _Stored:
    """Store some cases.

    `batch` and `taken` are those of `triage.store.recognised`.
    """
    known = recognised(session, [record.scored.case for record in chunk], batch, taken)
    rows = [
        _Row(record.scored.case.external_id, replace(record.scored, case=case), record.features)
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
    features, numbers = {}, []
    for place, row in enumerate(left):
        try:
            number = new.get(place) or _add_one(session, row.scored, bundle, actor)
        except StoreError as error:
            refused.append(NotStored(row.name, error))
            continue
        numbers.append(number)
        if row.features is not None:
            features[number] = row.features
    add_features(session, bundle, features)
    return _Stored(refused, renamed, numbers)


@dataclass(frozen=True)
class _Row:
    """A case with the name that the table gives it; it may be stored under another."""

    name: str
    scored: ScoredCase
    features: NDArray[np.float32] | None

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


def bundle_record(manifest: BundleManifest, bundle: Path) -> BundleRecord:
    """Describe a bundle to the store, with every condition a reader may want to name.

    Where a modality has diagnoses a reader names these: the inlier classes are referrals then.
    """
    roles = manifest.roles
    known = tuple(MODALITIES[manifest.modality].diagnoses.values()) or roles.inliers
    return BundleRecord(
        digest=manifest.digest(),
        name=manifest.name,
        path=str(bundle.resolve()),
        conditions=(*known, *roles.train, *roles.validation, *roles.test),
    )


def _case(
    case: Case,
    images: tuple[ImageRecord, ...],
    source: str,
    received: datetime,
    modality: Modality,
    decoded: bool,
) -> CaseRecord:
    return CaseRecord(
        external_id=case.case_id,
        source=source,
        patient=case.stated_patient,
        images=images,
        groups={
            axis: None if level == UNKNOWN else level for axis, level in case.subgroups.items()
        },
        received_at=received,
        modality=modality,
        id_derived=case.id_derived,
        visit=case.visit,
        laterality=None if case.laterality is None else Laterality(case.laterality),
        age=case.age,
        decoded=decoded,
    )


def _image(path: Path, root: Path, scored: Scored) -> ImageRecord:
    """A file with the hash of the content that was scored; it is not opened again."""
    found = scored.files.get(path, FileProvenance(None))
    return ImageRecord(
        # A path elsewhere is refused when it is read, and its case waits for a specialist.
        path=str(path.relative_to(root) if path.is_relative_to(root) else path),
        root=str(root.resolve()),
        sha256=found.sha256,
        flags=found.flags,
    )


def _diagnoses(scored: Scored) -> dict[str, dict[str, float]]:
    """Mean probability of each diagnosis of the volumes that were read, by case and title."""
    if scored.findings is None or scored.findings.empty:
        return {}
    columns = [f"p_{name}" for name in DIAGNOSES]
    rows = scored.findings[["case_id", *columns]].itertuples(index=False)
    return {case: dict(zip(DIAGNOSES.values(), rest, strict=True)) for case, *rest in rows}


def _with_diagnoses(decision: Decision, diagnoses: dict[str, float]) -> Decision:
    """Replace the conditions of a volume's decision, which are referrals, by its diagnoses."""
    ranked = sorted(diagnoses.items(), key=lambda item: -item[1])[:DIFFERENTIAL_LENGTH]
    return Decision.model_validate(
        decision.model_dump()
        | {
            "condition": ranked[0][0],
            "p_condition": ranked[0][1],
            "differential": [
                {"condition": name, "probability": probability} for name, probability in ranked
            ],
            "most_severe": None,  # a referral, too
            "p_most_severe": None,
        }
    )


def _reading(file: Path | None) -> ReadingRecord | None:
    """Describe the reading of a volume to the store, with its hash."""
    if file is None:
        return None
    try:
        return ReadingRecord(str(file.resolve()), hash_file(file))
    except OSError as error:
        raise StoreError(
            f"The reading of this case cannot be read ({error.strerror}).", hint="Score it again."
        ) from error
