import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from scipy.special import logit

from triage.errors import UsageError
from triage.uncertainty.feature_distance import FeatureDistance

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(6, 6))
INLIERS = (RNG.normal(size=(300, 6)) @ MIX + 3).astype(np.float32)


def test_with_all_directions_it_is_the_mahalanobis_distance() -> None:
    found = FeatureDistance.fit(INLIERS, dimensions=6).distance(INLIERS[:20])
    inverse = np.linalg.inv(np.cov(INLIERS.astype(np.float64), rowvar=False))
    centre = INLIERS.mean(axis=0, dtype=np.float64)
    expected = [mahalanobis(row, centre, inverse) for row in INLIERS[:20].astype(np.float64)]
    assert found == pytest.approx(expected, rel=1e-4)


def test_training_inliers_have_unit_variance_along_every_direction() -> None:
    distance = FeatureDistance.fit(INLIERS, dimensions=3)
    along = (INLIERS - np.array(distance.centre)) @ np.array(distance.directions).T
    assert np.cov(along, rowvar=False) == pytest.approx(np.eye(3), abs=1e-4)


def test_what_is_far_is_farther() -> None:
    distance = FeatureDistance.fit(INLIERS, dimensions=4)
    assert distance.of(INLIERS * 5).min() > distance.of(INLIERS).mean()


def test_the_score_is_bounded_and_keeps_the_order() -> None:
    fitted = FeatureDistance.fit(INLIERS)
    score, distance = fitted.of(INLIERS), fitted.distance(INLIERS)
    assert ((score >= 0) & (score < 1)).all()
    assert logit(score) == pytest.approx(np.log(distance))


def test_features_that_never_vary_do_no_harm() -> None:
    dull = np.concatenate([INLIERS, np.zeros((300, 2), np.float32)], axis=1)
    assert np.isfinite(FeatureDistance.fit(dull).of(dull)).all()


def test_it_is_read_back_as_it_was() -> None:
    distance = FeatureDistance.fit(INLIERS)
    again = FeatureDistance.model_validate_json(distance.model_dump_json())
    assert (again.of(INLIERS) == distance.of(INLIERS)).all()


def test_too_few() -> None:
    with pytest.raises(UsageError, match="too few"):
        FeatureDistance.fit(INLIERS[:1])
