import numpy as np
import pytest

from tests.measurements.synthetic import flat, macula
from triage.errors import UsageError
from triage.measurements import measure
from triage.vocabulary.tissues import Tissue

SPACING = (0.1, 0.004, 6 / 128)


def by_name(measured):
    return {row.name: row for row in measured.measurements}


def test_a_healthy_macula():
    tissue, thickness = macula("R")
    found = measure(tissue[None], SPACING, "R")
    rows = by_name(found)
    assert np.array_equal(found.thickness, thickness)
    assert (found.thickness_spread == 0).all()
    assert found.fovea == pytest.approx((30, 63.5), abs=1.5)
    assert rows["central point thickness"].value == pytest.approx(thickness.min(), abs=8)
    nasal, temporal = rows["outer nasal thickness"], rows["outer temporal thickness"]
    assert nasal.value > temporal.value + 20
    to_bruch = rows["central subfield thickness to Bruch's membrane"].value
    assert to_bruch == pytest.approx(rows["central subfield thickness"].value + 16)
    mean, volume = rows["mean macular thickness"], rows["macular volume"]
    assert volume.value == pytest.approx(mean.value * 9 * np.pi / 1000)
    assert rows["intraretinal fluid volume"].value == 0
    assert rows["geographic atrophy area"].value == 0


def test_spread_over_instances():
    maps = np.stack([flat(61, 128, 128, 40, 40 + rows, 100) for rows in (50, 55)])
    maps[1, 10:20, 42:50, 10:20] = Tissue.INTRARETINAL_FLUID
    found = measure(maps, SPACING, None)
    rows = by_name(found)
    inner = rows["inner left thickness"]
    assert (inner.value, inner.low, inner.high) == pytest.approx((210, 200, 220))
    assert found.thickness_spread == pytest.approx(np.full((61, 128), 10))
    fluid = rows["intraretinal fluid volume"]
    expected = 800 * np.prod(SPACING) * 1000
    assert (fluid.value, fluid.low, fluid.high) == pytest.approx((expected / 2, 0, expected))


def test_a_column_measured_by_one_instance_only():
    maps = np.stack([flat(61, 128, 128, 40, 90, 100)] * 2)
    maps[1, 5] = Tissue.BLINK_ARTEFACT
    maps[:, 7] = Tissue.BLINK_ARTEFACT
    found = measure(maps, SPACING, "L")
    assert (found.thickness[5] == 200).all()
    assert (found.thickness_spread[5] == 0).all()
    assert np.isnan(found.thickness[7]).all()
    assert np.isnan(found.thickness_spread[7]).all()


def test_without_scale_everything_is_named_and_nothing_measured():
    tissue, _ = macula("L")
    with_scale = measure(tissue[None], SPACING, "L").measurements
    found = measure(tissue[None], None, "L")
    assert [(m.name, m.unit) for m in found.measurements] == [(m.name, m.unit) for m in with_scale]
    assert all(m.value is m.low is m.high is None for m in found.measurements)
    assert np.isnan(found.thickness).all()
    assert found.fovea is None


def test_without_a_fovea_fluid_is_still_measured():
    tissue = np.full((61, 128, 128), Tissue.VITREOUS, np.uint8)
    tissue[:3, 40:50, :10] = Tissue.SUBRETINAL_FLUID
    rows = by_name(measure(tissue[None], SPACING, "R"))
    assert rows["central subfield thickness"].value is None
    assert rows["macular volume"].value is None
    assert rows["subretinal fluid volume"].value == pytest.approx(300 * np.prod(SPACING) * 1000)


def test_a_given_centre_and_order_are_used():
    tissue, thickness = macula("R", centre=(1.0, 0))
    given = measure(tissue[None], SPACING, "R", centre=(40, 63), superior_first=False)
    assert given.fovea == (40, 63)
    assert by_name(given)["central point thickness"].value == thickness[40, 63]


def test_one_map_is_not_a_set_of_instances():
    with pytest.raises(UsageError, match="instances"):
        measure(flat(), SPACING, "R")
