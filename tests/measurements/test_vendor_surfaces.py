"""Thickness against the scanner's own surfaces, on real B-scans beside the checkout."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.measurements.synthetic import layered
from triage.measurements.boundaries import boundaries
from triage.measurements.columns import column_counts
from triage.measurements.signal import bscan_signal, ungradable
from triage.measurements.thickness import retinal_thickness, total_thickness
from triage.vocabulary.tissues import Tissue

pytestmark = pytest.mark.realdata
DEPTH = 0.003871
"""mm a row of a Spectralis."""
RPE_ROWS = 5
NAMES = ("Willis_B_716_0", "Willis_B_716_2", "Willis_B_716_4", "valid")


@pytest.fixture(scope="module")
def folder(shared):
    found = shared / "data" / "oct" / "segmentation" / "vol_layers"
    if not found.is_dir():
        pytest.skip("needs the vendor surfaces of the research data")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_map_painted_from_vendor_surfaces_measures_within_a_row(folder, name):
    table = pd.read_csv(folder / f"{name}_surfaces.csv")
    ilm, bruch = (table[column].to_numpy()[None] for column in ("ILM", "BM"))
    known = np.isfinite(ilm) & np.isfinite(bruch)
    assert known.mean() > 0.5
    height = Image.open(folder / f"{name}.png").height
    filled = (np.where(known, np.nan_to_num(surface), height) for surface in (ilm, bruch))
    top, base = (np.rint(surface) for surface in filled)
    tissue = layered(top, base - RPE_ROWS, base, height)
    counts = column_counts(tissue)
    row = 1000 * DEPTH
    total = total_thickness(counts, DEPTH)
    assert np.array_equal(np.isfinite(total), known)
    vendor = (bruch - ilm)[known] * row
    assert np.abs(total[known] - vendor).max() <= row + 1e-3
    assert total[known].mean() == pytest.approx(vendor.mean(), abs=row / 4)
    retina = retinal_thickness(counts, DEPTH)[known]
    assert np.abs(retina - (vendor - RPE_ROWS * row)).max() <= row + 1e-3
    found = boundaries(tissue)
    assert np.abs(found.ilm - ilm)[known].max() <= 0.5
    assert np.abs(found.bruch - bruch)[known].max() <= 0.5


def test_real_volumes_are_gradable(shared):
    files = sorted((shared / "data" / "oct" / "volumes_npz").glob("*.npz"))
    if not files:
        pytest.skip("needs the volumes of the research data")
    for file in files:
        bscans = np.load(file)["volume"]
        signal = bscan_signal(bscans)
        assert signal.min() > 0.7
        anything = np.full(bscans.shape, Tissue.NEUROSENSORY_RETINA, np.uint8)
        assert ungradable(signal, anything) == ""


def test_real_bscans_have_signal(shared):
    folder = shared / "data" / "oct" / "segmentation"
    files = sorted(folder.glob("*/images/*.png"))[::5] + sorted(folder.glob("vol_layers/*.png"))
    if not files:
        pytest.skip("needs the B-scans of the research data")
    for file in files:
        with Image.open(file) as image:
            assert bscan_signal(np.asarray(image.convert("L"))[None])[0] > 0.6, file.name
