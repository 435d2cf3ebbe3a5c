"""Similar labelled cases: who gets them, when, which they are, and how far."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from tests.review.labelled import (
    Given,
    blind,
    histology,
    label,
    labelled,
    record,
    scored_with,
    unit,
)
from tests.review.team import (
    ANN,
    BOB,
    GOV,
    LATER,
    always_twice,
    decided,
    fresh_store,
    never_twice,
    read,
    second,
)
from tests.store.make import NOON, bundle, opinion
from triage.accounts import PermissionDenied
from triage.dataset_versions.withdraw import withdraw
from triage.errors import StoreError, UsageError
from triage.review import (
    RefusalCode,
    StepRefused,
    lock_first_read,
    open_case,
    plant_case,
    reveal,
    sign_off,
    undo_decision,
)
from triage.review.case_work import history_of
from triage.review.labelled_cases import LabelEvidence
from triage.review.policies import SitePolicy, set_site_policy
from triage.review.similar_cases import WhyNone, similar_cases
from triage.store import (
    LabelSource,
    Store,
    add_case,
    add_prediction,
    register_bundle,
    set_champion,
)
from triage.store.bundles import withdraw_bundle
from triage.store.features import add_features
from triage.store.labels import withdraw_labels
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import ReadingMode, SignatureMeaning

HERE = (1.0, 2.0, 0.5, 0.0)
VISIBLE = LabelSource.AI_VISIBLE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    never_twice(opened)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: True)


@pytest.fixture
def number(store: Store) -> int:
    """A case that is not drawn to be read without the AI."""
    return scored_with(store, "c1", HERE)


@pytest.fixture
def done(store: Store, number: int) -> int:
    decided(store, number)
    assert history_of(store, number).policy.mode is ReadingMode.BLIND  # type: ignore[union-attr]
    return number


def refused(code: RefusalCode) -> Any:
    return pytest.raises(StepRefused, check=lambda error: error.code is code)


def found(store: Store, number: int, count: int = 20) -> list[int]:
    return [one.case_id for one in similar_cases(store, number, ANN, count).cases]


def cosine_distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """By its definition, in plain loops."""
    product = sum(x * y for x, y in zip(one, other, strict=True))
    return 1 - product / math.sqrt(sum(x * x for x in one) * sum(y * y for y in other))


def test_the_nearest_first_with_their_distance(store: Store, done: int) -> None:
    vectors = {
        "a": (1.0, 2.0, 0.0, 0.0),
        "b": (-1.0, 0.2, 0.0, 3.0),
        "c": (2.0, 4.1, 1.0, 0.0),
        "d": (0.0, 0.0, 1.0, 1.0),
    }
    numbers = {labelled(store, name, v, histology("acne")): v for name, v in vectors.items()}
    expected = sorted((cosine_distance(HERE, v), case) for case, v in numbers.items())
    result = similar_cases(store, done, ANN, 20)
    assert [one.case_id for one in result.cases] == [case for _, case in expected]
    assert [one.distance for one in result.cases] == pytest.approx(
        [distance for distance, _ in expected], abs=2e-4
    )
    assert (result.compared, result.bundle, result.why_none) == (4, "first", None)
    assert similar_cases(store, done, ANN).cases == result.cases[:3]
    first = result.cases[0]
    assert (first.conditions, first.evidence) == (("acne",), LabelEvidence.HISTOLOGY)
    assert (first.groups["skin_type"], first.images) == ("III", 1)
    assert all(one.as_near is None for one in result.cases), "too few pairs for a scale"


def test_only_once_the_decision_stands(store: Store, number: int) -> None:
    labelled(store, "a", HERE, histology("acne"))
    with refused(RefusalCode.WRONG_STATE):
        similar_cases(store, number, ANN)
    open_case(store, number, ANN, at=NOON)
    with refused(RefusalCode.WRONG_STATE):
        similar_cases(store, number, ANN)
    lock_first_read(store, number, ANN, at=NOON, **read())
    with refused(RefusalCode.WRONG_STATE):
        similar_cases(store, number, ANN)
    reveal(store, number, ANN, at=NOON)
    with refused(RefusalCode.WRONG_STATE):
        similar_cases(store, number, ANN)
    decided(store, number)
    assert len(found(store, number)) == 1
    undo_decision(store, number, ANN, at=LATER)
    with refused(RefusalCode.WRONG_STATE):
        similar_cases(store, number, ANN)
    decided(store, number, at=LATER, urgency=Urgency.URGENT)
    assert len(found(store, number)) == 1
    with store.reading() as session:
        sources = session.scalars(text("SELECT source FROM label WHERE read_id IS NOT NULL"))
        assert list(sources) == ["blind", "ai_visible", "ai_visible"]


def test_only_for_who_decided(store: Store, done: int) -> None:
    with refused(RefusalCode.WRONG_STATE):
        similar_cases(store, done, BOB)
    with pytest.raises(PermissionDenied):
        similar_cases(store, done, GOV)
    with pytest.raises(StoreError, match="no such case"):
        similar_cases(store, 99, ANN)
    for count in (0, 21):
        with pytest.raises(UsageError):
            similar_cases(store, done, ANN, count)


def test_not_for_a_second_reader_nor_during_an_adjudication(store: Store, number: int) -> None:
    always_twice(store)
    labelled(store, "a", HERE, histology("acne"))
    decided(store, number)
    assert history_of(store, number).state is CaseState.SECOND_READ
    assert len(found(store, number)) == 1
    with refused(RefusalCode.WRONG_STATE):
        similar_cases(store, number, BOB)
    second(store, number, urgency=Urgency.OBSERVATION)
    assert history_of(store, number).state is CaseState.ADJUDICATION
    for reader in (ANN, BOB):
        with refused(RefusalCode.WRONG_STATE):
            similar_cases(store, number, reader)


def test_never_of_a_case_that_is_read_without_the_ai(store: Store, number: int) -> None:
    set_site_policy(store, "clinic", SitePolicy(mode=ReadingMode.AI_OFF), GOV)
    labelled(store, "a", HERE, histology("acne"))
    decided(store, number)
    with refused(RefusalCode.AI_OFF):
        similar_cases(store, number, ANN)


def test_after_signing_it_is_there_still(store: Store, done: int) -> None:
    labelled(store, "a", HERE, histology("acne"))
    sign(store, done)
    assert len(found(store, done)) == 1


def sign(store: Store, number: int) -> None:
    result = sign_off(
        store,
        ANN,
        [number],
        SignatureMeaning.AUTHORSHIP,
        printed_name="Dr. A. Ng",
        reauthenticated=True,
        at=LATER,
    )
    assert list(result.signed) == [number]


@pytest.mark.parametrize(
    "state",
    [state for state in CaseState if state not in ("signed", "exported", "amended")],
)
def test_cases_that_somebody_may_still_read_are_left_out(
    store: Store, done: int, state: CaseState
) -> None:
    labelled(store, "a", HERE, histology("acne"), state=state)
    result = similar_cases(store, done, ANN)
    assert (result.cases, result.why_none) == ((), WhyNone.NO_LABELLED_CASES)


@pytest.mark.parametrize(
    ("given", "evidence"),
    [
        ((blind("acne"),), LabelEvidence.ONE_READER),
        ((blind("acne"), blind("acne", "Eve")), LabelEvidence.SEVERAL_READERS),
        ((blind("naevus"), blind("acne")), LabelEvidence.ONE_READER),  # the newer one of Dan
        ((blind("acne"), (VISIBLE, "acne", "Dan")), LabelEvidence.ONE_READER),
        ((blind("naevus"), histology("acne")), LabelEvidence.HISTOLOGY),
        (
            (blind("naevus"), (LabelSource.ADJUDICATED, "acne", "Dan")),
            LabelEvidence.ADJUDICATED,
        ),
        (((VISIBLE, "naevus", "Dan"), histology("acne")), LabelEvidence.HISTOLOGY),
        ((blind("acne"), blind("naevus", "Eve")), None),
        ((histology("acne"), histology("naevus")), None),
        ((blind("acne"), (VISIBLE, "naevus", "Dan")), None),
        (((VISIBLE, "acne", "Dan"),), None),
        ((blind("not_listed"),), None),
        ((), None),
    ],
)
def test_which_label_counts(
    store: Store, done: int, given: tuple[Given, ...], evidence: LabelEvidence | None
) -> None:
    labelled(store, "a", HERE, *given)
    shown = similar_cases(store, done, ANN).cases
    expected = [] if evidence is None else [(("acne",), evidence)]
    assert [(one.conditions, one.evidence) for one in shown] == expected


def test_cases_of_the_same_patient_or_picture_are_left_out(store: Store, done: int) -> None:
    labelled(store, "a", HERE, histology("acne"), patient="patient of c1")
    with store.reading() as session:
        picture = session.scalar(text("SELECT sha256 FROM image WHERE case_id = :n"), {"n": done})
    labelled(store, "b", HERE, histology("acne"), picture=picture, patient="q")
    labelled(store, "c", HERE, histology("acne"), patient="q")
    other = labelled(store, "d", (1, 0, 0, 0), histology("acne"))
    assert found(store, done) == [other]


def test_planted_cases_are_left_out(store: Store, done: int) -> None:
    planted = scored_with(store, "a", HERE)
    plant_case(store, planted, GOV, conditions=("acne",), urgency=Urgency.ROUTINE)
    decided(store, planted, BOB)
    label(store, planted, histology("acne"))
    sign_as(store, planted)
    other = labelled(store, "b", (1, 0, 0, 0), histology("acne"))
    assert found(store, done) == [other]


def sign_as(store: Store, number: int) -> None:
    with store.transaction() as session:
        session.execute(text("UPDATE \"case\" SET state = 'signed' WHERE id = :n"), {"n": number})


def test_withdrawn_labels_are_left_out_at_once(store: Store, done: int) -> None:
    near = labelled(store, "a", HERE, blind("acne"))
    far = labelled(store, "b", (1, 0, 0, 0), blind("acne"))
    assert found(store, done) == [near, far]
    with store.transaction() as session:
        read_id = session.scalar(text("SELECT read_id FROM label WHERE case_id = :n"), {"n": near})
        withdraw_labels(session, read_id, actor="Dan", at=NOON)
    assert found(store, done) == [far]


def test_cases_of_who_withdrew_consent_are_left_out_at_once(store: Store, done: int) -> None:
    near = labelled(store, "a", HERE, histology("acne"), patient="q")
    far = labelled(store, "b", (1, 0, 0, 0), histology("acne"))
    assert found(store, done) == [near, far]
    withdraw(store, actor="Gov", patient="q")
    assert found(store, done) == [far]


def test_what_is_added_later_is_found(store: Store, done: int) -> None:
    first = labelled(store, "a", (1, 0, 0, 0), histology("acne"))
    assert found(store, done) == [first]
    # By a new label, a new vector, a new signature; and a label that contradicts takes away.
    late_label = labelled(store, "b", HERE)
    assert found(store, done) == [first]
    label(store, late_label, histology("acne"))
    assert found(store, done) == [late_label, first]
    late_vector = labelled(store, "c", None, histology("acne"))
    assert found(store, done) == [late_label, first]
    with store.transaction() as session:
        add_features(session, 1, {late_vector: unit(1, 2, 0.6, 0)})
    assert found(store, done) == [late_label, late_vector, first]
    unsigned = scored_with(store, "e", (1, 2, 0.7, 0))
    decided(store, unsigned)
    assert found(store, done) == [late_label, late_vector, first]
    sign(store, unsigned)
    assert found(store, done) == [late_label, late_vector, unsigned, first]
    label(store, late_label, histology("naevus"))
    assert found(store, done) == [late_vector, unsigned, first]
    assert similar_cases(store, done, ANN).compared == 3


def test_only_vectors_of_the_system_that_was_shown(store: Store, done: int) -> None:
    labelled(store, "a", HERE, histology("acne"), digest="e" * 64)
    same = labelled(store, "b", (1, 0, 0, 0), histology("acne"))
    with store.transaction() as session:
        newer = register_bundle(session, bundle("e" * 64))
        set_champion(session, newer)
        add_prediction(session, done, newer, opinion())
        add_features(session, newer, {done: unit(*HERE)})
    assert found(store, done) == [same]


def test_the_champion_where_no_system_had_an_opinion(store: Store) -> None:
    with store.transaction() as session:
        number = add_case(session, record("c1"))
    decided(store, number)
    assert similar_cases(store, number, ANN).why_none is WhyNone.NO_SYSTEM
    other = labelled(store, "a", HERE, histology("acne"))
    with store.transaction() as session:
        set_champion(session, 1)
    result = similar_cases(store, number, ANN)
    assert (result.why_none, result.bundle) == (WhyNone.NO_VECTOR, "first")
    with store.transaction() as session:
        add_features(session, 1, {number: unit(*HERE)})
    assert found(store, number) == [other]


def test_nothing_of_a_system_that_was_withdrawn(store: Store, done: int) -> None:
    labelled(store, "a", HERE, histology("acne"))
    with store.transaction() as session:
        withdraw_bundle(session, "d" * 64, "a fault")
    result = similar_cases(store, done, ANN)
    assert (result.cases, result.why_none, result.bundle) == ((), WhyNone.WITHDRAWN, "")


def test_a_planted_case_looks_like_any_other(store: Store, number: int) -> None:
    """Its opinion is that of a bundle that exists for planted cases only."""
    plain = scored_with(store, "c2", HERE)
    wrong = opinion(Urgency.OBSERVATION, condition="acne")
    plant_case(
        store,
        number,
        GOV,
        conditions=("melanoma",),
        urgency=Urgency.SEMI_URGENT,
        wrong_opinion=wrong,
    )
    labelled(store, "a", HERE, histology("acne"))
    open_case(store, number, ANN, at=NOON)
    lock_first_read(store, number, ANN, at=NOON, **read())
    shown = reveal(store, number, ANN, at=NOON)
    assert shown is not None
    assert shown.decision.condition == "acne"
    decided(store, number, reason=OverrideReason.MISSED_FINDING)
    decided(store, plain)
    assert similar_cases(store, number, ANN) == similar_cases(store, plain, ANN)
    assert len(similar_cases(store, number, ANN).cases) == 1


def test_vectors_of_another_width_or_altered_are_not_compared(store: Store, done: int) -> None:
    labelled(store, "a", HERE, histology("acne"))
    labelled(store, "b", (1, 2, 3), histology("acne"))
    altered = labelled(store, "c", HERE, histology("acne"))
    with store.transaction() as session:
        session.execute(
            text("UPDATE case_features SET sha256 = 'x' WHERE case_id = :n"), {"n": altered}
        )
    assert len(found(store, done)) == 1


def test_how_many_pairs_are_as_near(store: Store, done: int) -> None:
    """Against all pairs of cases of different conditions and patients, in plain loops."""
    chance = np.random.default_rng(3)
    cases = []
    for n in range(24):
        vector = tuple(float(x) for x in np.round(chance.normal(size=4), 2))
        condition, patient = ("acne", "naevus", "melanoma")[n % 3], f"p{n // 2}"
        labelled(store, f"a{n}", vector, histology(condition), patient=patient)
        cases.append((vector, condition, patient))
    pairs = [
        cosine_distance(cases[i][0], cases[j][0])
        for i in range(24)
        for j in range(i)
        if cases[i][1] != cases[j][1] and cases[i][2] != cases[j][2]
    ]
    result = similar_cases(store, done, ANN, 5)
    assert result.pairs == len(pairs) >= 100
    for one in result.cases:
        share = sum(distance <= one.distance for distance in pairs) / len(pairs)
        assert one.as_near == pytest.approx(share, abs=1.5 / len(pairs))


def test_two_stores_are_kept_apart(store: Store, done: int, tmp_path: Path) -> None:
    labelled(store, "a", HERE, histology("acne"))
    (tmp_path / "other").mkdir()
    other = fresh_store(tmp_path / "other")
    never_twice(other)
    same = scored_with(other, "c1", HERE)
    decided(other, same)
    assert len(found(store, done)) == 1
    assert found(other, same) == []
    other.close()


def test_the_whole_way_of_two_cases(store: Store, done: int) -> None:
    """A case that was read and signed is shown with its blind first read."""
    before = scored_with(store, "b", (1, 2, 0, 0))
    decided(store, before, BOB)
    result = sign_off(
        store,
        BOB,
        [before],
        SignatureMeaning.AUTHORSHIP,
        printed_name="Dr. B",
        reauthenticated=True,
        at=LATER + timedelta(minutes=1),
    )
    assert list(result.signed) == [before]
    (one,) = similar_cases(store, done, ANN).cases
    assert one.conditions == ("melanoma",)
    assert one.evidence is LabelEvidence.ONE_READER
    assert one.distance == pytest.approx(cosine_distance(HERE, (1, 2, 0, 0)), abs=2e-4)
