"""What every calibrator of the registry promises."""

import inspect

import numpy as np
import pytest

from tests.uncertainty.calibration.make import fitted, keys, log_loss, simulate
from triage.errors import UsageError
from triage.uncertainty.calibration import CALIBRATORS

every = pytest.mark.parametrize("key", CALIBRATORS)
K = 5


@pytest.fixture(scope="module")
def seen():
    return simulate(400, K, temperature=2.0, tilt=1.0, seed=1)


@pytest.fixture(scope="module")
def cases():
    return simulate(4000, K, temperature=2.0, tilt=1.0, seed=2)


def assert_distributions(calibrated, shape):
    assert calibrated.shape == shape
    assert calibrated.dtype == np.float64
    assert np.isfinite(calibrated).all()
    assert (calibrated > 0).all()
    np.testing.assert_allclose(calibrated.sum(axis=1), 1.0, rtol=1e-12)


@every
def test_rows_are_distributions(key, seen, cases):
    p, _, distance = cases
    assert_distributions(fitted(key, seen).calibrate(p, distance), p.shape)


@every
def test_each_case_is_calibrated_by_itself(key, seen, cases):
    p, _, distance = cases
    calibrator = fitted(key, seen)
    whole = calibrator.calibrate(p, distance)
    order = np.random.default_rng(0).permutation(len(p))
    np.testing.assert_allclose(
        calibrator.calibrate(p[order], distance[order]), whole[order], rtol=1e-12
    )
    np.testing.assert_allclose(calibrator.calibrate(p[:1], distance[:1]), whole[:1], rtol=1e-12)


@pytest.mark.parametrize("key", keys(in_order=False))
def test_the_order_of_validation_cases_does_not_matter(key, seen, cases):
    p, _, distance = cases
    order = np.random.default_rng(0).permutation(len(seen[0]))
    shuffled = fitted(key, [part[order] for part in seen])
    np.testing.assert_allclose(
        shuffled.calibrate(p, distance), fitted(key, seen).calibrate(p, distance), atol=1e-4
    )


@every
def test_it_helps_where_the_ensemble_is_overconfident(key, seen, cases):
    p, truth, distance = cases
    before, after = log_loss(p, truth), log_loss(fitted(key, seen).calibrate(p, distance), truth)
    assert after < before - 0.05 if key != "none" else after == pytest.approx(before)


@every
def test_it_hardly_harms_where_nothing_is_wrong(key):
    p, truth, distance = simulate(4000, K, seed=4)
    calibrated = fitted(key, simulate(1000, K, seed=3)).calibrate(p, distance)
    # what the curves lose between their steps
    small = 0.05 if key in ("isotonic", "histogram") else 0.005
    assert log_loss(calibrated, truth) < log_loss(p, truth) + small


@pytest.mark.parametrize("key", keys(keeps_ranking=True))
def test_conditions_stay_in_order_where_promised(key, cases):
    p, _, distance = cases
    for data in (
        simulate(300, K, temperature=8.0, growth=1.0, seed=5),
        simulate(300, K, temperature=0.4, seed=6),
        simulate(300, K, tilt=9.0, seed=7),
    ):
        calibrated = fitted(key, data).calibrate(p, distance)
        assert (calibrated.argmax(axis=1) == p.argmax(axis=1)).all()
        ranked = np.take_along_axis(calibrated, p.argsort(axis=1), axis=1)
        assert (np.diff(ranked, axis=1) >= 0).all()


@pytest.mark.parametrize("key", keys(keeps_ranking=False))
def test_the_others_do_change_it(key, cases):
    p, _, distance = cases
    calibrated = fitted(key, simulate(300, K, tilt=9.0, seed=7)).calibrate(p, distance)
    assert (calibrated.argmax(axis=1) != p.argmax(axis=1)).any()


@every
def test_only_proportions_are_read(key, seen, cases):
    p, _, distance = cases
    calibrator = fitted(key, seen)
    np.testing.assert_allclose(
        calibrator.calibrate(p * 0.4, distance), calibrator.calibrate(p, distance), rtol=1e-9
    )


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_short_floats(key, seen, cases, dtype):
    p, truth, distance = cases
    calibrator = fitted(key, (seen[0].astype(dtype), seen[1], seen[2].astype(dtype)))
    calibrated = calibrator.calibrate(p.astype(dtype), distance.astype(dtype))
    assert_distributions(calibrated, p.shape)
    exact = fitted(key, seen).calibrate(p, distance)
    assert log_loss(calibrated, truth) == pytest.approx(log_loss(exact, truth), abs=0.02)


@every
def test_conditions_without_validation_cases(key, seen, cases):
    p, _, distance = cases
    kept = seen[1] < 3
    calibrator = fitted(key, [part[kept] for part in seen])
    calibrated = calibrator.calibrate(p, distance)
    assert_distributions(calibrated, p.shape)
    if calibrator.info.by_condition:
        np.testing.assert_allclose(calibrated[:, 3:], p[:, 3:])
        among = fitted(key, (seen[0][kept][:, :3], seen[1][kept])).calibrate(p[:, :3])
        share = p[:, :3].sum(axis=1, keepdims=True)
        np.testing.assert_allclose(calibrated[:, :3], share * among, rtol=1e-6)
    else:
        assert (calibrated[:, 3:].max(axis=0) > 0.5).all(), "still possible"


@every
@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_few_cases(key, n, k):
    calibrator = fitted(key, simulate(n, k, seed=n))
    p, _, distance = simulate(50, k, seed=9)
    assert_distributions(calibrator.calibrate(p, distance), p.shape)
    if k == 1:
        assert (calibrator.calibrate(p, distance) == 1).all()


@every
@pytest.mark.parametrize("row", [[0.25] * 4, [1.0, 0.0, 0.0, 0.0], [0.0] * 4])
def test_constant_inputs(key, row):
    p, distance = np.tile(row, (40, 1)), np.full(40, 3.0)
    calibrator = CALIBRATORS[key]().fit(p, np.arange(40) % 4, distance)
    assert_distributions(calibrator.calibrate(p, distance), p.shape)
    others, _, away = simulate(50, 4, seed=9)
    assert_distributions(calibrator.calibrate(others, away), others.shape)


@every
def test_unfitted(key, cases):
    with pytest.raises(UsageError, match="not fitted"):
        CALIBRATORS[key]().calibrate(cases[0], cases[2])


@every
def test_another_number_of_conditions(key, seen):
    with pytest.raises(UsageError, match="5 conditions, not 3"):
        fitted(key, seen).calibrate(np.ones((2, 3)), np.ones(2))


@every
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"p": np.nan}, "not finite"),
        ({"p": np.inf}, "not finite"),
        ({"p": -0.1}, "negative"),
        ({"truth": -1}, "inlier"),
        ({"truth": K}, "inlier"),
        ({"kind": float}, "inlier"),
        ({"keep": 0}, "at least one"),
        ({"labels": 3}, "3 labels"),
    ],
)
def test_what_cannot_be_learned_from(key, seen, change, words):
    p, truth, distance = (part.copy() for part in seen)
    p[5, 2] = change.get("p", p[5, 2])
    truth[5] = change.get("truth", truth[5])
    keep = change.get("keep", len(p))
    labels = truth[: change.get("labels", keep)].astype(change.get("kind", int))
    with pytest.raises(UsageError, match=words):
        CALIBRATORS[key]().fit(p[:keep], labels, distance[:keep])


@every
@pytest.mark.parametrize(
    "bad",
    [np.full((2, K), np.nan), np.full((2, K), -1.0), np.full((2, K), 2.0), np.ones(K)],
)
def test_what_cannot_be_calibrated(key, seen, bad):
    with pytest.raises(UsageError, match="probabilities"):
        fitted(key, seen).calibrate(bad, np.zeros(len(bad)))


@pytest.mark.parametrize("key", keys(needs_distance=True))
def test_missing_and_bad_distances(key, seen):
    p, truth, distance = seen
    for bad, words in (
        (None, "distance"),
        (distance[:3], "distances of shape"),
        (np.where(distance > 1, np.nan, 0.0), "not finite"),
    ):
        with pytest.raises(UsageError, match=words):
            CALIBRATORS[key]().fit(p, truth, bad)
        with pytest.raises(UsageError, match=words):
            fitted(key, seen).calibrate(p, bad)


@pytest.mark.parametrize("key", keys(needs_distance=False))
def test_the_others_need_no_distance(key, seen):
    p, truth, distance = seen
    without = CALIBRATORS[key]().fit(p, truth).calibrate(p)
    np.testing.assert_array_equal(without, fitted(key, seen).calibrate(p, distance))


@every
def test_learned_names_are_declared_and_text_is_fit_for_tables(key, seen):
    calibrator = fitted(key, seen)
    assert calibrator.learned().keys() == {"present", *calibrator.arrays}
    info = calibrator.info
    assert info.key == key
    assert info.title
    assert info.source
    assert info.parameters
    assert inspect.getdoc(type(calibrator))


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        ("vector", {"spread": 0.0}),
        ("dirichlet", {"strengths": ()}),
        ("dirichlet", {"strengths": (1.0, 0.0)}),
        ("dirichlet", {"folds": 1}),
        ("histogram", {"bins": 0}),
    ],
)
def test_settings_that_cannot_work(key, settings):
    with pytest.raises(UsageError, match=key):
        CALIBRATORS[key](**settings)


def test_unknown_names_get_the_nearest():
    with pytest.raises(UsageError, match="Did you mean dirichlet"):
        CALIBRATORS["dirichelt"]()
    with pytest.raises(UsageError, match="There are none, temperature"):
        CALIBRATORS["xyz"]()


@every
def test_only_proportions_are_read_however_small_the_row(key, seen):
    """What is known may be almost nothing of a case; its proportions are no less."""
    calibrator = fitted(key, seen)
    p = np.array([[0.9, 0.05, 0.03, 0.015, 0.005]])
    whole = calibrator.calibrate(p, np.zeros(1))
    for share in (1e-6, 1e-13, 1e-30):
        np.testing.assert_allclose(calibrator.calibrate(p * share, np.zeros(1)), whole, rtol=1e-6)
