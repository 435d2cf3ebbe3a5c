"""Rates weighted to all cases where some have no label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.auditing.analyses.tables import number, partly_verified, plan, table
from triage.auditing.analyses.selective_labels import selective_labels
from triage.auditing.analyses.verification import fit_verification, inverse_weights
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.audit_table import UNLABELLED

FULL = table(4000, cases_a_patient=1)
SOME = partly_verified(FULL)


def test_the_model_is_a_logistic_regression() -> None:
    draw = np.random.default_rng(0)
    cases = draw.integers(20, 200, size=(1, 4, 3)).astype(float)
    verified = np.floor(cases * draw.uniform(0.2, 0.8, cases.shape))
    rows = np.indices((4, 3)).reshape(2, -1)
    design = np.concatenate([np.eye(4)[rows[0]], np.eye(3)[rows[1]][:, 1:]], axis=1)
    twice = np.concatenate([design, design])
    weight = np.concatenate([verified.ravel(), (cases - verified).ravel()])
    model = LogisticRegression(C=1e6, fit_intercept=False, tol=1e-10, max_iter=10_000)
    model.fit(twice, np.repeat([1, 0], len(design)), sample_weight=weight)
    expected = model.predict_proba(design)[:, 1].reshape(4, 3)
    np.testing.assert_allclose(fit_verification(cases, verified)[0], expected, atol=1e-4)


def test_samples_are_fitted_each_by_itself() -> None:
    draw = np.random.default_rng(0)
    cases = draw.integers(20, 200, size=(5, 4, 3)).astype(float)
    verified = np.floor(cases * 0.6)
    verified[:, 0] = cases[:, 0]  # everyone of a stratum
    together = fit_verification(cases, verified)
    for place in range(5):
        alone = fit_verification(cases[[place]], verified[[place]])
        np.testing.assert_allclose(together[place], alone[0], atol=1e-5)


def test_weights_are_clipped() -> None:
    cases = np.array([[[100.0], [100_000.0]]])
    verified = np.array([[[9999.0 / 100], [1.0]]])
    weights = inverse_weights(cases, verified)
    assert weights.max() == pytest.approx(weights[0, 0, 0])


def test_weighted_rates_are_those_of_all_cases() -> None:
    assert FULL.true_urgency is not None
    assert FULL.queue_urgency is not None
    found = selective_labels(SOME, plan())
    urgent, called = FULL.true_urgency == 0, FULL.queue_urgency == 0
    expected = {
        "sensitivity_urgent": called[urgent].mean(),
        "specificity_urgent": (~called)[~urgent].mean(),
        "accuracy": (FULL.predicted == FULL.truth)[FULL.truth >= 0].mean(),
    }
    seen = SOME.labelled
    assert called[urgent & seen].mean() > expected["sensitivity_urgent"] + 0.05
    for key, value in expected.items():
        shown = number(found, f"weighted_{key}")
        assert shown.low is not None
        assert shown.high is not None
        assert shown.low < value < shown.high
        assert shown.value == pytest.approx(value, abs=0.04)
    assert number(found, "verified").value == pytest.approx(seen.mean())
    effective = number(found, "effective_cases").value
    assert effective is not None
    assert effective < seen.sum()


def test_many_patients_and_a_score_in_place_of_a_recommendation() -> None:
    settings = IntervalSettings(max_bootstrap_patients=1000)
    many = number(selective_labels(SOME, plan(intervals=settings)), "weighted_accuracy")
    few = number(selective_labels(SOME, plan()), "weighted_accuracy")
    assert many.value == few.value
    assert many.interval == "influence function"
    assert many.low == pytest.approx(few.low, abs=0.02)
    scored = selective_labels(replace(SOME, queue_urgency=None), plan())
    assert any("tenths" in note for note in scored.notes)
    assert number(scored, "weighted_accuracy").value is not None


def test_a_stratum_that_was_never_verified_has_no_estimate() -> None:
    assert FULL.queue_urgency is not None
    never = FULL.queue_urgency == 3
    hidden = replace(SOME, truth=np.where(never, UNLABELLED, SOME.truth).astype(np.int16))
    shown = number(selective_labels(hidden, plan()), "weighted_accuracy", "skin", "II")
    assert shown.value is None
    assert "observation" in shown.note


def test_what_cannot_be_measured_says_why() -> None:
    assert selective_labels(FULL, plan()).reason == "every case has a label"
    none = replace(FULL, truth=np.full(len(FULL), UNLABELLED, dtype=np.int16))
    assert selective_labels(none, plan()).reason == "no case has a label"
    bare = replace(SOME, queue_urgency=None, p_urgent=None, probabilities=None)
    found = selective_labels(bare, plan())
    assert found.available
    assert {each.key for each in found.numbers} == {"verified"}
