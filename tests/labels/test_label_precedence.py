from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.store.conftest import store, url
from tests.store.make import NOON, case
from triage.data.spec_files import load_spec, shipped_spec
from triage.labels.label_precedence import cases_of_labels
from triage.labels.provenance import LabelProvenance
from triage.labels.usable import UsableLabel
from triage.store import LabelSource, Store, TrainingLabel, add_case, add_label, labels_for_training
from triage.store.labels import withdraw_labels
from triage.store.planted import add_planted
from triage.store.reviews import add_read, add_review
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.review_policies import ReadKind

__all__ = ["store", "url"]

SPEC = load_spec(shipped_spec("derm_phantoms"))
ONE, TWO = SPEC.conditions[0].name, SPEC.conditions[1].name


def label(condition: str, **changes: Any) -> TrainingLabel:
    given = {
        "case": "c1",
        "case_source": "clinic",
        "patient": "p1",
        "condition": condition,
        "source": LabelSource.BLIND,
        "given_by": "Ann",
        "ai_visible": False,
        "created_at": NOON,
        "images": (),
        "groups": {},
    }
    return TrainingLabel(**(given | changes))


def learned(*labels: TrainingLabel) -> tuple[list[str], int]:
    cases, conflicts = cases_of_labels(labels, SPEC)
    return [each.case.condition for each in cases], conflicts


def test_the_newest_of_a_reader_counts() -> None:
    """A decision without AI follows a first read of the same reader; both are blind."""
    first, decision = label(ONE, read_id=1), label(TWO, read_id=2, given_by="ANN ")
    assert learned(first, decision) == ([TWO], 0)
    assert learned(decision, first) == ([ONE], 0)


def test_two_readers_who_disagree_are_a_conflict() -> None:
    assert learned(label(ONE, read_id=1), label(TWO, read_id=2, given_by="Ben")) == ([], 1)
    changed = label(TWO, read_id=3)
    assert learned(label(ONE, read_id=1), label(TWO, read_id=2, given_by="Ben"), changed) == (
        [TWO],
        0,
    )


def test_diagnoses_of_one_read_stay_together() -> None:
    """They are no single condition to train on, whatever the reader had said before."""
    assert learned(label(ONE, read_id=1), label(ONE, read_id=2), label(TWO, read_id=2)) == ([], 1)


def test_contradicting_results_of_one_laboratory_are_a_contradiction() -> None:
    """Nothing says that the later one corrects the former."""
    lab: dict[str, Any] = {"source": LabelSource.HISTOLOGY, "given_by": "lab"}
    assert learned(label(ONE, **lab), label(TWO, **lab), label(ONE, read_id=1)) == ([], 1)


@pytest.mark.parametrize(
    ("source", "condition"),
    [(LabelSource.HISTOLOGY, TWO), (LabelSource.ADJUDICATED, TWO), (LabelSource.AI_VISIBLE, ONE)],
)
def test_the_stronger_kind_counts_whatever_is_newer(source: LabelSource, condition: str) -> None:
    other = label(TWO, source=source, ai_visible=source is LabelSource.AI_VISIBLE)
    assert learned(other, label(ONE, read_id=1)) == ([condition], 0)
    assert learned(label(ONE, read_id=1), other) == ([condition], 0)


def test_which_labels_train(store: Store) -> None:
    """Not those withdrawn or of planted cases; an adjudicated one whoever had seen the AI."""
    with store.transaction() as session:
        numbers = [add_case(session, case(name)) for name in ("plain", "planted", "undone")]
        add_planted(session, numbers[1], (ONE,), Urgency.ROUTINE, None)
        for number in numbers:
            review = add_review(session, number, "Ann", NOON)
            read = add_read(
                session,
                review,
                ReadKind.FINAL,
                NOON,
                conditions=(ONE,),
                urgency=Urgency.ROUTINE,
                certainty=Certainty.SURE,
            )
            for source in (LabelSource.AI_VISIBLE, LabelSource.ADJUDICATED):
                add_label(
                    session,
                    number,
                    ONE if source is LabelSource.AI_VISIBLE else TWO,
                    source,
                    given_by="Ann",
                    ai_visible=True,
                    read_id=read,
                    at=NOON,
                )
        withdraw_labels(session, 3, actor="Ann", at=NOON + timedelta(seconds=9))
    with store.reading() as session:
        found = labels_for_training(session)
        everything = labels_for_training(session, include_ai_visible=True)
    assert [(one.case, one.condition, one.read_id) for one in found] == [("plain", TWO, 1)]
    assert [one.source for one in everything] == [LabelSource.AI_VISIBLE, LabelSource.ADJUDICATED]


def test_conditions_that_the_spec_does_not_list_train_nothing() -> None:
    assert learned(label("not_listed")) == ([], 0)


@pytest.mark.parametrize("source", [LabelSource.ADJUDICATED, LabelSource.HISTOLOGY])
def test_votes_are_targets_of_readers_labels_and_not_beside_histology(source: LabelSource) -> None:
    votes = {ONE: 2, TWO: 1}
    known = LabelProvenance(value=ONE, source=source, readers=3, agreement=2 / 3, votes=votes)
    given = {name: getattr(label(ONE, source=source), name) for name in TrainingLabel.__slots__}
    (found,), _ = cases_of_labels([UsableLabel(**given, provenance=known)], SPEC)
    assert found.case.votes == ({} if source is LabelSource.HISTOLOGY else votes)
