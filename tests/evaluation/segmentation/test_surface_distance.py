import numpy as np
import pytest
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

from triage.evaluation.segmentation.surface_distance import surface_distance

SPACING = (0.12, 0.004, 0.011)


def box(shape, *ranges):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*r) for r in ranges)] = True
    return mask


def test_parallel_sheets_lie_rows_apart():
    first = box((4, 20, 10), (None,), (5, 6), (None,))
    second = box((4, 20, 10), (None,), (9, 10), (None,))
    found = surface_distance(first, second, SPACING)
    assert found.average == pytest.approx(4 * 4.0)
    assert found.hausdorff95 == pytest.approx(16.0)


def test_one_far_voxel_moves_the_average_and_not_the_quantile():
    first = box((1, 40, 50), (None,), (5, 6), (None,))
    second = first.copy()
    second[0, 35, 0] = True
    found = surface_distance(first, second, (1.0, 0.001, 0.001))
    assert found.hausdorff95 == 0
    assert found.average == pytest.approx(30 / 101)


def test_empty_masks_have_no_distance():
    some, none = np.ones((2, 3, 4), bool), np.zeros((2, 3, 4), bool)
    assert np.isnan(surface_distance(some, none, SPACING)).all()
    assert np.isnan(surface_distance(none, none, SPACING)).all()
    assert surface_distance(some, some, SPACING) == (0, 0)


def test_equals_monai():
    rng = np.random.default_rng(0)
    first = box((6, 24, 20), (1, 5), (6, 14), (3, 17))
    second = box((6, 24, 20), (0, 4), (8, 15), (4, 19)) & (rng.random((6, 24, 20)) > 0.02)
    found = surface_distance(first, second, SPACING)
    tensors = [torch.from_numpy(x[None, None].astype(float)) for x in (second, first)]
    options = {"include_background": True, "spacing": [list(SPACING)]}
    average = compute_average_surface_distance(*tensors, symmetric=True, **options)
    extreme = compute_hausdorff_distance(*tensors, percentile=95, **options)
    assert found.average == pytest.approx(1000 * average.item(), rel=1e-4)
    assert found.hausdorff95 == pytest.approx(1000 * extreme.item(), rel=1e-4)
