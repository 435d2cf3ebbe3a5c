import numpy as np
import pytest

from triage.measurements.etdrs import etdrs_grid, field_mean
from triage.measurements.macula import middle

SHAPE, BSCAN, COLUMN = (81, 161), 0.08, 0.04


def grid(laterality="R", superior_first=True):
    return etdrs_grid(SHAPE, BSCAN, COLUMN, middle(SHAPE), laterality, superior_first)


def test_fields_cover_the_circle_once_and_have_the_right_area():
    found = grid()
    stacked = np.stack(list(found.fields.values()))
    assert stacked.sum(axis=0).max() == 1
    assert found.circle.sum() * found.column_area == pytest.approx(9 * np.pi, rel=0.01)
    assert sum(found.area.values()) == pytest.approx(9 * np.pi)
    for name, field in found.fields.items():
        assert field.sum() * found.column_area == pytest.approx(found.area[name], rel=0.05)


@pytest.mark.parametrize(
    ("laterality", "left", "right"),
    [("R", "temporal", "nasal"), ("L", "nasal", "temporal"), (None, "left", "right")],
)
def test_sides_are_named_by_the_eye(laterality, left, right):
    fields = grid(laterality).fields
    assert fields[f"outer {left}"][40, 20]
    assert fields[f"inner {right}"][40, 105]
    assert fields["outer superior"][10, 80]
    assert fields["inner inferior"][55, 80]
    assert len(fields) == 9


def test_scanners_that_begin_below():
    up, down = grid().fields, grid(superior_first=False).fields
    assert down["outer inferior"][10, 80]
    assert np.array_equal(up["inner superior"], down["inner inferior"])
    assert np.array_equal(up["inner nasal"], down["inner nasal"])


def test_means_by_hand():
    found = grid()
    values = np.full(SHAPE, 300, np.float32)
    values[found.fields["inner nasal"]] = 340
    name = "inner nasal"
    assert field_mean(values, found.fields[name], found.area[name], found.column_area)[0] == 340
    whole, covered = field_mean(values, found.circle, 9 * np.pi, found.column_area)
    # a quarter of a ring of 8 of 36 quarter square millimetres
    assert whole == pytest.approx(300 + 40 * 2 / 36, abs=0.1)
    assert covered > 0.99


def test_a_field_half_unknown_has_no_mean():
    found = grid()
    name = "outer superior"
    values = np.full(SHAPE, 300, np.float32)
    values[:, 85:] = np.nan
    mean, covered = field_mean(values, found.fields[name], found.area[name], found.column_area)
    assert mean == 300
    assert 0.5 < covered < 0.6
    values[:, 75:] = np.nan
    mean, covered = field_mean(values, found.fields[name], found.area[name], found.column_area)
    assert mean is None
    assert 0.4 < covered < 0.5


def test_a_scan_that_does_not_reach_is_not_covered():
    found = etdrs_grid((21, 161), BSCAN, COLUMN, (10, 80), "R")
    values = np.full((21, 161), 300, np.float32)
    name = "outer superior"
    assert field_mean(values, found.fields[name], found.area[name], found.column_area) == (None, 0)
    name = "central subfield"
    assert field_mean(values, found.fields[name], found.area[name], found.column_area)[0] == 300
