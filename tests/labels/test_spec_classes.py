"""Reads of volumes as labels: diagnoses and an urgency become a class of the spec."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.conftest import store, url
from tests.store.make import NOON, case
from triage.data.spec_files import load_spec, shipped_spec
from triage.labels.label_precedence import cases_of_labels
from triage.labels.spec_classes import with_spec_classes
from triage.store import LabelSource, Store, TrainingLabel, add_case, add_label, labels_for_training
from triage.store.reviews import add_read, add_review
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.read_answers import NOT_LISTED, Certainty
from triage.vocabulary.review_policies import ReadKind

__all__ = ["store", "url"]

OCT = load_spec(shipped_spec("oct_phantoms"))
SKIN = load_spec(shipped_spec("derm_phantoms"))
CNV, ERM, NORMAL = DIAGNOSES["cnv"], DIAGNOSES["erm"], DIAGNOSES["normal"]


def label(
    condition: str, urgency: Urgency | None = Urgency.URGENT, **changes: Any
) -> TrainingLabel:
    given: dict[str, Any] = {
        "case": "v1",
        "case_source": "clinic",
        "patient": "p1",
        "condition": condition,
        "source": LabelSource.BLIND,
        "given_by": "Ann",
        "ai_visible": False,
        "created_at": NOON,
        "images": (),
        "groups": {},
        "read_id": 1,
        "urgency": urgency,
    }
    return TrainingLabel(**(given | changes))


def classes(*labels: TrainingLabel) -> list[str]:
    return [one.condition for one in with_spec_classes(labels, OCT)]


def test_labels_of_photographs_are_unchanged() -> None:
    given = [label(SKIN.conditions[0].name), label(SKIN.conditions[1].name)]
    assert with_spec_classes(given, SKIN) == given


@pytest.mark.parametrize("urgency", list(Urgency))
def test_the_urgency_of_a_read_is_the_class_of_its_diagnoses(urgency: Urgency) -> None:
    (found,) = with_spec_classes([label(CNV, urgency), label(ERM, urgency)], OCT)
    assert found.condition == str(urgency)
    assert found.diagnoses == {"cnv": True, "erm": True, "normal": False}


def test_a_normal_retina_has_no_other_diagnosis() -> None:
    (found,) = with_spec_classes([label(NORMAL, Urgency.OBSERVATION)], OCT)
    assert found.diagnoses == {key: key == "normal" for key in DIAGNOSES}


def test_a_case_that_trains_has_the_class_and_the_diagnoses() -> None:
    named = with_spec_classes([label(CNV, Urgency.ROUTINE)], OCT)
    ((reviewed,), conflicts) = cases_of_labels(named, OCT)
    assert (reviewed.case.condition, conflicts) == ("routine", 0)
    assert reviewed.case.diagnoses == {"cnv": True, "normal": False}


def test_a_rare_condition_is_its_own_class_whatever_is_named_beside_it() -> None:
    assert classes(label("retinoschisis"), label(ERM)) == ["retinoschisis"]
    assert classes(label(ERM), label("retinoschisis")) == ["retinoschisis"]


def test_what_names_no_class_keeps_its_condition() -> None:
    """Nothing is guessed: without an urgency, or without a condition, there is no class."""
    assert classes(label(CNV, None, read_id=None)) == [CNV]
    assert classes(label(NOT_LISTED)) == [NOT_LISTED]
    assert classes(label("urgent", None, read_id=None)) == ["urgent"]


def test_labels_without_a_read_stand_alone() -> None:
    given = [label("urgent", None, read_id=None), label("routine", None, read_id=None)]
    assert classes(*given) == ["urgent", "routine"]


def test_two_classes_of_one_urgency_decide_nothing() -> None:
    twice = OCT.conditions[0].model_copy(update={"name": "emergency"})
    spec = OCT.model_copy(update={"conditions": (twice, *OCT.conditions)})
    assert [one.condition for one in with_spec_classes([label(CNV)], spec)] == [CNV]


def test_the_database_gives_the_urgency_of_the_read(store: Store) -> None:
    with store.transaction() as session:
        number = add_case(session, case())
        review = add_review(session, number, "Ann", NOON)
        read = add_read(
            session, review, ReadKind.FIRST, NOON,
            conditions=[CNV], urgency=Urgency.SEMI_URGENT, certainty=Certainty.SURE,
        )  # fmt: skip
        add_label(
            session, number, CNV, LabelSource.BLIND,
            given_by="Ann", ai_visible=False, read_id=read,
        )  # fmt: skip
        add_label(session, number, CNV, LabelSource.HISTOLOGY, given_by="lab", ai_visible=False)
    with store.reading() as session:
        found = labels_for_training(session)
    assert [one.urgency for one in found] == [Urgency.SEMI_URGENT, None]
    assert classes(*found) == ["semi_urgent", CNV]
