"""A case that a person adds by its files, with the checks of a table of cases.

No bundle has scored it, so it waits like a case on which the AI abstained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor
from triage.accounts.store_permission import require_for
from triage.data.case_facts import MAX_AGE
from triage.data.identifier_damage import damage_of
from triage.data.identifiers import clean_text, is_missing, is_no_identifier
from triage.data.spec import MAX_SOURCE_NAME
from triage.decoding.file_report import FileReport
from triage.errors import TriageError
from triage.intake.upload_folder import (
    FileProblem,
    FilesRefused,
    GivenFile,
    StoredFiles,
    stored_files,
)
from triage.modalities import MODALITIES
from triage.store import CaseRecord, ImageRecord, Store, add_case, find_case
from triage.store.tables import Case, Image
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.modality import Modality
from triage.vocabulary.reserved_names import is_reserved

LONGEST_NAME = 100
"""Characters of a case's or a patient's name."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What a person states of a case.

    Parameters
    ----------
    source : str
        The site that the case comes from.
    modality : Modality
    case : str
        Name of the case in its site; '' to have one made.
    patient : str
        The patient's pseudonym; '' without one.
    age : float, optional
        In years.
    laterality : Laterality, optional
    groups : mapping of str to str
        Such as sex and body site; without those that are not known.
    """

    source: str
    modality: Modality
    case: str = ""
    patient: str = ""
    age: float | None = None
    laterality: Laterality | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


class FactsRefused(TriageError):
    """What was stated of a case cannot be stored."""


@dataclass(frozen=True, slots=True)
class AddedCase:
    """A case in the store.

    Parameters
    ----------
    case_id : int
    name : str
    was_there : bool
        Whether it was stored before, so that nothing was added.
    """

    case_id: int
    name: str
    was_there: bool


def possible_modalities(reports: Sequence[FileReport]) -> tuple[Modality, ...]:
    """Return as what readable files can be stored, the most likely first; empty for none.

    A case is one volume or several pictures, never both.
    """
    volumes = [report.volume is not None for report in reports]
    if not reports or (any(volumes) and len(reports) > 1):
        return ()
    of_volumes = volumes[0]
    found = [one for one in Modality if MODALITIES[one].volumes is of_volumes]
    if not of_volumes and all(report.channels == 1 for report in reports):
        found.reverse()  # grey pictures are more likely B-scans
    return tuple(found)


def warnings_on(facts: CaseFacts) -> list[str]:
    """Return what is probably wrong with the names of a case and its patient, in sentences."""
    named = (("The patient's pseudonym", facts.patient), ("The name of the case", facts.case))
    return [
        f"{what} looks like {damage}. A name must not identify the patient."
        for what, name in named
        if (damage := damage_of(clean_text(name))) is not None
    ]


def add_uploaded_case(
    store: Store, folder: Path, files: Sequence[GivenFile], facts: CaseFacts, actor: Actor
) -> AddedCase:
    """Store files and a case made of them; all of it or nothing.

    Parameters
    ----------
    store : Store
    folder : Path
        Of the server, see `triage.intake.upload_folder.prepare_folder`.
    files : sequence of GivenFile
        In reading order.
    facts : CaseFacts
    actor : Actor

    Returns
    -------
    AddedCase
        Where files of the same content are stored as a case of the same site already, that one.

    Raises
    ------
    PermissionDenied
        If the actor may not.
    FilesRefused
        If a file is refused, or they are no case together.
    FactsRefused
        If a name, a site or an age cannot be stored, or another case has the name.
    UsageError
        If the server cannot write the files.
    """
    require_for(store, actor, Action.UPLOAD_CASE)
    facts = _checked(facts)
    try:
        with stored_files(folder, files) as stored:
            if facts.modality not in possible_modalities(stored.reports):
                raise FilesRefused([FileProblem(None, _no_case(stored.reports))])
            record = _record(folder, stored, facts)
            added = store.write(lambda session: _add(session, record, actor))
            if added.was_there:
                raise _StoredBefore(added)  # the new files are deleted again
    except _StoredBefore as there:
        return there.case
    return added


class _StoredBefore(Exception):
    def __init__(self, case: AddedCase) -> None:
        self.case = case
        super().__init__()


def _checked(facts: CaseFacts) -> CaseFacts:
    source = clean_text(facts.source)
    if not source or len(source) > MAX_SOURCE_NAME or not source.isprintable():
        raise FactsRefused("The site has no name that can be stored.", where="site")
    names = {}
    for name, text in (("case", facts.case), ("patient", facts.patient)):
        clean = "" if is_no_identifier(text) else clean_text(text)
        if is_reserved(clean) or len(clean) > LONGEST_NAME or not clean.isprintable():
            raise FactsRefused("This name cannot be stored.", where=name, hint="Give another.")
        names[name] = clean
    if facts.age is not None and not 0 <= facts.age <= MAX_AGE:
        raise FactsRefused(f"An age is between 0 and {MAX_AGE:.0f} years.", where="age")
    groups = {name: clean_text(value) for name, value in facts.groups.items()}
    for name, value in groups.items():
        if len(value) > LONGEST_NAME or not value.isprintable():
            raise FactsRefused("This cannot be stored.", where=name.replace("_", " "))
    return CaseFacts(
        source=source,
        modality=facts.modality,
        case=names["case"],
        patient=names["patient"],
        age=facts.age,
        laterality=facts.laterality,
        groups={name: value for name, value in groups.items() if not is_missing(value)},
    )


def _no_case(reports: Sequence[FileReport]) -> str:
    if len(reports) > 1 and any(report.volume is not None for report in reports):
        return "An OCT volume is a case of its own: give one volume, or pictures only."
    return "The files are of another kind than was stated."


def _record(folder: Path, stored: StoredFiles, facts: CaseFacts) -> CaseRecord:
    root = folder.resolve()
    images = tuple(
        ImageRecord(f"{stored.folder.name}/{name}", str(root), report.sha256, report.flags)
        for name, report in zip(stored.names, stored.reports, strict=True)
    )
    return CaseRecord(
        external_id=facts.case or stored.folder.name,
        source=facts.source,
        images=images,
        patient=facts.patient or None,
        groups=dict(facts.groups),
        modality=facts.modality,
        id_derived=not facts.case,
        laterality=facts.laterality,
        age=facts.age,
    )


def _add(session: Session, record: CaseRecord, actor: Actor) -> AddedCase:
    if (found := _of_same_content(session, record)) is not None:
        return found
    if find_case(session, record.source, record.external_id) is not None:
        raise FactsRefused(
            "Another case of this site has this name.", where="case", hint="Give another name."
        )
    number = add_case(session, record, actor=actor.name)
    return AddedCase(number, record.external_id, was_there=False)


def _of_same_content(session: Session, record: CaseRecord) -> AddedCase | None:
    """Return the case of the same site and kind that has the same images, in whatever order."""
    rows = session.execute(
        select(Case.id, Case.external_id)
        .join(Image, Image.case_id == Case.id)
        .where(
            Image.sha256 == record.hashes[0],
            Case.source == record.source,
            Case.modality == record.modality,
        )
        .order_by(Case.id)
    )
    for number, name in rows.all():
        hashes = session.scalars(select(Image.sha256).where(Image.case_id == number)).all()
        if sorted(map(str, hashes)) == sorted(map(str, record.hashes)):
            return AddedCase(number, name, was_there=True)
    return None
