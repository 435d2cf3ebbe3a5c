"""The labels of the case database that may train, one case each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from triage.data.spec import DataSpec
from triage.hashing import hash_json
from triage.labels.label_precedence import cases_of_labels
from triage.labels.label_rule import LabelRule
from triage.labels.reviewed_cases import ReviewedCase
from triage.labels.spec_classes import with_spec_classes
from triage.labels.usable import UsableLabel, usable_labels
from triage.store import LabelSource, TrainingLabel
from triage.vocabulary.reader_names import reader_key


@dataclass(frozen=True)
class ReviewedLabels:
    """Labelled cases of the database, with what their labels are.

    Parameters
    ----------
    cases : tuple of ReviewedCase
    hashes : dict of str
        Hash of the label with its provenance, by source and case.
    kinds : dict of str
        Source of the label that counts, by source and case.
    counts : dict
        Of plain JSON types.
    """

    cases: tuple[ReviewedCase, ...]
    hashes: dict[tuple[str, str], str]
    kinds: dict[tuple[str, str], str]
    counts: dict[str, Any]

    def by_source(self, cases: Iterable[ReviewedCase]) -> dict[str, int]:
        """Count some of the cases by the source of their label."""
        found = Counter(self.kinds[each.source, each.case.case_id] for each in cases)
        return dict(sorted(found.items()))


def reviewed_labels(session: Session, spec: DataSpec, rule: LabelRule) -> ReviewedLabels:
    """Return the cases whose labels may train, and count those that may not.

    Parameters
    ----------
    session : Session
    spec : DataSpec
        Labels of conditions that it does not list train nothing.
    rule : LabelRule
    """
    labels, left_out = usable_labels(session, rule)
    named = with_spec_classes(labels, spec)
    cases, conflicts = cases_of_labels(named, spec)
    by_case: dict[tuple[str, str], list[TrainingLabel]] = {}
    for label in labels:
        by_case.setdefault((label.case_source, label.case), []).append(label)
    return ReviewedLabels(
        tuple(cases),
        {key: hash_json([_provenance(label) for label in found]) for key, found in by_case.items()},
        {key: str(found[0].source) for key, found in by_case.items()},
        {
            "labelled_cases": len(by_case),
            "usable_cases": len(cases),
            "of_other_conditions": len(by_case) - len(cases) - conflicts,
            "labels_left_out": left_out.as_json()
            | {"conflicting_cases": left_out.conflicting_cases + conflicts},
            "ai_visible": sum(label.source is LabelSource.AI_VISIBLE for label in labels),
            "readers": len({reader_key(label.given_by) for label in labels}),
        },
    )


def _provenance(label: TrainingLabel) -> str:
    if isinstance(label, UsableLabel) and label.provenance is not None:
        return label.provenance.label_hash()
    return hash_json({"value": label.condition, "source": str(label.source)})
