"""Joint log-likelihood against values by hand and a sum over every label."""

from __future__ import annotations

import math

import numpy as np
import pytest

from triage.errors import UsageError
from triage.uncertainty.joint_predictive import (
    DyadicBatches,
    batch_weights,
    dyadic_batches,
    joint_log_likelihood,
    marginal_log_likelihood,
    of_label,
    resampled_mean,
)


def one_batch(*counts: int) -> DyadicBatches:
    return DyadicBatches(np.arange(len(counts))[None], np.array([counts]))


def test_two_opposite_members_by_hand() -> None:
    own = np.array([[0.9, 0.1]])
    joint = joint_log_likelihood(own, one_batch(2))
    # Both labels have one member to explain them: (0.81 + 0.01) / 2.
    assert joint == pytest.approx([math.log(0.41) / 2])
    assert marginal_log_likelihood(own, one_batch(2)) == pytest.approx([math.log(0.5)])


def test_a_contradiction_costs() -> None:
    # Two cases on which the members are right in turn: no member explains both.
    own = np.array([[0.9, 0.1], [0.1, 0.9]])
    joint = joint_log_likelihood(own, one_batch(1, 1))
    assert joint == pytest.approx([math.log(0.09) / 2])
    assert joint < marginal_log_likelihood(own, one_batch(1, 1))


def test_equal_members_gain_nothing() -> None:
    own = np.repeat(np.random.default_rng(0).random((30, 1)), 7, axis=1)
    batches = dyadic_batches(30)
    joint, marginal = (f(own, batches) for f in (joint_log_likelihood, marginal_log_likelihood))
    assert joint == pytest.approx(marginal, abs=1e-12)


def test_one_label_is_the_marginal() -> None:
    own = np.random.default_rng(1).random((20, 5))
    batches = dyadic_batches(20, tau=1, kappa=1)
    assert joint_log_likelihood(own, batches) == pytest.approx(
        marginal_log_likelihood(own, batches), abs=1e-12
    )


def test_it_is_the_product_label_by_label() -> None:
    own = np.random.default_rng(2).random((6, 3))
    batches = dyadic_batches(6, tau=5, kappa=2, least=40)
    found = joint_log_likelihood(own, batches)
    for value, anchors, counts in zip(found, batches.anchors, batches.counts, strict=True):
        rows = np.repeat(anchors, counts)
        by_hand = math.log(np.mean([math.prod(own[row, k] for row in rows) for k in range(3)])) / 5
        assert value == pytest.approx(by_hand, abs=1e-12)


def test_many_labels_do_not_underflow() -> None:
    own = np.full((2, 3), 1e-10)
    found = joint_log_likelihood(own, one_batch(500, 500))
    assert found == pytest.approx([math.log(1e-10)])
    assert np.isfinite(joint_log_likelihood(np.zeros((2, 3)), one_batch(5, 5))).all()


def test_batches_are_dyadic_and_even() -> None:
    batches = dyadic_batches(101, tau=10, kappa=2, least=2_000, seed=3)
    assert len(batches.anchors) == 2_000
    assert (batches.counts.sum(axis=1) == 10).all()
    assert (batches.anchors[:, 0] != batches.anchors[:, 1]).all()
    often = np.bincount(batches.anchors.ravel(), minlength=101)
    assert often.max() - often.min() <= 4
    again = dyadic_batches(101, tau=10, kappa=2, least=2_000, seed=3)
    assert (again.anchors == batches.anchors).all()


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="2 of 1 cases"):
        dyadic_batches(1)
    with pytest.raises(UsageError, match="0 labels"):
        dyadic_batches(10, tau=0)


def test_own_condition_given_that_it_is_known() -> None:
    members = np.array([[[0.3, 0.1, 0.6], [0.2, 0.2, 0.6]]])
    assert of_label(members, np.array([0]), 2) == pytest.approx(np.array([[0.75, 0.5]]))


def test_weights_of_batches() -> None:
    batches = DyadicBatches(np.array([[0, 1], [1, 2]]), np.array([[5, 5], [9, 1]]))
    weights = batch_weights(np.array([[1.0, 1.0, 1.0], [2.0, 3.0, 0.0], [0.0, 0.0, 4.0]]), batches)
    assert weights.tolist() == [[1, 1], [6, 0], [0, 0]]
    mean = resampled_mean(np.array([-1.0, -3.0]), weights)
    assert mean[:2] == pytest.approx([-2.0, -1.0])
    assert np.isnan(mean[2])
