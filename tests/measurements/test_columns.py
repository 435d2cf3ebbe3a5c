import numpy as np
import pytest

from triage.errors import UsageError
from triage.measurements.columns import column_counts, voxels
from triage.vocabulary.tissues import Tissue


@pytest.mark.parametrize("height", [1, 254, 255, 256, 600])
def test_equals_a_histogram_of_every_column(height):
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 15, (2, 3, height, 4)).astype(np.uint8)
    counts = column_counts(maps)
    expected = np.apply_along_axis(np.bincount, -2, maps, minlength=15)
    assert counts.shape == (2, 3, 15, 4)
    assert (counts == expected).all()
    several = voxels(counts, (Tissue.RPE, Tissue.CHOROID))
    assert (several == np.isin(maps, (7, 11)).sum(axis=-2)).all()


@pytest.mark.parametrize(
    "tissue",
    [
        np.full((2, 5, 3), 15, np.uint8),
        np.zeros((2, 5, 3), np.int64),
        np.zeros((5, 3), np.uint8),
        np.zeros((2, 0, 3), np.uint8),
    ],
)
def test_what_is_no_tissue_map_is_refused(tissue):
    with pytest.raises(UsageError, match="tissue map"):
        column_counts(tissue)
