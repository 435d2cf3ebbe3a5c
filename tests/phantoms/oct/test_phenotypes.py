"""Every phenotype shows what it must show and follows from its findings."""

from __future__ import annotations

import numpy as np
import pytest

from tests.phantoms.oct.make import NAMES, RARE, clean, planned
from triage.phantoms.oct import PHENOTYPES, OctPhantom, plan_volume
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.tissues import Tissue

MUST_HAVE = {
    "early dry AMD": Tissue.DRUSENOID_PED,
    "intermediate dry AMD": Tissue.DRUSENOID_PED,
    "flat epiretinal membrane": Tissue.EPIRETINAL_MEMBRANE,
    "epiretinal membrane": Tissue.EPIRETINAL_MEMBRANE,
    "vitreomacular traction": Tissue.POSTERIOR_HYALOID,
    "diabetic macular oedema, centre spared": Tissue.INTRARETINAL_FLUID,
    "diabetic macular oedema": Tissue.INTRARETINAL_FLUID,
    "diabetic macular oedema with epiretinal membrane": Tissue.EPIRETINAL_MEMBRANE,
    "central serous retinopathy": Tissue.SUBRETINAL_FLUID,
    "chronic central serous retinopathy": Tissue.SUBRETINAL_FLUID,
    "neovascular AMD with epiretinal membrane": Tissue.EPIRETINAL_MEMBRANE,
    "quiet neovascular AMD": Tissue.FIBROVASCULAR_PED,
    "retinal detachment": Tissue.SUBRETINAL_FLUID,
    "retinoschisis": Tissue.INTRARETINAL_FLUID,
    "macular telangiectasia": Tissue.INTRARETINAL_FLUID,
    "preretinal haemorrhage": Tissue.POSTERIOR_HYALOID,
}
ACTIVE = (
    Tissue.INTRARETINAL_FLUID, Tissue.SUBRETINAL_FLUID, Tissue.SUBRETINAL_HYPERREFLECTIVE,
)  # fmt: skip
DEVICES = ["A", "B"]


def _distance(phantom: OctPhantom) -> np.ndarray:
    """Mm from the fovea of each A-scan."""
    count, _, width = phantom.tissue.shape
    artefacts = phantom.truth["artefacts"]
    y = (np.arange(count) - (count - 1) / 2) * phantom.spacing[0] - artefacts["fovea_y"]
    x = (np.arange(width) - (width - 1) / 2) * phantom.spacing[2] - artefacts["fovea_x"]
    return np.hypot(y[:, None], x[None])


def _columns(phantom: OctPhantom, tissue: Tissue) -> np.ndarray:
    return (phantom.tissue == tissue).any(axis=1)


def test_the_table() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len(RARE) >= 6
    drawn = {plan_volume(0, index, rare_fraction=0.4).phenotype.name for index in range(900)}
    assert drawn == set(NAMES)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("name", "tissue"), MUST_HAVE.items())
def test_what_a_phenotype_must_have(name: str, tissue: Tissue, device: str) -> None:
    for index in range(4):
        assert (clean(name, index, device).tissue == tissue).sum() >= 12


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("index", range(4))
class TestFindingsShow:
    def test_healthy_has_nothing(self, index: int, device: str) -> None:
        seen = set(np.unique(clean("healthy", index, device).tissue))
        plain = {Tissue.VITREOUS, Tissue.NEUROSENSORY_RETINA, Tissue.RPE, Tissue.CHOROID}
        assert plain <= seen <= plain | {Tissue.POSTERIOR_HYALOID}

    def test_active_cnv_leaks(self, index: int, device: str) -> None:
        phantom = clean("neovascular AMD", index, device)
        assert np.isin(phantom.tissue, ACTIVE).sum() >= 20
        assert (phantom.tissue == Tissue.FIBROVASCULAR_PED).sum() >= 12

    def test_quiet_cnv_does_not(self, index: int, device: str) -> None:
        assert not np.isin(clean("quiet neovascular AMD", index, device).tissue, ACTIVE).any()

    def test_central_oedema_reaches_the_centre(self, index: int, device: str) -> None:
        phantom = clean("diabetic macular oedema", index, device)
        assert _columns(phantom, Tissue.INTRARETINAL_FLUID)[_distance(phantom) < 0.5].any()

    def test_other_oedema_spares_it(self, index: int, device: str) -> None:
        phantom = clean("diabetic macular oedema, centre spared", index, device)
        assert not _columns(phantom, Tissue.INTRARETINAL_FLUID)[_distance(phantom) < 0.5].any()

    def test_a_full_hole_bares_the_rpe(self, index: int, device: str) -> None:
        phantom = clean("full macular hole", index, device)
        bare = ~_columns(phantom, Tissue.NEUROSENSORY_RETINA)
        assert bare.any()
        assert _columns(phantom, Tissue.RPE)[bare].all()
        assert (_distance(phantom)[bare] < 0.6).all()

    def test_a_partial_hole_does_not(self, index: int, device: str) -> None:
        phantom = clean("partial macular hole", index, device)
        assert _columns(phantom, Tissue.NEUROSENSORY_RETINA).all()

    def test_atrophy_takes_the_rpe_and_lightens_the_choroid(self, index: int, device: str) -> None:
        phantom = clean("geographic atrophy", index, device)
        lost = ~_columns(phantom, Tissue.RPE)
        assert lost.sum() >= 4
        rows = np.arange(phantom.tissue.shape[1])[None, :, None]
        bruch = phantom.surfaces["bruch"][:, None]
        shallow = (rows >= bruch) & (rows < bruch + 10)
        windowed = phantom.bscans[shallow & lost[:, None]].mean()
        assert windowed > 1.1 * phantom.bscans[shallow & ~lost[:, None]].mean()

    def test_large_serous_is_larger(self, index: int, device: str) -> None:
        volumes = [
            clean(name, index, device).truth["volumes_nl"]["subretinal_fluid"]
            for name in ("central serous retinopathy", "chronic central serous retinopathy")
        ]
        assert volumes[1] > 2 * volumes[0] > 0

    def test_distortion_thickens(self, index: int, device: str) -> None:
        flat = clean("flat epiretinal membrane", index, device)
        folded = clean("epiretinal membrane", index, device)
        centre = _distance(flat) < 0.5
        assert folded.thickness[centre].mean() > 1.2 * flat.thickness[centre].mean()

    def test_traction_holds_the_fovea(self, index: int, device: str) -> None:
        phantom = clean("vitreomacular traction", index, device)
        held = _distance(phantom) < 0.15
        away = _distance(phantom) > 1.5
        hyaloid = _columns(phantom, Tissue.POSTERIOR_HYALOID)
        assert hyaloid[away].mean() > 0.5
        assert not hyaloid[held].any()


@pytest.mark.parametrize("name", NAMES)
def test_labels_follow_from_findings(name: str) -> None:
    plan = planned(name)
    if plan.phenotype.rare:
        assert plan.condition == name
        assert plan.findings == frozenset()
        assert plan.diagnoses == {}
        assert name not in set(Urgency)
    else:
        assert plan.condition in set(Urgency)
        assert set(plan.diagnoses) == set(DIAGNOSES)
        assert plan.diagnoses["normal"] == (name == "healthy")
        assert any(plan.diagnoses.values())


def test_mixtures_have_both_diagnoses() -> None:
    both = planned("diabetic macular oedema with epiretinal membrane").diagnoses
    assert both["mro"]
    assert both["erm"]
    both = planned("geographic atrophy with drusen").diagnoses
    assert both["geographic_atrophy"]
    assert both["drusen"]


@pytest.mark.parametrize("name", RARE)
def test_the_rare_do_not_look_healthy(name: str) -> None:
    for index in range(3):
        rare, healthy = clean(name, index), clean("healthy", index)
        assert (rare.tissue != healthy.tissue).mean() > 0.02 or name == "retinal artery occlusion"
        # where the map says little, the picture does
        retina = healthy.tissue == Tissue.NEUROSENSORY_RETINA
        changed = np.abs(rare.bscans.astype(int) - healthy.bscans)[retina].mean()
        assert changed > 12


def test_every_tissue_comes_up() -> None:
    seen: set[int] = set()
    for phenotype in PHENOTYPES:
        for index in range(3):
            seen |= set(np.unique(clean(phenotype.name, index).tissue).tolist())
    assert seen >= set(range(Tissue.CHOROID + 1))
