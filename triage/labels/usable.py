"""Which labels of the database may train, each with its provenance, and why others may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from sqlalchemy.orm import Session

from triage.labels.label_rule import LabelRule
from triage.labels.provenance import LabelProvenance
from triage.labels.votes import CaseVotes, agreement, votes_of_cases
from triage.store.label_strength import strongest
from triage.store.labels import labels_for_training, labels_kept_back
from triage.store.records import TrainingLabel
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.reader_names import reader_key


@dataclass(frozen=True, slots=True)
class UsableLabel(TrainingLabel):
    """A label that may train.

    Parameters
    ----------
    provenance : LabelProvenance or None
        Always given by `usable_labels`.
    """

    provenance: LabelProvenance | None = None


@dataclass(frozen=True, slots=True)
class LeftOutLabels:
    """How many labels, or cases, do not train.

    Parameters
    ----------
    ai_visible : int
        Labels of readers who had seen the AI's opinion, where the rule does not take them.
    other_sources : int
        Labels of other sources that the rule does not take.
    conflicting_cases : int
        Cases whose strongest labels disagree.
    planted : int
        Labels of cases whose answer is known.
    consent_withdrawn : int
        Labels of patients who have withdrawn their consent, or were deleted.
    """

    ai_visible: int = 0
    other_sources: int = 0
    conflicting_cases: int = 0
    planted: int = 0
    consent_withdrawn: int = 0

    def as_json(self) -> dict[str, int]:
        """Return its fields as plain JSON types."""
        return asdict(self)


def usable_labels(session: Session, rule: LabelRule) -> tuple[list[TrainingLabel], LeftOutLabels]:
    """Return the labels that may train, one for each condition of a case, and what was left out.

    Of several labels of a case the strongest kind that the rule takes counts: histology,
    adjudicated, blind, AI-visible; of reads only the newest of each person. A case whose
    strongest labels disagree is left out and counted, unless they are the diagnoses of one read,
    which may occur together.

    Parameters
    ----------
    session : Session
    rule : LabelRule

    Returns
    -------
    labels : list of UsableLabel
        In the order in which the cases were labelled first.
    left_out : LeftOutLabels
    """
    found = labels_for_training(session, include_ai_visible=True)
    taken = [label for label in found if label.source in rule.sources]
    skipped = [label for label in found if label.source not in rule.sources]
    visible = sum(label.source is LabelSource.AI_VISIBLE for label in skipped)
    by_case: dict[int, list[TrainingLabel]] = {}
    for label in taken:
        by_case.setdefault(label.case_id, []).append(label)
    votes = votes_of_cases(session, by_case)
    usable: list[TrainingLabel] = []
    conflicts = 0
    for case_id, labels in by_case.items():
        counting = strongest(labels)
        if disagree(counting):
            conflicts += 1
            continue
        first_of_each = {label.condition: label for label in reversed(counting)}
        cast = votes.get(case_id, CaseVotes())
        usable += [
            _with_provenance(label, counting, cast)
            for label in counting
            if first_of_each[label.condition] is label
        ]
    planted, withdrawn = labels_kept_back(session)
    return usable, LeftOutLabels(visible, len(skipped) - visible, conflicts, planted, withdrawn)


def disagree(labels: Sequence[TrainingLabel]) -> bool:
    """Whether labels of one case and kind name several conditions, other than those of one read."""
    reads = {label.read_id for label in labels}
    return len({label.condition for label in labels}) > 1 and (None in reads or len(reads) > 1)


def _with_provenance(
    label: TrainingLabel, counting: Sequence[TrainingLabel], cast: CaseVotes
) -> UsableLabel:
    visible = label.source is LabelSource.AI_VISIBLE
    by_tissue = label.source is LabelSource.HISTOLOGY
    votes = cast.ai_visible if visible else cast.blind
    given_by = {reader_key(one.given_by) for one in counting if one.condition == label.condition}
    bundle = cast.bundle_of(label.read_id)
    if bundle is None and label.ai_visible and cast.bundles:
        bundle = cast.bundles[0]  # an adjudication of which one reader had seen it
    readers = [len(given_by), 0 if by_tissue else sum(votes.values())]
    provenance = LabelProvenance(
        value=label.condition,
        source=label.source,
        readers=max(readers),
        agreement=agreement(votes),
        bundle_shown=bundle,
        votes=votes,
    )
    given = {one.name: getattr(label, one.name) for one in fields(TrainingLabel)}
    return UsableLabel(**given, provenance=provenance)
