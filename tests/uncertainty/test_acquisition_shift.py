import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from triage.errors import UsageError
from triage.uncertainty.acquisition_shift import SHRINKAGE, AcquisitionShift

RNG = np.random.default_rng(0)
TRAINING = RNG.normal([1.0, -2.0, 5.0], [0.5, 2.0, 1.0], (200, 3))
VALIDATION = RNG.normal([1.0, -2.0, 5.0], [0.5, 2.0, 1.0], (100, 3))


def test_the_distance_is_mahalanobis_on_a_shrunk_covariance() -> None:
    shift = AcquisitionShift.fit(TRAINING, VALIDATION)
    centre, scale = TRAINING.mean(axis=0), TRAINING.std(axis=0)
    covariance = np.cov((TRAINING - centre) / scale, rowvar=False)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(3)
    inverse = np.linalg.inv(shrunk)
    expected = [mahalanobis((row - centre) / scale, np.zeros(3), inverse) for row in VALIDATION]
    assert shift.distance(VALIDATION) == pytest.approx(expected)


def test_the_limit_lets_the_stated_share_of_validation_pass() -> None:
    shift = AcquisitionShift.fit(TRAINING, VALIDATION, quantile=0.9)
    assert (shift.distance(VALIDATION) <= shift.limit).mean() == pytest.approx(0.9, abs=0.02)


def test_another_device_is_far() -> None:
    shift = AcquisitionShift.fit(TRAINING, VALIDATION)
    other = VALIDATION + np.array([0.0, 0.0, 12.0])
    assert (shift.distance(other) > shift.limit).all()


def test_a_feature_that_never_varied_may_not_jump() -> None:
    constant = np.concatenate([TRAINING, np.full((200, 1), 3.0)], axis=1)
    shift = AcquisitionShift.fit(constant, constant)
    moved = constant[:1] + np.array([0, 0, 0, 0.5])
    assert shift.distance(moved)[0] > shift.limit


def test_it_is_read_back_as_it_was() -> None:
    shift = AcquisitionShift.fit(TRAINING, VALIDATION)
    again = AcquisitionShift.model_validate_json(shift.model_dump_json())
    assert (again.distance(VALIDATION) == shift.distance(VALIDATION)).all()


def test_too_few_scans() -> None:
    with pytest.raises(UsageError, match="too few"):
        AcquisitionShift.fit(TRAINING[:1], VALIDATION)
