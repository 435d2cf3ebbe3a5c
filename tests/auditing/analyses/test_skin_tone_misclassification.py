"""Metrics of levels that may be misclassified."""

from __future__ import annotations

import numpy as np
import pytest

from tests.auditing.analyses.tables import SKIN, number, plan, table
from triage.auditing.analyses.skin_tone_misclassification import (
    confusion_matrix,
    skin_tone_misclassification,
    true_shares,
)
from triage.auditing.audit_plan import AuditPlan, Axis
from triage.errors import UsageError

SOME = table(900)
Matrix = dict[str, dict[str, float]]
EXACT: Matrix = {level: {level: 1.0} for level in ("I", "II", "III")}


def with_matrix(matrix: Matrix) -> AuditPlan:
    return plan(axes=(Axis(name="skin", column="skin", confusion=matrix),))


def test_without_errors_the_range_is_the_observed_value() -> None:
    found = skin_tone_misclassification(SOME, with_matrix(EXACT))
    for level in EXACT:
        for key in ("accuracy", "sensitivity_urgent"):
            observed = number(found, key, "skin", level).value
            redrawn = number(found, f"redrawn_{key}", "skin", level)
            assert redrawn.low == pytest.approx(observed)
            assert redrawn.high == pytest.approx(observed)
    of_level = SOME.axes["skin"].codes[::2] == 0
    known = SOME.axes["skin"].codes[::2] < 3
    share = number(found, "true_share", "skin", "I").value
    assert share == pytest.approx(of_level.sum() / known.sum(), abs=1e-6)


def test_shares_are_those_of_the_inverse_where_it_lies_inside() -> None:
    matrix = np.array([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]])
    true = np.array([0.5, 0.2, 0.3])
    np.testing.assert_allclose(true_shares(1000 * true @ matrix, matrix), true, atol=1e-4)
    outside = np.array([0.0, 900.0, 100.0])  # the inverse has a negative share here
    assert (np.linalg.solve(matrix.T, outside) < 0).any()
    found = true_shares(outside, matrix)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1)


def test_draws_are_those_of_the_posterior() -> None:
    found = skin_tone_misclassification(SOME, plan())
    matrix = np.array([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]])
    levels = SOME.axes["skin"].codes[::2]
    counts = np.bincount(levels, minlength=4)[:3].astype(float)
    joint = true_shares(counts, matrix)[:, None] * matrix
    posterior = joint / joint.sum(axis=0)
    right = ((SOME.predicted == SOME.truth) & (SOME.truth >= 0)).reshape(-1, 2).sum(axis=1)
    known = (SOME.truth >= 0).reshape(-1, 2).sum(axis=1)
    draw = np.random.default_rng(7)
    shares = []
    for _ in range(300):
        drawn = np.array(
            [draw.choice(3, p=posterior[:, level]) if level < 3 else 3 for level in levels]
        )
        shares.append([right[drawn == t].sum() / known[drawn == t].sum() for t in range(3)])
    for place, level in enumerate(SKIN[:3]):
        shown = number(found, "redrawn_accuracy", "skin", level)
        one = np.array(shares)[:, place]
        assert shown.value == pytest.approx(one.mean(), abs=5 * one.std() / np.sqrt(300) + 1e-3)
        assert shown.low == pytest.approx(np.quantile(one, 0.025), abs=0.02)
        assert shown.high == pytest.approx(np.quantile(one, 0.975), abs=0.02)


def test_a_matrix_without_an_inverse_is_used_all_the_same() -> None:
    blind: Matrix = {"I": {"I": 0.5, "II": 0.5}, "II": {"I": 0.5, "II": 0.5}, "III": {"III": 1.0}}
    found = skin_tone_misclassification(SOME, with_matrix(blind))
    wide = number(found, "redrawn_accuracy", "skin", "I")
    narrow = number(found, "redrawn_accuracy", "skin", "III")
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low < wide.high
    assert narrow.low == pytest.approx(narrow.high)


def test_the_note_says_how_levels_were_found() -> None:
    (note,) = skin_tone_misclassification(SOME, plan()).notes
    for words in ("fitzpatrick", "clinician", "2 raters", "Not redrawn: unknown"):
        assert words in note


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ({"I": {"I": 0.9, "II": 0.2}}, "row I"),
        ({"I": {"I": 1.5, "II": -0.5}}, "row I"),
        ({"VI": {"VI": 1.0}}, "VI"),
    ],
)
def test_a_matrix_that_is_none(matrix: Matrix, words: str) -> None:
    axis = Axis(name="skin", column="skin", confusion=matrix)
    with pytest.raises(UsageError, match=words) as caught:
        confusion_matrix(axis, SKIN)
    assert caught.value.where == "axes.skin.confusion"


def test_levels_that_no_case_has_are_no_error() -> None:
    wide: Matrix = EXACT | {"VI": {"VI": 0.7, "III": 0.3}}
    found = skin_tone_misclassification(SOME, with_matrix(wide))
    share = number(found, "true_share", "skin", "VI").value
    assert share == pytest.approx(0, abs=1e-3)


def test_without_a_matrix_it_says_so() -> None:
    assert not skin_tone_misclassification(SOME, plan(axes=())).available
