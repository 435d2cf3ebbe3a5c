"""Scored cases as the records that the case database takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from triage.data.manifest import Case
from triage.decision import Decision
from triage.decisions.differential import DIFFERENTIAL_LENGTH
from triage.errors import StoreError
from triage.hashing import hash_file
from triage.imaging.provenance import FileProvenance
from triage.intake.new_cases import ScoredCase
from triage.intake.rejected_case import rejected_decision
from triage.store import CaseRecord, ImageRecord, Laterality, Modality, ReadingRecord
from triage.systems.scored import Scored
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.subgroup_levels import UNKNOWN


def case_records(
    cases: Sequence[Case],
    scored: Scored,
    modality: Modality,
    root: Path,
    source: str,
    received: datetime,
) -> tuple[list[ScoredCase], dict[str, StoreError]]:
    """Return what to store of each case, and why others cannot be stored, by their names.

    Done before any transaction, since readings are hashed.
    """
    table = _decision_rows(scored)
    diagnoses = _diagnoses(scored)
    records: list[ScoredCase] = []
    refused: dict[str, StoreError] = {}
    for case in cases:
        try:
            decision = _decision(case.case_id, scored, table, diagnoses)
            images = tuple(_image(path, root, scored) for path in case.images)
            reading = _reading(scored.readings.get(case.case_id))
            decoded = case.case_id in table
            record = _case(case, images, source, received, modality, decoded)
            records.append(ScoredCase(record, decision, reading))
        except StoreError as error:
            refused[case.case_id] = error
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
