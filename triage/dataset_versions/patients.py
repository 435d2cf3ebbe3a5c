"""The patient whose data are withdrawn, by the identifier that their source gives them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.data.identifiers import clean_text
from triage.dataset_versions.version import case_key, patient_key
from triage.errors import UsageError
from triage.ledger.events.learning_events import ConsentWithdrawn
from triage.store.learning_tables import DatasetMemberRow, DatasetVersionRow
from triage.store.tables import Case, Patient
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType
from triage.vocabulary.reserved_names import CASE_PREFIX

_NOT_FOUND = (
    "Check the identifier, and name where the data come from (--source): source_name of the data "
    "spec, or its name."
)


@dataclass(frozen=True, slots=True)
class WithdrawnPatient:
    """A patient of the case database, of its data sets, or of both.

    Parameters
    ----------
    key : str
    row : int or None
        Of `patient`; None where the patient is in data sets alone.
    cases : tuple of int
        Rows of `case`.
    withdrawn : bool
        Whether the consent was withdrawn before.
    deleted : bool
        Whether what was stored of the patient was deleted before.
    """

    key: str
    row: int | None
    cases: tuple[int, ...]
    withdrawn: bool = False
    deleted: bool = False


def find_patient(
    session: Session,
    *,
    patient: str | None = None,
    case: str | None = None,
    source: str | None = None,
) -> WithdrawnPatient:
    """Return the patient that an identifier of theirs, or of a case of theirs, names.

    Parameters
    ----------
    session : Session
    patient, case : str, optional
        Identifiers in the source; one of them.
    source : str, optional
        By default the only one that has the identifier.

    Raises
    ------
    UsageError
        If nobody has the identifier, or several sources have it.
    """
    if (patient is None) == (case is None):
        raise UsageError("name either a patient or a case", hint="Give --patient or --case.")
    name = clean_text(str(patient if case is None else case))
    sources = [source] if source is not None else _sources(session)
    found: dict[str, WithdrawnPatient] = {}
    for place in sources:
        named = [name] if case is None else _patients_of_case(session, place, name)
        keys = {patient_key(place, one): one for one in named}
        if case is not None:
            keys |= dict.fromkeys(_keys_of_case(session, place, name), "")
        for key, one in keys.items():
            known = _known(session, place, one, key)
            if known is not None:
                found[key] = known
    option = "--patient" if case is None else "--case"
    if not found:
        raise UsageError("nothing is stored under this identifier", where=option, hint=_NOT_FOUND)
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} sources have this identifier",
            where=option,
            hint="Name the source (--source).",
        )
    return next(iter(found.values()))


def _sources(session: Session) -> list[str]:
    """The sources of the database, and the names of specs, which their cases are from by default.

    Also after a deletion, since the row of the patient keeps its source.
    """
    of_cases = session.scalars(select(Patient.source).distinct()).all()
    of_specs = session.scalars(select(DatasetVersionRow.spec_name).distinct()).all()
    return sorted({*of_cases, *of_specs})


def _patients_of_case(session: Session, source: str, name: str) -> list[str]:
    """The patient of a stored case, or the one that a case without a patient stands for."""
    stored = session.scalar(
        select(Patient.external_id)
        .join(Case, Case.patient_id == Patient.id)
        .where(Case.source == source, Case.external_id == name)
    )
    return [f"{CASE_PREFIX}{name}" if stored is None else stored]


def _keys_of_case(session: Session, source: str, name: str) -> list[str]:
    """Key of the patient of a case of a data set."""
    query = select(DatasetMemberRow.patient_key).where(
        DatasetMemberRow.case_key == case_key(source, name)
    )
    return list(session.scalars(query.distinct()))


def _known(session: Session, source: str, name: str, key: str) -> WithdrawnPatient | None:
    """The patient of a key; `name` is '' where only the key is known."""
    row = session.scalar(
        select(Patient).where(Patient.source == source, Patient.external_id == name)
    )
    events = [
        event
        for _, _, _, event in typed_events(session, EventType.CONSENT_WITHDRAWN)
        if isinstance(event, ConsentWithdrawn) and event.patient_key == key
    ]
    if row is None:  # the identifier of a deleted patient is no longer there
        numbers = [event.patient for event in events if event.patient is not None]
        row = session.get(Patient, numbers[0]) if numbers else None
    if row is not None:
        cases = session.scalars(select(Case.id).where(Case.patient_id == row.id).order_by(Case.id))
        withdrawn = row.consent_withdrawn_at is not None
        return WithdrawnPatient(key, row.id, tuple(cases), withdrawn, row.deleted_at is not None)
    in_sets = select(DatasetMemberRow.id).where(DatasetMemberRow.patient_key == key).limit(1)
    if events or session.scalar(in_sets) is not None:
        return WithdrawnPatient(key, None, (), bool(events))
    return None
