import numpy as np
import pytest

from triage.errors import UsageError
from triage.measurements.localizer import locate, on_localizer, position, superior_first

WIDTH = 101


def raster(count=11, begin_below=False, tilt=0.0):
    y = np.linspace(20, 120, count)
    lines = np.stack([np.stack([np.full(count, 30), y], 1), np.stack([np.full(count, 130), y], 1)])
    lines = np.moveaxis(lines, 0, 1)
    lines[:, :, 1] += tilt * (lines[:, :, 0] - 80)
    return (lines[::-1] if begin_below else lines).astype(np.float32)


def test_order_of_bscans():
    assert superior_first(raster()) is True
    assert superior_first(raster(begin_below=True)) is False
    assert superior_first(raster(count=1)) is None
    upright = raster()[:, :, ::-1]
    assert superior_first(np.ascontiguousarray(upright)) is None


@pytest.mark.parametrize("lines", [raster(), raster(begin_below=True), raster(tilt=0.2)])
@pytest.mark.parametrize(("bscan", "column"), [(0, 0), (3, 50), (10, 100)])
def test_there_and_back(lines, bscan, column):
    assert locate(lines, WIDTH, *position(lines, bscan, column, WIDTH)) == (bscan, column)


def test_ends_and_outside():
    lines = raster()
    assert position(lines, 2, 0, WIDTH) == (30, 40)
    assert position(lines, 2, 100, WIDTH) == (130, 40)
    assert locate(lines, WIDTH, 10, 40) is None
    assert locate(lines, WIDTH, 60, 140) is None


def test_a_map_drawn_over_the_localizer():
    lines = raster()
    values = np.add.outer(np.arange(11) * 10, np.arange(WIDTH)).astype(np.float32)
    values[10, 100] = np.nan
    drawn = on_localizer(values, lines, (150, 160))
    assert drawn.shape == (150, 160)
    assert drawn[40, 35] == pytest.approx(20 + 5, abs=1e-3)
    assert drawn[45, 35] == pytest.approx(25 + 5, abs=1e-3)  # half way between B-scans
    assert np.isnan(drawn[10, 50])
    assert np.isnan(drawn[40, 20])
    assert np.isnan(drawn[120, 130])


def test_only_a_raster_can_be_drawn():
    angles = np.linspace(0, np.pi, 6, endpoint=False)
    arms = np.stack([np.cos(angles), np.sin(angles)], 1) * 50
    radial = np.stack([80 - arms, 80 + arms], axis=1).astype(np.float32)
    for lines in (radial, raster(count=1)):
        with pytest.raises(UsageError, match="raster"):
            on_localizer(np.zeros((len(lines), WIDTH), np.float32), lines, (160, 160))
