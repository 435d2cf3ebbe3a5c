import numpy as np
import pytest

from triage.errors import UsageError
from triage.evaluation.segmentation import (
    SegmentationEvaluator,
    SegmentationResult,
    TruthAndPrediction,
    evaluate_maps,
)

CLASSES = ("vitreous", "retina", "fluid")
SPACING = (0.1, 0.004, 0.01)


def layered(bottom, fluid=False):
    tissue = np.zeros((2, 12, 6), np.uint8)
    tissue[:, 4:bottom] = 1
    if fluid:
        tissue[:, 5, 2:4] = 2
    return tissue


def test_scores_by_hand():
    volumes = [
        TruthAndPrediction(layered(8), layered(8), "a", SPACING),
        TruthAndPrediction(layered(8), layered(10), "b", SPACING),
        TruthAndPrediction(layered(8, fluid=True), layered(8), "c", SPACING),
        TruthAndPrediction(layered(8), layered(8, fluid=True), "d", SPACING),
    ]
    found = evaluate_maps(iter(volumes), CLASSES, n_resamples=200)
    assert (found.n_volumes, found.n_patients) == (4, 4)
    # 48 voxels of retina each, 44 where fluid lies in it
    retina = [1, 2 * 48 / (48 + 72), 2 * 44 / (44 + 48), 2 * 44 / (44 + 48)]
    assert found["retina"].dice.value == pytest.approx(np.mean(retina))
    pooled = 2 * (48 + 48 + 44 + 44) / (48 + 48 + 44 + 48 + 48 + 72 + 48 + 44)
    assert found["retina"].dice_pooled == pytest.approx(pooled)
    fluid = found["fluid"]
    assert (fluid.n_volumes, fluid.n_missed, fluid.n_invented) == (1, 1, 1)
    assert fluid.dice.value == 0
    assert fluid.assd.value is None
    assert fluid.ece is None
    assert fluid.dice.evidence == "not enough"
    vitreous = found["vitreous"].dice.value
    assert found.mean_dice.value == pytest.approx((vitreous + np.mean(retina) + 0) / 3)
    assert SegmentationResult.model_validate_json(found.model_dump_json()) == found


def test_interval_resamples_patients():
    rng = np.random.default_rng(0)
    bottoms = rng.integers(7, 12, 12)
    names = [f"p{i // 2}" for i in range(12)]
    volumes = [
        TruthAndPrediction(layered(8), layered(b), name)
        for b, name in zip(bottoms, names, strict=True)
    ]
    found = evaluate_maps(volumes, CLASSES, n_resamples=2000)["retina"].dice
    per_volume = 2 * np.minimum(4, bottoms - 4) / (4 + bottoms - 4)
    by_patient = per_volume.reshape(6, 2).mean(axis=1)
    draws = by_patient[rng.integers(0, 6, (20_000, 6))].mean(axis=1)
    assert found.value == pytest.approx(per_volume.mean())
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.02)
    assert (found.n_cases, found.n_clusters) == (12, 6)


def test_calibration_and_uncertainty_are_measured_where_given():
    truth = layered(8)
    p = np.moveaxis(np.eye(3)[truth], -1, 0).astype(np.float32)
    evaluator = SegmentationEvaluator(CLASSES, distances=False)
    evaluator.add(
        TruthAndPrediction(truth, truth, "a", SPACING, p, np.zeros(truth.shape, np.float32))
    )
    found = evaluator.result(n_resamples=10)
    assert found["retina"].ece == 0
    assert found["retina"].ece_relevant == 0
    assert found["fluid"].ece_relevant is None
    assert found["retina"].qubrats.value == pytest.approx(1)
    assert found["retina"].assd.value is None
    assert found["retina"].dice.low is None


def test_nothing_to_evaluate():
    with pytest.raises(UsageError, match="no volumes"):
        evaluate_maps([], CLASSES)
