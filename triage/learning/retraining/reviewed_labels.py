"""The labels of the case database that may train, one case each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from triage.data.spec import DataSpec
from triage.hashing import hash_json
from triage.learning.label_precedence import cases_of_labels
from triage.learning.reviewed_cases import ReviewedCase
from triage.store import LabelSource, TrainingLabel, labels_for_training
from triage.store.label_strength import strongest
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
    """

    cases: tuple[ReviewedCase, ...]
    hashes: dict[tuple[str, str], str]
    kinds: dict[tuple[str, str], str]
    counts: dict[str, Any]

    def by_source(self, cases: Iterable[ReviewedCase]) -> dict[str, int]:
        """Count some of the cases by the source of their label."""
        found = Counter(self.kinds[each.source, each.case.case_id] for each in cases)
        return dict(sorted(found.items()))


def reviewed_labels(
    session: Session, spec: DataSpec, sources: tuple[LabelSource, ...]
) -> ReviewedLabels:
    """Return the cases whose labels may train, and count those that may not.

    Parameters
    ----------
    session : Session
    spec : DataSpec
        Labels of conditions that it does not list train nothing.
    sources : tuple of LabelSource
        Kinds of labels that may train.
    """
    labels = labels_for_training(session, include_ai_visible=LabelSource.AI_VISIBLE in sources)
    usable = [label for label in labels if label.source in sources]
    cases, conflicts = cases_of_labels(usable, spec)
    by_case: dict[tuple[str, str], list[TrainingLabel]] = {}
    for label in usable:
        by_case.setdefault((label.case_source, label.case), []).append(label)
    counting = {key: strongest(found) for key, found in by_case.items()}
    counts = {
        "found": len(labels),
        "usable": len(usable),
        "cases": len(cases),
        "conflicting_cases": conflicts,
        "of_other_conditions": len(by_case) - len(cases) - conflicts,
        "ai_visible": sum(label.ai_visible for label in usable),
        "readers": len({reader_key(label.given_by) for label in usable}),
    }
    return ReviewedLabels(
        tuple(cases),
        {key: _label_hash(found) for key, found in counting.items()},
        {key: str(found[0].source) for key, found in counting.items()},
        counts,
    )


def _label_hash(labels: list[TrainingLabel]) -> str:
    return hash_json(
        {
            "value": labels[0].condition,
            "source": str(labels[0].source),
            "readers": sorted(hash_json(reader_key(label.given_by)) for label in labels),
        }
    )
