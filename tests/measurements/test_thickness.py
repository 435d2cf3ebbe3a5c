import numpy as np
import pytest

from tests.measurements.synthetic import flat, macula
from triage.measurements.boundaries import boundaries
from triage.measurements.columns import column_counts
from triage.measurements.thickness import bare_columns, retinal_thickness, total_thickness
from triage.vocabulary.tissues import Tissue

DEPTH = 0.004


def thickness(tissue):
    counts = column_counts(tissue)
    return retinal_thickness(counts, DEPTH), total_thickness(counts, DEPTH)


def test_clean_layers():
    retina, total = thickness(flat())
    assert (retina == 15 * 4).all()
    assert (total == 18 * 4).all()


def test_fluid_under_the_retina_is_not_retina_but_above_bruch():
    tissue = flat()
    tissue[:, 20:25] = Tissue.SUBRETINAL_FLUID
    tissue[:, 12:14] = Tissue.INTRARETINAL_FLUID
    tissue[:, 9] = Tissue.EPIRETINAL_MEMBRANE
    retina, total = thickness(tissue)
    assert (retina == 11 * 4).all()
    assert (total == 19 * 4).all()


@pytest.mark.parametrize(
    "tissue", [Tissue.SUBRETINAL_HYPERREFLECTIVE, Tissue.SEROUS_PED, Tissue.DRUSENOID_PED]
)
def test_what_lifts_the_retina_counts_to_bruch_only(tissue):
    volume = flat()
    volume[:, 22:25] = tissue
    retina, total = thickness(volume)
    assert (retina == 12 * 4).all()
    assert (total == 18 * 4).all()


def test_unmeasurable_columns_are_nan():
    tissue = flat(count=1, width=6)
    tissue[0, :, 0] = Tissue.BLINK_ARTEFACT
    tissue[0, :14, 1] = Tissue.CLIPPING_ARTEFACT
    tissue[0, 10:25, 2] = Tissue.VITREOUS  # a full-thickness hole
    tissue[0, 25:, 3] = Tissue.NEUROSENSORY_RETINA  # nothing seen below
    retina, total = thickness(tissue)
    assert np.isnan(retina[0]).tolist() == [True] * 4 + [False] * 2
    assert (np.isnan(total) == np.isnan(retina)).all()
    bare = bare_columns(column_counts(tissue))
    assert bare[0].tolist() == [False, False, True, False, False, False]


def test_a_blank_wedge_above_the_vitreous_does_no_harm():
    tissue = flat(count=1)
    tissue[0, :8, :4] = Tissue.CLIPPING_ARTEFACT
    tissue[0, :8, 4:] = Tissue.MIRROR_ARTEFACT
    retina, _ = thickness(tissue)
    assert (retina[0, :4] == 60).all()
    assert np.isnan(retina[0, 4:]).all()


def test_a_stray_voxel_costs_one_row():
    tissue = flat()
    tissue[:, 2, 3] = Tissue.NEUROSENSORY_RETINA
    tissue[:, 11, 4] = Tissue.RPE
    retina, _ = thickness(tissue)
    assert (retina[:, 3] == 16 * 4).all()
    assert (retina[:, 4] == 14 * 4).all()


def test_instances_are_measured_as_each_alone():
    maps = np.stack([macula(eye, count=5, width=16)[0] for eye in "RL"])
    together = retinal_thickness(column_counts(maps), DEPTH)
    for one, alone in zip(together, maps, strict=True):
        assert np.array_equal(one, retinal_thickness(column_counts(alone), DEPTH))


def test_boundaries_agree_with_thickness_in_clean_layers():
    tissue, _ = macula("R", count=5, width=32)
    found = boundaries(tissue)
    retina, total = thickness(tissue)
    assert np.array_equal((found.outer - found.ilm) * 4, retina)
    assert np.array_equal((found.bruch - found.ilm) * 4, total)


def test_boundaries_are_absent_where_there_is_no_retina():
    tissue = flat(count=1)
    tissue[0, :, 0] = Tissue.VITREOUS
    found = boundaries(tissue)
    assert all(np.isnan(rows[0, 0]) for rows in found)
    assert [rows[0, 1] for rows in found] == [10, 25, 28]
