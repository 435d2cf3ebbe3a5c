import tracemalloc

import numpy as np
import pytest
import torch
from torch.nn import functional

from triage.models.oct.settings import ReferralSettings
from triage.models.oct.tissue_cells import ABOVE, level_of, tissue_cells
from triage.vocabulary.tissues import Tissue


def a_map(slices: int = 12, rows: int = 80, columns: int = 60) -> np.ndarray:
    tissue = np.full((slices, rows, columns), Tissue.VITREOUS, dtype=np.uint8)
    tissue[:, 40:55] = Tissue.NEUROSENSORY_RETINA
    tissue[:, 55:57] = Tissue.RPE
    tissue[:, 57:] = Tissue.CHOROID
    return tissue


SETTINGS = ReferralSettings(cells=(6, 16, 10), field=(6.0, 1.6, 6.0))
SPACING = (0.5, 0.02, 0.1)  # the whole map is the field: 12 x 0.5, 80 x 0.02, 60 x 0.1 mm


def test_shares_of_a_map_as_large_as_the_field() -> None:
    cells = tissue_cells(a_map(), SPACING, SETTINGS)
    assert cells.shape == (15, 6, 16, 10)
    # The pigment epithelium (row 55 or 56 of 80) is moved to three quarters of the depth: row 60.
    share = cells.sum(axis=0, dtype=int)
    assert (share[:, 0] == 0).all()  # the scan begins five rows below the field
    assert share[:, 1:].min() >= 250
    assert int(cells[Tissue.RPE, 0, :, 0].argmax()) == 12
    retina = cells[Tissue.NEUROSENSORY_RETINA].astype(float).sum() / 255 * 5
    assert retina == pytest.approx(6 * 10 * 15, rel=0.02)  # 15 rows, five rows a cell


def test_the_same_tissue_from_another_scanner_gives_the_same_cells() -> None:
    fine = a_map(24, 160, 120)
    fine[:] = np.repeat(np.repeat(np.repeat(a_map(), 2, 0), 2, 1), 2, 2)
    half = tuple(step / 2 for step in SPACING)
    coarse = tissue_cells(a_map(), SPACING, SETTINGS).astype(int)
    other = tissue_cells(fine, half, SETTINGS).astype(int)  # type: ignore[arg-type]
    assert np.abs(coarse - other).mean() < 3


def test_what_lies_beyond_the_scan_holds_no_tissue() -> None:
    narrow = a_map()[:, :, 15:45]  # 3 mm of 6
    cells = tissue_cells(narrow, SPACING, SETTINGS).sum(axis=0, dtype=int)
    assert (cells[:, 6:14, [0, 1, 8, 9]] == 0).all()
    assert (cells[:, 6:14, 4:6] >= 250).all()


def test_the_level_falls_back_to_the_retina_then_to_a_place() -> None:
    tissue = a_map()
    assert level_of(tissue) in (55, 56)
    tissue[tissue == Tissue.RPE] = Tissue.CHOROID
    assert 45 <= level_of(tissue) <= 49
    assert level_of(np.zeros((2, 80, 10), dtype=np.uint8)) == 60


@pytest.mark.parametrize("seed", range(12))
def test_cells_are_those_of_adaptive_pooling(seed: int) -> None:
    """Against PyTorch on the field laid out in samples."""
    chance = np.random.default_rng(seed)
    shape = chance.integers(1, 30, 3)
    tissue = chance.integers(0, len(Tissue), shape).astype(np.uint8)
    tissue[:, :1] = Tissue.RPE
    spacing = tuple(chance.uniform((0.1, 0.02, 0.05), (1.5, 0.2, 0.5)))
    extents = [round(side / step) for side, step in zip(SETTINGS.field, spacing, strict=True)]
    starts = [
        round(shape[0] / 2 - extents[0] / 2),
        round(level_of(tissue) - ABOVE * extents[1]),
        round(shape[2] / 2 - extents[2] / 2),
    ]
    places = [start + np.arange(extent) for start, extent in zip(starts, extents, strict=True)]
    inside = [(at >= 0) & (at < side) for at, side in zip(places, shape, strict=True)]
    laid = tissue[np.ix_(*(np.clip(at, 0, side - 1)
                           for at, side in zip(places, shape, strict=True)))]  # fmt: skip
    laid[~(inside[0][:, None, None] & inside[1][:, None] & inside[2])] = 255
    shares = torch.stack(
        [torch.from_numpy(laid == number).double() for number in range(len(Tissue))]
    )
    pooled = functional.adaptive_avg_pool3d(shares[None], SETTINGS.cells)[0].numpy()
    found = tissue_cells(tissue, spacing, SETTINGS).astype(float)
    assert np.abs(found - 255 * pooled).max() <= 0.5001


@pytest.mark.parametrize("spacing", [(0.2, 0.0006, 0.002), (1e-6, 1e-6, 1e-6), (1e-9, 0.02, 0.1)])
def test_a_scan_of_few_micrometres_takes_no_more_memory(
    spacing: tuple[float, float, float],
) -> None:
    """Its scale comes from the file: a field laid out in its samples would fill any memory."""
    tracemalloc.start()
    try:
        cells = tissue_cells(a_map(3, 32, 32), spacing, SETTINGS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert cells.shape == (15, 6, 16, 10)
    assert peak < 8 * 2**20
