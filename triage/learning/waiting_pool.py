"""Cases of the database whose label may be asked for, and why the others may not be."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from triage.data.manifest import Case as ManifestCase
from triage.dataset_versions.version import case_key, patient_key
from triage.labels.reviewed_cases import file_problem
from triage.store.learning_tables import DatasetMemberRow, FrozenCaseRow, LabelRequestRow
from triage.store.records import ImageRecord
from triage.store.tables import Activity, Case, Label, PlantedCase
from triage.vocabulary.case_states import WAITING_STATES, CaseState
from triage.vocabulary.learning import MemberSplit
from triage.vocabulary.modality import Modality
from triage.vocabulary.subgroup_levels import UNKNOWN

HELD_OUT = (MemberSplit.VALIDATION, MemberSplit.TEST, MemberSplit.GATE, MemberSplit.FROZEN)
"""Splits whose cases, patients and pictures are never asked for as training cases."""
FEWEST_READS = 10
"""Reads that a median reading time needs."""


class NotInPool(StrEnum):
    """Why a waiting case is not asked for."""

    CONSENT = "consent_withdrawn"
    MEASURES = "kept_for_measurement"
    """Planted, or of a patient or picture of a validation, test, gate or frozen case."""
    IN_DATA_SET = "in_a_data_set"
    LABELLED = "labelled"
    REQUESTED = "asked_for_already"
    OPINION_SHOWN = "opinion_shown"
    """A label given now would be one of a reader who may have seen the opinion."""
    FILES = "files_changed_or_missing"
    OTHER_MODALITY = "other_modality"


@dataclass(frozen=True)
class WaitingCase:
    """A case that may be asked for.

    Parameters
    ----------
    number : int
        In the database.
    external_id, source : str
    case : Case
        As a system scores it; its `case_id` is the number.
    """

    number: int
    external_id: str
    source: str
    case: ManifestCase

    @property
    def key(self) -> str:
        """Name that breaks ties, the same in every database."""
        return case_key(self.source, self.external_id)


@dataclass(frozen=True)
class WaitingPool:
    """What may be asked for, and how many waiting cases may not be, by reason.

    `knows_data_sets` is whether a data set version is recorded, from which held-out cases are told.
    """

    cases: tuple[WaitingCase, ...]
    left_out: dict[str, int] = field(default_factory=dict)
    knows_data_sets: bool = True


def waiting_pool(session: Session, modality: Modality, *, check_files: bool = True) -> WaitingPool:
    """Return the waiting cases without a label whose label may train.

    Parameters
    ----------
    session : Session
    modality : Modality
        Of the system that scores them.
    check_files : bool
        Whether files are compared with the hashes of what was received.
    """
    rows = session.scalars(
        select(Case)
        .where(Case.state.in_(WAITING_STATES))
        .options(joinedload(Case.patient), selectinload(Case.images))
        .order_by(Case.id)
    ).all()
    labelled = {
        *session.scalars(select(Label.case_id).where(Label.withdrawn_at.is_(None)).distinct())
    }
    planted = {*session.scalars(select(PlantedCase.case_id))}
    asked = {
        *session.scalars(
            select(LabelRequestRow.case_id).where(LabelRequestRow.closed_at.is_(None)).distinct()
        )
    }
    sets = _members(session)
    kept, left_out = [], Counter[str]()
    for row in rows:
        reason = _reason(row, modality, sets)
        if reason is None and row.id in planted:
            reason = NotInPool.MEASURES
        if reason is None and row.id in labelled:
            reason = NotInPool.LABELLED
        if reason is None and row.id in asked:
            reason = NotInPool.REQUESTED
        if reason is None and check_files and not _as_received(row):
            reason = NotInPool.FILES
        if reason is None:
            kept.append(WaitingCase(row.id, row.external_id, row.source, _manifest_case(row)))
        else:
            left_out[str(reason)] += 1
    return WaitingPool(tuple(kept), dict(sorted(left_out.items())), bool(sets.cases))


@dataclass(frozen=True)
class _Members:
    """Keys of all cases in data sets; keys of held-out cases and patients, and their pictures."""

    cases: frozenset[str]
    held_out: frozenset[str]


def _members(session: Session) -> _Members:
    rows = session.execute(
        select(
            DatasetMemberRow.case_key,
            DatasetMemberRow.patient_key,
            DatasetMemberRow.split,
            DatasetMemberRow.images,
        )
    ).all()
    frozen = session.execute(
        select(FrozenCaseRow.case_key, FrozenCaseRow.patient_key, FrozenCaseRow.images)
    ).all()
    held_out: set[str] = set()
    for case, patient, split, images in rows:
        if split in HELD_OUT:
            held_out |= {case, patient, *images}
    for case, patient, images in frozen:
        held_out |= {case, patient, *images}
    return _Members(frozenset(row.case_key for row in rows), frozenset(held_out))


def _reason(row: Case, modality: Modality, sets: _Members) -> NotInPool | None:
    key = case_key(row.source, row.external_id)
    names = {
        key,
        patient_key(row.source, row.patient.external_id),
        *(image.sha256 for image in row.images if image.sha256),
    }
    if row.patient.consent_withdrawn_at is not None or row.patient.deleted_at is not None:
        return NotInPool.CONSENT
    if row.modality != modality:
        return NotInPool.OTHER_MODALITY
    if names & sets.held_out:
        return NotInPool.MEASURES
    if key in sets.cases:
        return NotInPool.IN_DATA_SET
    if row.state == CaseState.REVEALED:
        return NotInPool.OPINION_SHOWN
    return None


def _as_received(row: Case) -> bool:
    images = [ImageRecord(image.path, image.root, image.sha256) for image in row.images]
    return bool(images) and all(file_problem(image) is None for image in images)


def _manifest_case(row: Case) -> ManifestCase:
    return ManifestCase(
        case_id=str(row.id),
        patient_id=str(row.patient_id),
        cluster=f"patient:{row.patient_id}",
        images=tuple(Path(image.root) / image.path for image in row.images),
        condition=None,
        subgroups={axis: str(level or UNKNOWN) for axis, level in row.groups.items()},
        root=Path(row.images[0].root) if row.images else None,
    )


def reading_minutes(session: Session, cases: Sequence[WaitingCase]) -> tuple[list[float], bool]:
    """Return the reading time that each case is expected to take, in minutes.

    Returns
    -------
    minutes : list of float
        The median over the reads of its source, where it has `FEWEST_READS`, else over those of all
        sources; 1 where there are too few in all.
    measured : bool
        Whether any was measured.
    """
    rows = session.execute(
        select(Case.source, Activity.seconds_before + Activity.seconds_after).join(
            Case, Activity.case_id == Case.id
        )
    ).all()
    by_source: dict[str, list[float]] = {}
    for source, seconds in rows:
        if seconds > 0:
            by_source.setdefault(source, []).append(seconds / 60)
    everywhere = _median(minutes for given in by_source.values() for minutes in given)
    medians = {source: _median(given) for source, given in by_source.items()}
    found = [medians.get(case.source) or everywhere or 1.0 for case in cases]
    return found, everywhere is not None


def _median(minutes: Iterable[float]) -> float | None:
    given = list(minutes)
    return statistics.median(given) if len(given) >= FEWEST_READS else None
