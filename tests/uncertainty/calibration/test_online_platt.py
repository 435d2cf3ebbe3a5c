"""Online Platt scaling: against a plain loop, against fixed fits, and as a calibrator."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from tests.uncertainty.calibration.make import simulate
from triage.errors import UsageError
from triage.uncertainty.calibration import OnlinePlatt
from triage.uncertainty.calibration.online_platt import OnlinePlattScaling
from triage.uncertainty.calibration.platt_stream import _nearest_within


def losses(forecasts, outcomes):
    return -np.log(np.where(outcomes, forecasts, 1 - forecasts))


def brier(forecasts, outcomes):
    return ((forecasts - outcomes) ** 2).mean()


def fixed_platt(scores, outcomes):
    """Slope and intercept that are best in hindsight."""
    x = logit(scores)

    def loss(line):
        return np.logaddexp(0, -np.where(outcomes, 1, -1) * (line[0] * x + line[1])).sum()

    return minimize(loss, [1.0, 0.0], method="BFGS").x


def drifting(n=6000, seed=0):
    """The true intercept falls from 2 to -2, the slope from 1.5 to 0.5."""
    rng = np.random.default_rng(seed)
    scores = expit(rng.normal(scale=1.5, size=n))
    along = np.linspace(0, 1, n)
    true = expit((1.5 - along) * logit(scores) + 2 - 4 * along)
    return scores, rng.random(n) < true, true


def steady(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    scores = expit(rng.normal(scale=1.5, size=n))
    true = expit(0.5 * logit(scores) - 0.8)
    return scores, rng.random(n) < true, true


def test_it_follows_a_drift_that_no_fixed_line_can():
    scores, outcomes, true = drifting()
    forecasts, calibeated = OnlinePlatt().stream(scores, outcomes)
    early = fixed_platt(scores[:1000], outcomes[:1000])
    later = slice(1000, None)
    fixed = expit(early[0] * logit(scores) + early[1])
    online_loss = losses(forecasts, outcomes)[later].mean()
    assert online_loss < losses(fixed, outcomes)[later].mean() - 0.2
    hindsight = fixed_platt(scores, outcomes)
    best_fixed = expit(hindsight[0] * logit(scores) + hindsight[1])
    assert online_loss < losses(best_fixed, outcomes)[later].mean() - 0.05
    assert np.abs(forecasts - true)[later].mean() < np.abs(best_fixed - true)[later].mean() / 2
    assert brier(calibeated[later], outcomes[later]) < brier(fixed[later], outcomes[later])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_its_regret_grows_slower_than_the_cases(seed):
    """Against the best line in hindsight, over steady cases: at most 10 log n nats in all."""
    scores, outcomes, _ = steady(seed=seed)
    forecasts, _ = OnlinePlatt().stream(scores, outcomes)
    for n in (500, 4000):
        line = fixed_platt(scores[:n], outcomes[:n])
        best = losses(expit(line[0] * logit(scores[:n]) + line[1]), outcomes[:n]).sum()
        regret = losses(forecasts[:n], outcomes[:n]).sum() - best
        assert -5 < regret < 10 * math.log(n)


def test_calibeating_repairs_what_no_line_can():
    """The event is likely above a score of 0.9 alone, all at once; lines rise gradually."""
    rng = np.random.default_rng(0)
    scores = expit(rng.normal(scale=2.0, size=6000))
    outcomes = rng.random(6000) < np.where(scores > 0.9, 0.9, 0.3)
    forecasts, calibeated = OnlinePlatt().stream(scores, outcomes)
    assert brier(calibeated, outcomes) < brier(forecasts, outcomes) - 0.005

    def error(values):
        bins = (values * 10).astype(int)
        return np.abs(np.bincount(bins, values - outcomes)).sum() / len(values)

    assert error(calibeated) < error(forecasts) / 2


def test_a_plain_loop_gives_the_same():
    scores, outcomes, _ = drifting(200, seed=3)
    forecasts, calibeated = OnlinePlatt().stream(scores, outcomes)
    a, b = 1.0, 0.0
    m11, m12, m22 = 100.0, 0.0, 100.0
    bins = [[] for _ in range(10)]
    for index, (score, outcome) in enumerate(zip(scores, outcomes, strict=True)):
        x = math.log(score / (1 - score))
        p = 1 / (1 + math.exp(-(a * x + b)))
        seen = bins[min(int(p * 10), 9)]
        assert forecasts[index] == pytest.approx(p, rel=1e-9)
        assert calibeated[index] == pytest.approx(sum(seen) / len(seen) if seen else p, rel=1e-9)
        seen.append(int(outcome))
        ga, gb = (p - outcome) * x, p - outcome
        m11, m12, m22 = m11 + ga * ga, m12 + ga * gb, m22 + gb * gb
        determinant = m11 * m22 - m12 * m12
        a -= 10 * (m22 * ga - m12 * gb) / determinant
        b -= 10 * (m11 * gb - m12 * ga) / determinant


def test_forecasts_do_not_see_the_future():
    scores, outcomes, _ = drifting(300)
    forecasts, calibeated = OnlinePlatt().stream(scores, outcomes)
    changed = outcomes.copy()
    changed[200:] = ~changed[200:]
    again = OnlinePlatt().stream(scores, changed)
    np.testing.assert_array_equal(again[0][:201], forecasts[:201])
    np.testing.assert_array_equal(again[1][:201], calibeated[:201])
    assert (again[0][201:] != forecasts[201:]).any()


def test_before_any_outcome_the_score_is_the_forecast():
    scores = np.array([0.0, 0.2, 0.5, 1.0])
    np.testing.assert_allclose(OnlinePlatt().predict(scores), scores, atol=2e-6)
    np.testing.assert_allclose(OnlinePlatt().calibeat(scores), scores, atol=2e-6)


def test_the_line_stays_within_its_radius():
    stream = OnlinePlatt(radius=2.0)
    for _ in range(300):
        stream.update(0.99, True)
        stream.update(0.01, False)
    assert np.linalg.norm(stream.weights) <= 2.0 + 1e-9
    assert np.isfinite(stream.predict([0.0, 1.0])).all()


def test_the_projection_against_a_search():
    curvature, point = np.array([[4.0, 1.0], [1.0, 2.0]]), np.array([3.0, -2.0])
    found = _nearest_within(point, curvature, 1.5)
    around = np.linspace(0, 2 * np.pi, 200_000)
    ring = 1.5 * np.stack([np.cos(around), np.sin(around)], axis=1) - point
    distances = np.einsum("ni,ij,nj->n", ring, curvature, ring)
    assert (found - point) @ curvature @ (found - point) == pytest.approx(distances.min(), rel=1e-8)
    np.testing.assert_array_equal(_nearest_within(point, curvature, 4.0), point)


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan])
def test_scores_are_between_0_and_1(bad):
    with pytest.raises(UsageError, match="between 0 and 1"):
        OnlinePlatt().predict(bad)
    with pytest.raises(UsageError, match="between 0 and 1"):
        OnlinePlatt().stream([0.5, bad], [True, False])


def test_bad_use():
    with pytest.raises(UsageError, match="outcomes"):
        OnlinePlatt().stream([0.5, 0.5], [True])
    with pytest.raises(UsageError, match="positive"):
        OnlinePlatt(gamma=0.0)


def test_the_calibrator_maps_the_first_and_shares_the_rest():
    p, truth, _ = simulate(2000, 4, temperature=2.0)
    calibrator = OnlinePlattScaling().fit(p, truth)
    stream = OnlinePlatt()
    stream.stream(p.max(axis=1), p.argmax(axis=1) == truth)
    case = np.array([[0.9, 0.06, 0.03, 0.01]])
    mapped = float(stream.predict(0.9))
    assert 0.3 < mapped < 0.9
    expected = [mapped, *(np.array([0.06, 0.03, 0.01]) / 0.1 * (1 - mapped))]
    np.testing.assert_allclose(calibrator.calibrate(case)[0], expected, rtol=1e-9)


def test_the_second_never_overtakes():
    """All answers are wrong, so the stream says nearly 0: the first then ties with the second."""
    p = np.tile([0.8, 0.2], (500, 1))
    calibrated = (
        OnlinePlattScaling().fit(p, np.ones(500, dtype=int)).calibrate([[0.8, 0.2], [0.2, 0.8]])
    )
    np.testing.assert_allclose(calibrated, 0.5, atol=1e-6)
    assert calibrated.argmax(axis=1).tolist() == [0, 1]


def test_the_stream_goes_on_after_the_fit():
    p, truth, _ = simulate(400, 4, temperature=2.0)
    top, right = p.max(axis=1), p.argmax(axis=1) == truth
    stream = OnlinePlattScaling().fit(p[:300], truth[:300]).stream()
    whole, calibeated = OnlinePlatt().stream(top, right)
    forecasts, tracked = stream.stream(top[300:], right[300:])
    np.testing.assert_allclose(forecasts, whole[300:])
    np.testing.assert_allclose(tracked, calibeated[300:])
    assert OnlinePlattScaling().stream().predict(0.3) == pytest.approx(0.3)


def test_a_weight_stands_for_so_many_outcomes_in_the_bins() -> None:
    """Two bins, and a forecast that hardly moves: the tracked rate is the weighted one."""
    scores, outcomes = [0.3, 0.3, 0.3, 0.3], [True, False, False, True]
    weights = np.array([1.0, 4.0, 2.0, 1.0])
    stream = OnlinePlatt(gamma=1e6)
    stream.stream(scores, outcomes, weights)
    assert float(stream.calibeat(0.3)) == pytest.approx((1 + 1) / 8)
    plain = OnlinePlatt()
    same = OnlinePlatt()
    plain.stream(scores, outcomes)
    same.stream(scores, outcomes, np.ones(4))
    assert plain.weights == pytest.approx(same.weights)


def test_wrong_weights_are_refused() -> None:
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(UsageError, match="weight"):
            OnlinePlatt().update(0.5, True, wrong)
    with pytest.raises(UsageError, match="weights"):
        OnlinePlatt().stream([0.5, 0.5], [True, False], [1.0])
