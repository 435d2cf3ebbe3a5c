"""Risk-coverage areas against sums over explicit orders."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from tests.evaluation.synthetic import make_outcomes
from triage.evaluation import METRICS

aurc, e_aurc, aurc_gain = (METRICS[key].compute for key in ("aurc", "e_aurc", "aurc_gain"))


def area(wrong):
    """Mean over coverages of the share of errors among the first cases."""
    return sum(Fraction(sum(wrong[: i + 1]), i + 1) for i in range(len(wrong))) / len(wrong)


def loop_aurc(score, wrong, w):
    """Cases repeated by their weight; inside a tie every case is the tie's mean error."""
    score, wrong = (np.repeat(x, w.astype(int)) for x in (score, wrong))
    risks, answered, errors = [], 0, Fraction(0)
    for value in sorted(set(score.tolist())):
        tied = wrong[score == value]
        for _ in tied:
            answered += 1
            errors += Fraction(int(tied.sum()), len(tied))
            risks.append(errors / answered)
    return float(sum(risks) / len(risks))


def loop_least(wrong, w):
    """Area when all errors come last."""
    errors = np.sort(np.repeat(wrong, w.astype(int)))
    return float(area([int(e) for e in errors]))


def wrong_of(outcomes):
    return outcomes.probabilities.argmax(axis=1) != outcomes.truth


def from_parts(score, wrong):
    """Outcomes with given scores and errors; half of the errors are outliers."""
    outcomes = make_outcomes(len(score), seed=0)
    n = len(score)
    truth = np.where(wrong, np.where(np.arange(n) % 2, -1, 1), 0)
    probabilities = np.tile([0.9, 0.1], (n, 1))
    part = {
        name: getattr(outcomes, name)[:n]
        for name in ("abstained", "cost", "true_urgency", "queue_urgency", "cluster")
    }
    return type(outcomes)(
        classes=("a", "b"),
        truth=truth,
        probabilities=probabilities,
        ood_score=np.array(score, dtype=float),
        subgroups=outcomes.subgroups.iloc[:n],
        **part,
    )


def one(metric, outcomes):
    return metric(outcomes, np.ones((1, len(outcomes))))[0]


@pytest.mark.parametrize("seed", range(4))
def test_ties_count_as_the_mean_over_all_their_orders(seed):
    rng = np.random.default_rng(seed)
    score, wrong = rng.integers(0, 3, 7), rng.random(7) < 0.5
    orders = [o for o in permutations(range(7)) if list(score[list(o)]) == sorted(score)]
    mean = sum(area([int(wrong[i]) for i in o]) for o in orders) / len(orders)
    assert one(aurc, from_parts(score, wrong)) == pytest.approx(float(mean), rel=1e-12)


def test_area_is_that_of_loops_for_each_row_of_weights():
    outcomes = make_outcomes(60, seed=5)
    weights = np.random.default_rng(2).poisson(0.9, size=(5, len(outcomes))).astype(float)
    wrong = wrong_of(outcomes)
    expected = [loop_aurc(outcomes.ood_score, wrong, row) for row in weights]
    np.testing.assert_allclose(aurc(outcomes, weights), expected, rtol=1e-12)
    least = [loop_least(wrong, row) for row in weights]
    np.testing.assert_allclose(e_aurc(outcomes, weights), np.subtract(expected, least), rtol=1e-9)
    overall = [np.average(wrong, weights=row) for row in weights]
    np.testing.assert_allclose(aurc_gain(outcomes, weights), np.subtract(overall, expected))


def test_by_hand():
    """Right, wrong, right: risks 0, 1/2, 1/3; at best 0, 0, 1/3; at random 1/3."""
    outcomes = from_parts([1, 2, 3], [False, True, False])
    assert one(aurc, outcomes) == pytest.approx((1 / 2 + 1 / 3) / 3)
    assert one(e_aurc, outcomes) == pytest.approx(1 / 2 / 3)
    assert one(aurc_gain, outcomes) == pytest.approx(1 / 3 - (1 / 2 + 1 / 3) / 3)


def test_the_best_order_has_no_excess_and_the_worst_loses_to_random():
    wrong = np.arange(40) >= 30
    best = from_parts(np.arange(40), wrong)
    assert one(e_aurc, best) == pytest.approx(0.0, abs=1e-12)
    assert one(aurc_gain, best) > 0
    assert one(aurc_gain, from_parts(-np.arange(40), wrong)) < 0


def test_a_constant_score_is_random_referral():
    wrong = np.arange(40) % 3 == 0
    constant = from_parts(np.zeros(40), wrong)
    assert one(aurc, constant) == pytest.approx(wrong.mean())
    assert one(aurc_gain, constant) == pytest.approx(0.0, abs=1e-12)


def test_random_orders_average_to_the_control():
    rng = np.random.default_rng(0)
    wrong = rng.random(30) < 0.4
    gains = [one(aurc_gain, from_parts(rng.permutation(30), wrong)) for _ in range(400)]
    assert abs(np.mean(gains)) < 4 * np.std(gains) / 20


@pytest.mark.parametrize("right", [True, False])
def test_all_right_and_all_wrong(right):
    outcomes = from_parts([1, 2, 3, 4], [not right] * 4)
    assert one(aurc, outcomes) == pytest.approx(0.0 if right else 1.0)
    assert one(e_aurc, outcomes) == pytest.approx(0.0, abs=1e-12)


def test_one_case_and_an_empty_resample():
    outcomes = from_parts([1.0], [True])
    assert one(aurc, outcomes) == pytest.approx(1.0)
    for key in ("aurc", "e_aurc", "aurc_gain"):
        assert np.isnan(METRICS[key].compute(outcomes, np.zeros((1, 1)))[0])


def test_the_large_sample_limit_of_the_best_order():
    """Geifman, Uziel & El-Yaniv 2019: r + (1 - r) ln(1 - r)."""
    n, r = 20_000, 0.25
    best = r + (1 - r) * np.log(1 - r)
    outcomes = from_parts(np.arange(n), np.arange(n) >= n * (1 - r))
    assert one(aurc, outcomes) == pytest.approx(best, abs=1e-4)
