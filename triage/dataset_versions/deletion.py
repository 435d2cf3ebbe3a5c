"""Deletion of a patient: what is stored of them is removed, and the events stay as tombstones.

Rows that events or other rows refer to stay, without what tells of the patient: the case and the
patient lose their identifiers, the prediction its content. Reads, signatures and addenda stay as
they are, since the events, which cannot be changed, hold the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from triage.dataset_versions.cached_images import cached_images, forget_images
from triage.dataset_versions.patients import WithdrawnPatient
from triage.errors import UsageError
from triage.ledger.events.learning_events import PatientDeleted
from triage.regular_file import is_below
from triage.store.base import utc_now
from triage.store.deleted import DELETED_FACTS, deleted_name, emptied_prediction
from triage.store.learning_tables import ShadowPredictionRow
from triage.store.ledger import append_event
from triage.store.tables import (
    Activity,
    Case,
    CaseFeatures,
    CaseLock,
    Draft,
    Image,
    Patient,
    Prediction,
)
from triage.vocabulary.case_states import UNFINISHED_STATES, CaseState

_REMOVED: dict[str, Any] = {
    "images": Image,
    "features": CaseFeatures,
    "drafts": Draft,
    "locks": CaseLock,
    "activities": Activity,
    "shadow_predictions": ShadowPredictionRow,
}
"""Tables whose rows of a case are removed; no event refers to one of them by its number."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion concerns, or did.

    Parameters
    ----------
    already : bool
        Whether the patient was deleted before.
    rows : dict of int
        Removed rows, by what they are.
    predictions : int
        Rows that lose their content.
    readings, uploads : int
        Files that the software wrote, which are removed.
    cached : int
        Embeddings of the images in the cache, which are removed.
    left_files : int
        Image files elsewhere, which are not touched: whoever put them there has to remove them.
    left_places : int
        Folders in which these are.
    """

    already: bool
    rows: dict[str, int]
    predictions: int
    readings: int
    uploads: int
    cached: int
    left_files: int
    left_places: int

    def as_json(self) -> dict[str, Any]:
        """Return its fields as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class OwnPlaces:
    """Folders of the software: files of cases added in the pages, and cached embeddings."""

    uploads: Path | None = None
    cache: Path | None = None


def plan_deletion(session: Session, patient: WithdrawnPatient, places: OwnPlaces) -> Deletion:
    """Say what deleting a patient would remove; nothing is changed."""
    images = session.scalars(select(Image).where(Image.case_id.in_(patient.cases))).all()
    files = [Path(one.root) / one.path for one in images]
    own, left = _uploaded(files, places.uploads)
    hashes = {one.sha256 for one in images} - {None}
    rows = Counter(
        {
            name: session.scalar(
                select(func.count()).select_from(table).where(table.case_id.in_(patient.cases))
            )
            or 0
            for name, table in _REMOVED.items()
        }
    )
    predictions = session.scalars(_predictions(patient)).all()
    return Deletion(
        already=patient.deleted,
        rows={"cases": len(patient.cases), **rows},
        predictions=len(predictions),
        readings=sum(one.reading_path is not None for one in predictions),
        uploads=len(own),
        cached=cached_images(places.cache, hashes),
        left_files=len(left),
        left_places=len({path.parent for path in left}),
    )


def delete_patient(
    session: Session, patient: WithdrawnPatient, places: OwnPlaces, *, actor: str
) -> Deletion:
    """Delete a patient in the caller's transaction, after the consent was withdrawn in it.

    Files are removed before the transaction commits: if it does not, the same call again finds
    them gone and goes on. Of a patient who was deleted before nothing is left to do.

    Raises
    ------
    UsageError
        If the patient is in data sets alone, or a file cannot be removed.
    """
    if patient.row is None:
        raise UsageError(
            "the patient has no case in the database, so there is nothing to delete in it",
            hint="Leave out --delete: the withdrawal takes them out of the data sets.",
        )
    found = plan_deletion(session, patient, places)
    if patient.deleted:
        return found
    images = session.scalars(select(Image).where(Image.case_id.in_(patient.cases))).all()
    files = [Path(one.root) / one.path for one in images]
    hashes = {one.sha256 for one in images} - {None}
    predictions = session.scalars(_predictions(patient)).all()
    readings = [Path(one.reading_path) for one in predictions if one.reading_path is not None]
    _empty_rows(session, patient, predictions, actor)
    _remove_files([*readings, *_uploaded(files, places.uploads)[0]], places.uploads)
    forget_images(places.cache, hashes)
    return found


def _predictions(patient: WithdrawnPatient) -> Any:
    return select(Prediction).where(Prediction.case_id.in_(patient.cases)).order_by(Prediction.id)


def _empty_rows(
    session: Session, patient: WithdrawnPatient, predictions: Iterable[Prediction], actor: str
) -> None:
    at = utc_now()
    for table in _REMOVED.values():
        session.execute(delete(table).where(table.case_id.in_(patient.cases)))
    for one in predictions:
        for name, value in emptied_prediction(
            one.recommendation, one.queue_urgency, one.reason_code
        ).items():
            setattr(one, name, value)
    for number in patient.cases:
        case = session.get_one(Case, number)
        waits = case.state in UNFINISHED_STATES
        for name, value in DELETED_FACTS.items():
            setattr(case, name, value)
        case.external_id = deleted_name(number)
        if waits:
            case.state, case.version = CaseState.UNGRADABLE, case.version + 1
        event = PatientDeleted(int(patient.row or 0), (number,))
        append_event(session, event, actor=actor, case_id=number, at=at)
    if not patient.cases:
        append_event(session, PatientDeleted(int(patient.row or 0), ()), actor=actor, at=at)
    session.execute(
        update(Patient)
        .where(Patient.id == patient.row)
        .values(external_id=deleted_name(int(patient.row or 0)), deleted_at=at)
    )
    session.flush()


def _uploaded(files: Iterable[Path], uploads: Path | None) -> tuple[list[Path], list[Path]]:
    """Files in the folder of uploads, and the others."""
    own: list[Path] = []
    left: list[Path] = []
    for path in files:
        (own if uploads is not None and is_below(path, uploads) else left).append(path)
    return own, left


def _remove_files(files: Iterable[Path], uploads: Path | None) -> None:
    for path in files:
        try:
            path.unlink(missing_ok=True)
            if uploads is not None and is_below(path.parent, uploads) and path.parent != uploads:
                path.parent.rmdir()
        except OSError as error:
            if path.exists():
                raise UsageError(
                    f"a file of the case cannot be removed ({error.strerror}); nothing was stored",
                    hint="Make its folder writable, and run the same command again.",
                ) from error
