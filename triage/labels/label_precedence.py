"""Which label of a case counts, where it has several."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.labels.reviewed_cases import ReviewedCase
from triage.labels.usable import UsableLabel
from triage.store import LabelSource, TrainingLabel
from triage.store.label_strength import strongest
from triage.vocabulary.subgroup_levels import UNKNOWN


def cases_of_labels(
    labels: Iterable[TrainingLabel], spec: DataSpec
) -> tuple[list[ReviewedCase], int]:
    """Return one training case a labelled case, and how many have contradicting labels.

    Parameters
    ----------
    labels : iterable of TrainingLabel
        Oldest first. A case may have several; the strongest kind counts: histology, adjudicated,
        blind, given with the AI visible. Of reads, only the newest of each person counts: of a case
        read without AI, the first read and the decision are both blind, and the decision is what
        the reader came to. Cases whose strongest labels disagree are left out and counted.
    spec : DataSpec
        Labels of conditions that it does not list train nothing.
    """
    by_case: dict[tuple[str, str], list[TrainingLabel]] = {}
    for label in labels:
        by_case.setdefault((label.case_source, label.case), []).append(label)
    cases, conflicts = [], 0
    for found in by_case.values():
        counting = strongest(found)
        named = {label.condition for label in counting}
        if len(named) > 1:
            conflicts += 1
        elif named <= spec.by_name.keys():
            label = counting[0]
            cases.append(ReviewedCase(_case(label), label.case_source, label.images))
    return cases, conflicts


def _case(label: TrainingLabel) -> Case:
    return Case(
        case_id=label.case,
        patient_id=label.patient,
        cluster=f"patient:{label.patient}",
        images=tuple(Path(image.root) / image.path for image in label.images),
        condition=label.condition,
        subgroups={axis: str(level or UNKNOWN) for axis, level in label.groups.items()},
        diagnoses=dict(label.diagnoses),
        root=Path(label.images[0].root) if label.images else None,
        votes=_votes(label),
    )


def _votes(label: TrainingLabel) -> dict[str, int]:
    """Votes that a case may be trained towards: not beside a finding of histology."""
    known = label.provenance if isinstance(label, UsableLabel) else None
    if known is None or known.source is LabelSource.HISTOLOGY:
        return {}
    return dict(known.votes)
