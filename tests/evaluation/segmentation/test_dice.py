import numpy as np
import pytest
import torch
from monai.metrics import compute_dice

from triage.errors import UsageError
from triage.evaluation.segmentation.dice import dice, voxel_confusion


def test_by_hand():
    truth = np.array([[[0, 1, 1, 1]]], dtype=np.uint8)
    predicted = np.array([[[0, 0, 1, 2]]], dtype=np.uint8)
    table = voxel_confusion(truth, predicted, 4)
    assert table.tolist() == [[1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    found = dice(table)
    # class 2 is invented: 0, class 3 in neither: undefined
    assert found[:3] == pytest.approx([2 / 3, 2 / 4, 0])
    assert np.isnan(found[3])


def test_equals_monai_where_the_truth_has_the_class():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 6, (3, 2, 8, 9)).astype(np.uint8)
    truth[1][truth[1] == 4] = 0
    predicted = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 6, truth.shape))
    predicted = predicted.astype(np.uint8)
    tables = np.stack([voxel_confusion(t, p, 6) for t, p in zip(truth, predicted, strict=True)])
    one_hot = [
        torch.nn.functional.one_hot(torch.from_numpy(x.astype(int)), 6).movedim(-1, 1)
        for x in (predicted, truth)
    ]
    expected = compute_dice(*one_hot, include_background=True).numpy()
    present = tables.sum(axis=2) > 0
    assert np.where(present, dice(tables), np.nan) == pytest.approx(expected, nan_ok=True)


def test_every_class_number_fits():
    both = np.array([[[254]]], dtype=np.uint8)
    assert voxel_confusion(both, both, 255)[254, 254] == 1


@pytest.mark.parametrize(("shape", "value"), [((1, 2, 2), 0), ((1, 2, 3), 5)])
def test_maps_that_cannot_be_compared(shape, value):
    with pytest.raises(UsageError):
        voxel_confusion(np.zeros((1, 2, 3), np.uint8), np.full(shape, value, np.uint8), 5)
