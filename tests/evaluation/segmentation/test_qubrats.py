import numpy as np
import pytest
from sklearn.metrics import auc

from triage.errors import UsageError
from triage.evaluation.segmentation.qubrats import THRESHOLDS, qubrats


def brute_force(truth, predicted, uncertainty):
    """Mehta et al. 2022, threshold by threshold, on binary masks."""
    dice, ftp, ftn = [], [], []
    tp, tn = truth & predicted, ~truth & ~predicted
    for threshold in THRESHOLDS:
        kept = uncertainty <= threshold
        size = (truth & kept).sum() + (predicted & kept).sum()
        dice.append(2 * (tp & kept).sum() / size if size else 1.0)
        ftp.append((tp & ~kept).sum() / max(tp.sum(), 1))
        ftn.append((tn & ~kept).sum() / max(tn.sum(), 1))
    areas = [auc(THRESHOLDS, curve) / 100 for curve in (dice, ftp, ftn)]
    return (areas[0] + 1 - areas[1] + 1 - areas[2]) / 3, *areas


def test_equals_brute_force():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (2, 9, 8)).astype(np.uint8)
    wrong = rng.random(truth.shape) < 0.3
    predicted = np.where(wrong, rng.integers(0, 3, truth.shape), truth).astype(np.uint8)
    uncertainty = np.round(np.clip(rng.normal(20 + 40 * wrong, 20), 0, 100) / 2.5) * 2.5
    found = qubrats(truth, predicted, uncertainty, 4)
    for label in range(3):
        expected = brute_force(truth == label, predicted == label, uncertainty)
        assert [part[label] for part in found] == pytest.approx(list(expected))
    assert np.isnan(found.score[3])


def test_knowing_what_is_wrong_is_perfect_but_for_the_last_threshold():
    truth = np.array([[[0, 0, 1, 1]]], np.uint8)
    predicted = np.array([[[0, 1, 1, 1]]], np.uint8)
    knows = qubrats(truth, predicted, np.array([[[0.0, 100, 0, 0]]]), 2)
    # Dice of class 1 is 1 up to 97.5 and 4/5 at 100
    assert knows.dice_area[1] == pytest.approx(1 - 0.025 * 0.2 / 2)
    assert knows.ftp_area[1] == knows.ftn_area[1] == 0
    blind = qubrats(truth, predicted, np.array([[[100.0, 0, 100, 100]]]), 2)
    assert blind.score[1] < 0.4 < knows.score[1]


def test_certain_everywhere_scores_its_dice():
    truth = np.array([[[0, 0, 1, 1]]], np.uint8)
    predicted = np.array([[[0, 1, 1, 1]]], np.uint8)
    found = qubrats(truth, predicted, np.zeros(truth.shape), 2)
    assert found.score[1] == pytest.approx((4 / 5 + 2) / 3)


@pytest.mark.parametrize("value", [-1.0, 101.0, np.nan])
def test_unusable_uncertainty_is_refused(value):
    zeros = np.zeros((1, 1, 2), np.uint8)
    with pytest.raises(UsageError):
        qubrats(zeros, zeros, np.full((1, 1, 2), value), 2)
    with pytest.raises(UsageError):
        qubrats(zeros, zeros, np.zeros((1, 2, 2)), 2)
