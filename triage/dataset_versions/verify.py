"""Whether a data set still is what a version of it states."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from triage.data.dataset import Dataset
from triage.dataset_versions.file_content import content_hash
from triage.dataset_versions.leaks import leaks
from triage.dataset_versions.snapshot import table_label_hash
from triage.dataset_versions.version import DatasetMember, DatasetVersion, case_key, patient_key
from triage.progress import Progress, counting
from triage.store.tables import Case, Patient
from triage.vocabulary.learning import Consent

_SHOWN = 12  # digits of a key


class PresentCase(NamedTuple):
    """A case as it is now.

    Parameters
    ----------
    patient_key : str
    images : tuple of (Path, Path or None)
        Each with the folder that it may not leave.
    condition, table_label, licence, consent
        None where the place that the case comes from does not state it.
    """

    patient_key: str
    images: tuple[tuple[Path, Path | None], ...]
    condition: str | None = None
    table_label: str | None = None
    licence: str | None = None
    consent: Consent | None = None


class VersionCheck(BaseModel):
    """What was found.

    Parameters
    ----------
    root : str
    members : int
    findings : tuple of str
        One sentence each; they name cases by position and the beginning of their key.
    new_cases : int
        Cases of the data that the version does not have; no finding.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: str
    members: int
    findings: tuple[str, ...]
    new_cases: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify_version(
    version: DatasetVersion,
    present: Mapping[str, PresentCase],
    *,
    withdrawn: Collection[str] = (),
    own: Collection[str] = (),
    progress: Progress = lambda *_: None,
) -> VersionCheck:
    """Compare a version with the data as they are now; every file is hashed again.

    Parameters
    ----------
    version : DatasetVersion
        Its root was checked when it was made or read.
    present : mapping of str to PresentCase
        By case key, of `cases_of_table` and `cases_of_store`.
    withdrawn : collection of str
        Keys of patients who withdrew their consent.
    own : collection of str
        Keys of `present` that could be in the version; those that are not are counted.
    progress : Progress
    """
    findings = [f"leak: {found}" for found in leaks(version)]
    tick = counting(progress, "verifying", len(version.members))
    for position, member in enumerate(version.members, 1):
        name = f"case {position} ({member.case_key[:_SHOWN]})"
        case = present.get(member.case_key)
        found = ["is not in the data any more"] if case is None else _differences(member, case)
        if member.patient_key in withdrawn:
            found.append("the consent of its patient is withdrawn")
        findings += [f"{name}: {what}" for what in found]
        tick(1)
    keys = {member.case_key for member in version.members}
    return VersionCheck(
        root=version.root,
        members=len(version.members),
        findings=tuple(findings),
        new_cases=len(set(own) - keys),
    )


def _differences(member: DatasetMember, case: PresentCase) -> list[str]:
    found = []
    if case.patient_key != member.patient_key:
        found.append("it is another patient's")
    if len(case.images) != len(member.images):
        found.append(f"it has {len(case.images)} images, not {len(member.images)}")
    for number, ((path, root), sha256) in enumerate(
        zip(case.images, member.images, strict=False), 1
    ):
        if content_hash(path, root) != sha256:
            found.append(f"image {number} has another content, or cannot be read")
    if case.condition is not None and case.condition != member.condition:
        found.append("its condition is another")
    elif case.table_label is not None and case.table_label != member.label_hash:
        found.append("its label has another provenance")
    if case.licence is not None and case.licence != member.licence:
        found.append("its licence is another")
    if case.consent is not None and case.consent is not member.consent:
        found.append(f"its consent is {case.consent}, not {member.consent}")
    return found


def cases_of_table(dataset: Dataset) -> dict[str, PresentCase]:
    """Return the cases of a data set's table, by key."""
    source = dataset.spec.case_source
    return {
        case_key(source, case.case_id): PresentCase(
            patient_key=patient_key(source, case.patient_id),
            images=tuple((path, case.root) for path in case.images),
            condition=case.condition,
            table_label=table_label_hash(case),
            licence=case.licence or dataset.spec.licence,
            consent=case.consent,
        )
        for case in dataset.cases
    }


def cases_of_store(session: Session) -> dict[str, PresentCase]:
    """Return the cases of the case database, by key, without those of deleted patients."""
    query = (
        select(Case)
        .join(Case.patient)
        .options(joinedload(Case.patient), selectinload(Case.images))
        .where(Patient.deleted_at.is_(None))
        .execution_options(yield_per=1000)
    )
    return {
        case_key(row.source, row.external_id): PresentCase(
            patient_key=patient_key(row.source, row.patient.external_id),
            images=tuple((Path(one.root) / one.path, Path(one.root)) for one in row.images),
        )
        for row in session.scalars(query)
    }
