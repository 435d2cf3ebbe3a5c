"""What each reader called a case: each once, blind apart from AI-visible, with the bundle shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.review.team import (
    ANN,
    LATER,
    always_twice,
    decided,
    never_twice,
    second,
)
from tests.store.make import NOON, bundle, scored
from triage.labels.agreement import fleiss_kappa
from triage.labels.label_rule import LabelRule
from triage.labels.provenance import LabelProvenance
from triage.labels.usable import usable_labels
from triage.labels.votes import agreement, votes_of_case, votes_of_cases
from triage.review import undo_decision
from triage.store import LabelSource, Store, add_label
from triage.store.planted import add_planted
from triage.store.tables import Case, Patient
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason

EVERY = LabelRule(sources=tuple(LabelSource))


def test_a_reader_has_one_blind_vote_and_one_with_the_ai_visible(cases: Store) -> None:
    always_twice(cases)
    number = scored(cases, "c1")
    decided(cases, number, conditions=("acne",), reason=OverrideReason.HISTORY)
    second(cases, number, condition="acne")
    with cases.reading() as session:
        votes = votes_of_case(session, number)
    assert votes.blind == {"acne": 1, "melanoma": 1}
    assert votes.ai_visible == {"acne": 1}
    assert votes.bundles == (bundle().digest,)
    assert [one.bundle for one in votes.reads] == [None, bundle().digest, None]


def test_an_undone_decision_votes_no_more(cases: Store) -> None:
    never_twice(cases)
    number = scored(cases, "c1")
    decided(cases, number)
    undo_decision(cases, number, ANN, at=LATER)
    with cases.reading() as session:
        assert votes_of_case(session, number).ai_visible == {}
        assert votes_of_case(session, number).blind == {"melanoma": 1}


def test_votes_of_imported_labels(cases: Store) -> None:
    """Of readers whose reads are not here; one whose reads are counts once."""
    never_twice(cases)
    number = scored(cases, "c1")
    decided(cases, number)
    with cases.transaction() as session:
        add_label(
            session, number, "acne", LabelSource.ADJUDICATED, given_by="panel",
            ai_visible=False, votes={"acne": 3, "melanoma": 1},
        )  # fmt: skip
        for name in ("ann ", "Dan"):
            add_label(session, number, "acne", LabelSource.BLIND, given_by=name, ai_visible=False)
        add_label(session, number, "acne", LabelSource.HISTOLOGY, given_by="lab", ai_visible=False)
    with cases.reading() as session:
        found = votes_of_cases(session)
    assert found[number].blind == {"acne": 4, "melanoma": 2}
    assert agreement(found[number].blind) == pytest.approx(4 / 6)
    assert agreement({}) is None


def test_planted_cases_have_no_votes(cases: Store) -> None:
    never_twice(cases)
    number = scored(cases, "c1")
    decided(cases, number)
    with cases.transaction() as session:
        add_planted(session, number, ("acne",), Urgency.ROUTINE, None)
    with cases.reading() as session:
        assert votes_of_cases(session) == {}
        labels, left_out = usable_labels(session, EVERY)
    assert labels == []
    assert left_out.planted == 2


def test_the_default_takes_no_single_ai_visible_read(cases: Store) -> None:
    never_twice(cases)
    number = scored(cases, "c1")
    decided(cases, number, conditions=("acne",), reason=OverrideReason.HISTORY)
    with cases.reading() as session:
        (label,), left_out = usable_labels(session, LabelRule())
        (visible,), none = usable_labels(session, LabelRule(sources=(LabelSource.AI_VISIBLE,)))
    assert (label.condition, label.source) == ("melanoma", LabelSource.BLIND)
    assert left_out.as_json() | {"ai_visible": 0} == dict.fromkeys(left_out.as_json(), 0)
    assert left_out.ai_visible == 1
    assert label.provenance == LabelProvenance(
        value="melanoma", source="blind", readers=1, agreement=1.0, votes={"melanoma": 1}
    )
    assert (visible.condition, none.other_sources) == ("acne", 1)
    assert visible.provenance.bundle_shown == bundle().digest


def test_contradictions_are_counted_and_stronger_labels_settle_them(cases: Store) -> None:
    never_twice(cases)
    numbers = [scored(cases, name) for name in ("c1", "c2")]
    with cases.transaction() as session:
        for number in numbers:
            for name, condition in (("Ann", "acne"), ("Bob", "melanoma")):
                add_label(
                    session, number, condition, LabelSource.BLIND, given_by=name, ai_visible=False
                )
        add_label(
            session, numbers[1], "acne", LabelSource.HISTOLOGY, given_by="lab", ai_visible=False
        )
    with cases.reading() as session:
        (label,), left_out = usable_labels(session, LabelRule())
    assert (label.case, label.source) == ("c2", LabelSource.HISTOLOGY)
    assert left_out.conflicting_cases == 1
    assert (label.provenance.readers, label.provenance.agreement) == (1, 0.5)


@pytest.mark.parametrize("column", ["consent_withdrawn_at", "deleted_at"])
def test_withdrawn_consent_is_never_used(cases: Store, column: str) -> None:
    never_twice(cases)
    number = scored(cases, "c1")
    decided(cases, number)
    with cases.transaction() as session:
        patient = session.get(Patient, session.get(Case, number).patient_id)
        setattr(patient, column, NOON + timedelta(days=1))
    with cases.reading() as session:
        labels, left_out = usable_labels(session, EVERY)
    assert (labels, left_out.consent_withdrawn) == ([], 2)


def test_the_hash_follows_every_part() -> None:
    label = LabelProvenance(value="acne", source=LabelSource.BLIND, readers=2, votes={"acne": 2})
    changes = (
        {"value": "melanoma"}, {"source": LabelSource.HISTOLOGY}, {"readers": 3},
        {"agreement": 1.0}, {"bundle_shown": "d" * 64}, {"votes": {"acne": 1}},
    )  # fmt: skip
    hashes = {label.model_copy(update=change).label_hash() for change in ({}, *changes)}
    assert len(hashes) == len(changes) + 1
    assert label.label_hash() == label.model_copy().label_hash()


def test_a_vote_is_counted_from_one() -> None:
    with pytest.raises(ValueError, match="without a vote"):
        LabelProvenance(value="acne", votes={"acne": 1, "melanoma": 0})


def test_fleiss_kappa_of_the_published_table() -> None:
    """Ten subjects, fourteen raters, five categories (Fleiss 1971, as often reprinted): 0.210."""
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa([dict(zip("abcde", row, strict=True)) for row in table]) == pytest.approx(
        0.210, abs=5e-4
    )


def test_fleiss_kappa_is_none_where_chance_alone_agrees() -> None:
    assert fleiss_kappa([{"a": 2}, {"a": 3}]) is None
    assert fleiss_kappa([{"a": 1}]) is None
    assert fleiss_kappa([{"a": 2}, {"b": 2}]) == pytest.approx(1.0)
