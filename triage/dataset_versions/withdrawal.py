"""Consent of a patient is withdrawn: no case of theirs trains or is measured on any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from triage.dataset_versions.leaks import TRAINED_ON
from triage.dataset_versions.patients import WithdrawnPatient
from triage.dataset_versions.stored_versions import add_version, latest_version
from triage.dataset_versions.version import DatasetVersion
from triage.ledger.events.learning_events import ConsentWithdrawn
from triage.store.base import utc_now
from triage.store.label_requests import close_label_requests
from triage.store.learning_tables import (
    DatasetMemberRow,
    DatasetVersionRow,
    FrozenCaseRow,
    LabelRequestRow,
    TrainingRunRow,
)
from triage.store.ledger import append_event
from triage.store.tables import Bundle, Label, Patient

CONSENT_REASON = "consent withdrawn"


@dataclass(frozen=True, slots=True)
class AffectedBundle:
    """A bundle that was trained on a case of the patient: its digest, name and alias."""

    digest: str
    name: str
    alias: str | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal concerns, or did.

    Parameters
    ----------
    patient_key : str
    already : bool
        Whether the consent was withdrawn before.
    cases : int
        Of the case database.
    labels : int
        Standing labels, which train no more.
    label_requests : int
        Open requests, which are closed.
    frozen_cases : int
        That leave the frozen regression set.
    versions : tuple of str
        Roots of the versions that hold cases of the patient, the oldest first.
    bundles : tuple of AffectedBundle
        Trained on one of them.
    new_versions : tuple of str
        Roots of the versions made without the patient.
    emptied : tuple of str
        Specs of which no case would be left, so that no version was made.
    """

    patient_key: str
    already: bool
    cases: int
    labels: int
    label_requests: int
    frozen_cases: int
    versions: tuple[str, ...]
    bundles: tuple[AffectedBundle, ...]
    new_versions: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return its fields as plain JSON types."""
        return asdict(self)


def plan_withdrawal(session: Session, patient: WithdrawnPatient) -> Withdrawal:
    """Say what withdrawing a patient's consent would concern; nothing is changed."""
    key = patient.key
    return Withdrawal(
        patient_key=key,
        already=patient.withdrawn,
        cases=len(patient.cases),
        labels=session.scalar(
            select(func.count())
            .select_from(Label)
            .where(Label.case_id.in_(patient.cases), Label.withdrawn_at.is_(None))
        )
        or 0,
        label_requests=session.scalar(
            select(func.count())
            .select_from(LabelRequestRow)
            .where(LabelRequestRow.case_id.in_(patient.cases), LabelRequestRow.closed_at.is_(None))
        )
        or 0,
        frozen_cases=session.scalar(
            select(func.count())
            .select_from(FrozenCaseRow)
            .where(FrozenCaseRow.patient_key == key, FrozenCaseRow.withdrawn_at.is_(None))
        )
        or 0,
        versions=tuple(_versions(session, key)),
        bundles=_bundles(session, key),
    )


def withdraw_consent(session: Session, patient: WithdrawnPatient, *, actor: str) -> Withdrawal:
    """Withdraw a patient's consent in the caller's transaction; again it changes nothing.

    The patient's row is marked, so that labels train no more; requests for labels are closed; the
    frozen cases leave their set; of every data set that held a case a version without them is made.
    """
    found = plan_withdrawal(session, patient)
    at = utc_now()
    if not found.already:
        if patient.row is not None:
            session.execute(
                update(Patient)
                .where(Patient.id == patient.row, Patient.consent_withdrawn_at.is_(None))
                .values(consent_withdrawn_at=at)
            )
        event = ConsentWithdrawn(
            patient.row,
            patient.key,
            found.versions,
            tuple(bundle.digest for bundle in found.bundles),
        )
        append_event(session, event, actor=actor, at=at)
    for case_id in patient.cases:
        close_label_requests(session, case_id, CONSENT_REASON, actor=actor)
    session.execute(
        update(FrozenCaseRow)
        .where(FrozenCaseRow.patient_key == patient.key, FrozenCaseRow.withdrawn_at.is_(None))
        .values(withdrawn_at=at)
    )
    made, emptied = _without(session, patient.key, actor)
    return Withdrawal(**{**_fields(found), "new_versions": made, "emptied": emptied})


def _fields(found: Withdrawal) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Withdrawal.__dataclass_fields__}


def _without(session: Session, key: str, actor: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make a version without the patient of each data set whose newest one has a case of theirs."""
    made, emptied = [], []
    for name in session.scalars(
        select(DatasetVersionRow.spec_name).distinct().order_by(DatasetVersionRow.spec_name)
    ).all():
        newest = latest_version(session, name)
        if newest is None or all(member.patient_key != key for member in newest.members):
            continue
        rest = [member for member in newest.members if member.patient_key != key]
        if not rest:
            emptied.append(name)
            continue
        version = DatasetVersion.of_members(name, newest.spec_hash, rest, newest.root)
        # Unlike `store_version`: an old fault of the data must not keep a patient in.
        add_version(session, version, actor=actor, reason=CONSENT_REASON)
        made.append(version.root)
    return tuple(made), tuple(emptied)


def _versions(session: Session, key: str) -> Iterable[str]:
    holds = select(DatasetMemberRow.version_id).where(DatasetMemberRow.patient_key == key)
    return session.scalars(
        select(DatasetVersionRow.root)
        .where(DatasetVersionRow.id.in_(holds))
        .order_by(DatasetVersionRow.id)
    )


def _bundles(session: Session, key: str) -> tuple[AffectedBundle, ...]:
    trained = select(DatasetMemberRow.version_id).where(
        DatasetMemberRow.patient_key == key, DatasetMemberRow.split.in_(TRAINED_ON)
    )
    query = (
        select(Bundle.digest, Bundle.name, Bundle.alias)
        .where(
            Bundle.id.in_(
                select(TrainingRunRow.challenger_id).where(
                    TrainingRunRow.dataset_version_id.in_(trained)
                )
            )
        )
        .order_by(Bundle.id)
    )
    return tuple(AffectedBundle(*row) for row in session.execute(query))
