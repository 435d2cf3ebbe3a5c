"""Cases that may be shown to readers of other cases, and the label under which they may be.

A case is shown only once it is signed: before, somebody may still read it without knowing what
others said of it, and undoing a decision or handing a case over can bring it to anybody. What is
shown is its strongest label: histology, the outcome of an adjudication, or reads given without
the AI. Labels given with the AI visible are not shown: a system's error that readers followed
would come back as evidence for the same error. They only take away: a read without the AI that
differs from a decision made with it is left out, as every contradiction is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from sqlalchemy import SelectBase, select
from sqlalchemy.orm import Session

from triage.store.label_strength import newest_reads, strongest
from triage.store.planted import of_planted_case
from triage.store.tables import Case, Label, Patient
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.read_answers import NOT_LISTED
from triage.vocabulary.reader_names import reader_key

CLOSED = (CaseState.SIGNED, CaseState.EXPORTED, CaseState.AMENDED)
"""States of cases that nobody will read again."""


class LabelEvidence(StrEnum):
    """What a label rests on, the strongest first."""

    HISTOLOGY = "histology"
    ADJUDICATED = "adjudicated"
    """Readers who disagreed, and came to an agreement, or a senior reader who decided."""
    SEVERAL_READERS = "several_readers"
    """Readers who agreed, each without the AI."""
    ONE_READER = "one_reader"
    """One reader, without the AI."""


@dataclass(frozen=True, slots=True)
class LabelledCase:
    """A case with the label that counts.

    Parameters
    ----------
    case_id, patient_id : int
    conditions : tuple of str
        Alphabetical; several only where they may occur together.
    evidence : LabelEvidence
    """

    case_id: int
    patient_id: int
    conditions: tuple[str, ...]
    evidence: LabelEvidence


@dataclass(frozen=True, slots=True)
class _Given:
    label: int
    condition: str
    source: LabelSource
    given_by: str
    read_id: int | None


def labelled_cases(
    session: Session, among: SelectBase | Collection[int]
) -> dict[int, LabelledCase]:
    """Return the cases that may be shown with their label, by number.

    Neither planted cases are among them, nor those of patients who withdrew their consent, nor
    cases whose strongest labels contradict each other, nor those for which no condition of the
    system fits.

    Parameters
    ----------
    among : select of numbers of cases, or collection of int
        Only these are looked at.
    """
    query = (
        select(
            Label.case_id,
            Case.patient_id,
            Label.id,
            Label.condition,
            Label.source,
            Label.given_by,
            Label.read_id,
        )
        .join(Case, Label.case_id == Case.id)
        .join(Patient, Case.patient_id == Patient.id)
        .where(
            Label.withdrawn_at.is_(None),
            Patient.consent_withdrawn_at.is_(None),
            Case.state.in_(CLOSED),
            ~of_planted_case(Label.case_id),
            Label.case_id.in_(among),
        )
        .order_by(Label.case_id, Label.id)
    )
    found = {}
    by_case = groupby(session.execute(query), lambda row: (row.case_id, row.patient_id))
    for (case_id, patient_id), rows in by_case:
        counted = _counted(
            [
                _Given(row.id, row.condition, LabelSource(row.source), row.given_by, row.read_id)
                for row in rows
            ]
        )
        if counted is not None:
            found[case_id] = LabelledCase(case_id, patient_id, *counted)
    return found


def _counted(labels: list[_Given]) -> tuple[tuple[str, ...], LabelEvidence] | None:
    """The conditions that a case's labels agree on, and what they rest on."""
    counting = strongest(labels) if len(labels) > 1 else labels
    source = counting[0].source
    if source is LabelSource.AI_VISIBLE:
        return None
    statements = _statements(counting)
    stated = {*statements.values()}
    if source is LabelSource.BLIND:
        visible = (label for label in labels if label.source is LabelSource.AI_VISIBLE)
        stated |= {*_statements(newest_reads(visible)).values()}
    if len(stated) != 1:
        return None
    (conditions,) = stated
    if NOT_LISTED in conditions:
        return None
    return tuple(sorted(conditions)), _evidence(source, len(statements))


def _evidence(source: LabelSource, statements: int) -> LabelEvidence:
    if source is LabelSource.BLIND:
        return LabelEvidence.ONE_READER if statements == 1 else LabelEvidence.SEVERAL_READERS
    return LabelEvidence(source.value)


def _statements(labels: Iterable[_Given]) -> dict[str | int, frozenset[str]]:
    """What each person stated in one read; a label that comes from no read stands alone."""
    by_person: dict[str | int, set[str]] = {}
    for label in labels:
        key = label.label if label.read_id is None else reader_key(label.given_by)
        by_person.setdefault(key, set()).add(label.condition)
    return {key: frozenset(names) for key, names in by_person.items()}
