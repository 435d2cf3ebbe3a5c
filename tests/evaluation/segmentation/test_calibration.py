import numpy as np
import pytest

from triage.errors import UsageError
from triage.evaluation.segmentation.calibration import VoxelCalibration


def brute_force(p, hit, bins=15):
    edges = np.linspace(0, 1, bins + 1)
    total = 0.0
    for b in range(bins):
        here = (p > edges[b]) & (p <= edges[b + 1])
        if b == 0:
            here |= p == 0
        if here.any():
            total += here.mean() * abs(hit[here].mean() - p[here].mean())
    return total


def test_equals_brute_force_over_all_and_relevant_voxels():
    rng = np.random.default_rng(0)
    calibration = VoxelCalibration(4)
    volumes = []
    for depth in (3, 5):
        p = rng.dirichlet(np.full(4, 0.4), (depth, 6, 7))
        truth = rng.integers(0, 4, (depth, 6, 7)).astype(np.uint8)
        calibration.add(np.moveaxis(p, -1, 0), truth)
        volumes.append((p.reshape(-1, 4), truth.ravel()))
    p, truth = (np.concatenate(part) for part in zip(*volumes, strict=True))
    for label in range(4):
        expected = brute_force(p[:, label], truth == label)
        assert calibration.error()[label] == pytest.approx(expected)
        near = (truth == label) | (p.argmax(axis=1) == label)
        expected = brute_force(p[near, label], truth[near] == label)
        assert calibration.error(relevant=True)[label] == pytest.approx(expected)


def test_honest_probabilities_have_little_error():
    rng = np.random.default_rng(1)
    p = rng.random(200_000)
    truth = (rng.random(200_000) < p).astype(np.uint8).reshape(1, 400, 500)
    p = p.reshape(truth.shape)
    honest, sure = VoxelCalibration(2), VoxelCalibration(2)
    honest.add(np.stack([1 - p, p]), truth)
    sure.add(np.stack([p < 0.5, p >= 0.5]).astype(np.float32), truth)
    assert honest.error().max() < 0.01
    assert sure.error().min() > 0.2


def test_nothing_seen_is_undefined():
    assert np.isnan(VoxelCalibration(3).error()).all()


@pytest.mark.parametrize(
    "p", [np.full((2, 1, 2, 3), np.nan), np.full((2, 1, 2, 3), 1.2), np.zeros((3, 1, 2, 3))]
)
def test_unusable_probabilities_are_refused(p):
    with pytest.raises(UsageError):
        VoxelCalibration(2).add(p, np.zeros((1, 2, 3), np.uint8))
