"""Measurements against the exact truth of OCT phantoms."""

import numpy as np
import pytest

from triage.measurements import bscan_signal, column_counts, measure, ungradable
from triage.measurements.asymmetry import likely_eye
from triage.measurements.thickness import retinal_thickness
from triage.measurements.tissue_measurements import VOLUMES
from triage.phantoms.oct import generate_volume, plan_volume
from triage.vocabulary.tissues import Tissue

SIZE = (24, 96, 96)


@pytest.fixture(scope="module", params=["A", "B"])
def phantoms(request):
    plans = [plan_volume(5, index, request.param) for index in range(24)]
    return [(plan, generate_volume(plan, SIZE)) for plan in plans]


def test_thickness_and_volumes_are_the_truth(phantoms):
    for _, phantom in phantoms:
        retina = retinal_thickness(column_counts(phantom.tissue), phantom.spacing[1])
        both = np.isfinite(retina) & np.isfinite(phantom.thickness)
        assert np.abs(retina - phantom.thickness)[both].max(initial=0) < 0.01
        found = measure(phantom.tissue[None], phantom.spacing, phantom.laterality)
        values = {row.name: row.value for row in found.measurements}
        for name, tissue in VOLUMES.items():
            exact = phantom.truth["volumes_nl"][Tissue(tissue).name.lower()]
            assert values[f"{name} volume"] == pytest.approx(exact, abs=1e-6)


def test_the_fovea_of_healthy_eyes_is_found_where_it_was_put(phantoms):
    device = phantoms[0][0].device.name
    plans = (plan_volume(5, index, device, rare_fraction=0.0) for index in range(300))
    healthy = [p for p in plans if p.phenotype.name == "healthy" and p.artefacts.quality == "good"]
    assert len(healthy) >= 2
    for plan in healthy[:4]:
        phantom = generate_volume(plan, SIZE)
        row, col = measure(phantom.tissue[None], phantom.spacing, None).fovea
        bscan, _, column = phantom.spacing
        x = (col - (SIZE[2] - 1) / 2) * column - plan.artefacts.fovea_x
        y = (row - (SIZE[0] - 1) / 2) * bscan - plan.artefacts.fovea_y
        assert np.hypot(x, y) < 0.25


def test_ungradable_scans_are_called_so_and_good_ones_are_not(phantoms):
    device = phantoms[0][0].device.name
    plans = [plan_volume(5, index, device) for index in range(250)]
    worst = [plan for plan in plans if plan.artefacts.quality == "ungradable"][:5]
    for plan in worst:
        phantom = generate_volume(plan, SIZE)
        assert ungradable(bscan_signal(phantom.bscans), phantom.tissue), plan.case_id
    for plan, phantom in phantoms:
        if plan.artefacts.quality == "good":
            assert ungradable(bscan_signal(phantom.bscans), phantom.tissue) == "", plan.case_id


def test_the_likely_eye_is_mostly_right(phantoms):
    said = []
    for _, phantom in phantoms:
        retina = retinal_thickness(column_counts(phantom.tissue), phantom.spacing[1])
        eye, _ = likely_eye(retina, phantom.spacing)
        said += [] if eye is None else [eye == phantom.laterality]
    assert len(said) > len(phantoms) / 2
    assert np.mean(said) > 0.8
