import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import norm

from triage.errors import UsageError
from triage.uncertainty.combination.normal_scale import LIMIT, NormalScale


def test_quantiles_of_inliers_become_those_of_a_normal() -> None:
    inliers = np.random.default_rng(0).exponential(size=4000)
    scale = NormalScale.fit(inliers)
    shares = np.array([0.05, 0.25, 0.5, 0.9, 0.97])
    placed = scale.of(np.quantile(inliers, shares))
    assert placed == pytest.approx(norm.ppf(shares), abs=0.1)


def test_units_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    inliers, cases = rng.normal(size=300), rng.normal(0, 4, size=50)
    placed = NormalScale.fit(inliers).of(cases)
    moved = NormalScale.fit(1e5 * inliers - 7).of(1e5 * cases - 7)
    assert moved == pytest.approx(placed, abs=1e-6)


def test_the_order_is_kept_far_out_too() -> None:
    scale = NormalScale.fit(np.random.default_rng(2).gamma(2.0, size=200))
    placed = scale.of(np.linspace(-8, 30, 400))
    assert (np.diff(placed) > 0).all()
    assert np.abs(placed).max() < LIMIT
    assert scale.of(np.array([1e300, -1e300])) == pytest.approx([LIMIT, -LIMIT])


def test_outside_it_is_a_line() -> None:
    scale = NormalScale.fit(np.random.default_rng(3).normal(size=100))
    top = scale.scores[-1]
    one, two = scale.of(np.array([top + 0.5, top + 1.0])) - scale.normal[-1]
    assert two == pytest.approx(2 * one)
    assert one == pytest.approx(0.5 * scale.above)


@pytest.mark.parametrize("inliers", [np.full(50, 0.3), np.r_[np.zeros(90), 1.0, 2.0]])
def test_inliers_that_share_a_score(inliers: np.ndarray) -> None:
    scale = NormalScale.fit(inliers)
    placed = scale.of(np.array([-1.0, inliers[0], 5.0]))
    assert np.isfinite(placed).all()
    assert placed[0] < placed[1] < placed[2]
    if len(set(inliers)) == 1:
        assert placed[1] == pytest.approx(0.0)


def test_it_survives_json() -> None:
    scale = NormalScale.fit(np.random.default_rng(4).normal(size=60))
    again = NormalScale.model_validate_json(scale.model_dump_json())
    assert again == scale


def test_bad_input() -> None:
    with pytest.raises(UsageError, match="too few inliers"):
        NormalScale.fit(np.zeros(1))
    for scores, normal, above in (
        ((1.0, 0.0), (0.0, 1.0), 1.0),
        ((), (), 1.0),
        ((0.0,), (0.0,), -1.0),
    ):
        with pytest.raises(ValidationError):
            NormalScale(scores=scores, normal=normal, below=1.0, above=above)
