"""Volumes: exact truth, the same bytes again, any size, both eyes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.phantoms.oct.make import NAMES, clean, faulty
from triage.errors import UsageError
from triage.phantoms.oct import DEVICES, generate_volume, generate_volumes, plan_volume
from triage.phantoms.oct.lesions import Bump, Lesions
from triage.vocabulary.tissues import ARTEFACTS, FLUIDS, Tissue

ORDER = (
    "ilm", "nfl_gcl", "ipl_inl", "inl_opl", "opl_onl", "ez", "outer_retina", "rpe", "bruch",
    "choroid",
)  # fmt: skip


class TestTruth:
    @pytest.mark.parametrize("device", ["A", "B"])
    @pytest.mark.parametrize("name", NAMES)
    def test_the_map_is_the_surfaces(self, name: str, device: str) -> None:
        phantom = clean(name, 1, device)
        rows = np.arange(phantom.tissue.shape[1])[None, :, None]
        bruch = phantom.surfaces["bruch"][:, None]
        below = np.nan_to_num(rows >= bruch) & np.isfinite(bruch)
        assert (phantom.tissue[below] == Tissue.CHOROID).all()
        between = (rows >= phantom.surfaces["ilm"][:, None]) & (
            rows < phantom.surfaces["outer_retina"][:, None]
        )
        allowed = (Tissue.NEUROSENSORY_RETINA, Tissue.INTRARETINAL_FLUID)
        assert np.isin(phantom.tissue[between], allowed).all()
        outside = ~between & np.isfinite(bruch) & np.isfinite(phantom.surfaces["ilm"][:, None])
        assert not np.isin(phantom.tissue[outside], allowed).any()

    @pytest.mark.parametrize("name", NAMES)
    def test_surfaces_are_in_order_and_float(self, name: str) -> None:
        phantom = clean(name)
        stack = np.stack([phantom.surfaces[surface] for surface in ORDER])
        assert set(phantom.surfaces) == set(ORDER)
        assert stack.dtype == np.float32
        steps = np.diff(stack, axis=0)
        assert (steps[np.isfinite(steps)] >= -1e-3).all()
        assert (stack[np.isfinite(stack)] % 1 != 0).any()

    def test_fluid_volumes_are_voxels_times_their_size(self) -> None:
        phantom = clean("neovascular AMD", 3)
        bscan, depth, column = phantom.spacing
        for tissue in FLUIDS:
            counted = sum(int((scan == tissue).sum()) for scan in phantom.tissue)
            expected = counted * bscan * depth * column * 1e3
            assert phantom.truth["volumes_nl"][tissue.name.lower()] == pytest.approx(expected)
        assert sum(phantom.truth["volumes_nl"].values()) > 0

    def test_a_known_dome_has_its_volume(self) -> None:
        # A mound h (1 - q^2)^p holds pi rx ry h / (p + 1).
        plan = plan_volume(4, 0)
        dome = Bump(0.2, -0.1, 1.6, 1.5, 0.3, 1.0)
        clear = clean("healthy").truth["artefacts"] | {"mirror": 0.0}
        artefacts = replace(plan.artefacts, **{**clear, "height": 0.3})
        made = replace(plan, lesions=Lesions(subretinal_fluid=(dome,)), artefacts=artefacts)
        phantom = generate_volume(made, (48, 192, 128))
        expected = np.pi * 1.6 * 1.5 * 0.3 / 2 * 1e3
        found = phantom.truth["volumes_nl"]["subretinal_fluid"]
        assert found == pytest.approx(expected, rel=0.03)

    def test_thickness_is_counted_and_healthy(self) -> None:
        phantom = clean("healthy")
        retina = phantom.surfaces["outer_retina"] - phantom.surfaces["ilm"]
        exact = retina * phantom.spacing[1] * 1000
        assert np.abs(phantom.thickness - exact).max() < 1000 * phantom.spacing[1]
        count, width = exact.shape
        artefacts = phantom.truth["artefacts"]
        y = (np.arange(count) - (count - 1) / 2) * phantom.spacing[0] - artefacts["fovea_y"]
        x = (np.arange(width) - (width - 1) / 2) * phantom.spacing[2] - artefacts["fovea_x"]
        radius = np.hypot(y[:, None], x[None])
        assert exact[radius < 0.25].mean() < 250
        assert 290 < exact[(radius > 0.7) & (radius < 1.3)].mean() < 380

    def test_pixels_follow_the_map(self) -> None:
        phantom = clean("chronic central serous retinopathy")
        mean = {
            tissue: phantom.bscans[phantom.tissue == tissue].mean()
            for tissue in (
                Tissue.VITREOUS,
                Tissue.SUBRETINAL_FLUID,
                Tissue.NEUROSENSORY_RETINA,
                Tissue.RPE,
            )
        }
        assert mean[Tissue.RPE] > mean[Tissue.NEUROSENSORY_RETINA] + 20
        assert mean[Tissue.NEUROSENSORY_RETINA] > mean[Tissue.SUBRETINAL_FLUID] + 40
        assert mean[Tissue.NEUROSENSORY_RETINA] > mean[Tissue.VITREOUS] + 40


class TestSeries:
    def test_the_same_case_is_the_same_bytes(self) -> None:
        one = list(generate_volumes(4, 7, device="B", start=10))
        again = generate_volume(plan_volume(7, 12, "B"))
        assert one[2].bscans.tobytes() == again.bscans.tobytes()
        assert one[2].tissue.tobytes() == again.tissue.tobytes()
        assert one[2].truth == again.truth
        assert one[1].bscans.tobytes() != one[2].bscans.tobytes()

    def test_seeds_differ(self) -> None:
        assert plan_volume(1, 0).truth() != plan_volume(2, 0).truth()

    @settings(max_examples=25, deadline=None)
    @given(
        st.tuples(st.integers(2, 7), st.integers(16, 70), st.integers(16, 70)),
        st.integers(0, 400),
        st.sampled_from("AB"),
    )
    def test_any_size(self, size: tuple[int, int, int], index: int, device: str) -> None:
        phantom = generate_volume(plan_volume(3, index, device, 0.3), size)
        assert phantom.bscans.shape == phantom.tissue.shape == size
        assert phantom.bscans.dtype == phantom.tissue.dtype == np.uint8
        assert phantom.tissue.max() <= max(Tissue)
        assert np.prod(phantom.spacing) * np.prod(size) == pytest.approx(
            np.prod(DEVICES[device].field)
        )
        for surface in phantom.surfaces.values():
            seen = surface[np.isfinite(surface)]
            assert ((seen >= 0) & (seen <= size[1] - 1)).all()

    @pytest.mark.parametrize("size", [(1, 96, 96), (8, 15, 96), (8, 96, 2), (96, 96)])
    def test_too_small_is_refused(self, size: tuple[int, int, int]) -> None:
        with pytest.raises(UsageError, match="size"):
            generate_volume(plan_volume(1, 0), size)

    @pytest.mark.parametrize(
        ("arguments", "where"),
        [
            ({"n_cases": 0}, "n_cases"),
            ({"seed": -1}, "seed"),
            ({"device": "C"}, "device"),
            ({"rare_fraction": 1.5}, "rare_fraction"),
            ({"rare_fraction": float("nan")}, "rare_fraction"),
            ({"start": 5}, "start"),
        ],
    )
    def test_bad_arguments_are_refused_at_once(
        self, arguments: dict[str, object], where: str
    ) -> None:
        with pytest.raises(UsageError, match=where):
            generate_volumes(**{"n_cases": 2, "seed": 1} | arguments)  # type: ignore[arg-type]

    def test_patients_have_one_or_two_different_eyes_in_one_block(self) -> None:
        eyes = defaultdict(list)
        for index in range(400):
            plan = plan_volume(2, index)
            eyes[plan.eye.patient_id].append((index // 10, plan.eye.laterality, plan.eye.age))
        assert {len(each) for each in eyes.values()} == {1, 2}
        for each in eyes.values():
            assert len({block for block, _, _ in each}) == 1
            assert len({laterality for _, laterality, _ in each}) == len(each)
            assert len({age for _, _, age in each}) == 1

    def test_the_nasal_side_is_thicker(self) -> None:
        for index in range(6):
            phantom = clean("healthy", index)
            quarter = phantom.thickness.shape[1] // 4
            first = np.nanmean(phantom.thickness[:, :quarter])
            last = np.nanmean(phantom.thickness[:, -quarter:])
            assert (last > first) == (phantom.laterality == "R")

    def test_referral_classes_are_balanced(self) -> None:
        conditions = [plan_volume(1, index, rare_fraction=0).condition for index in range(1000)]
        counts = {name: conditions.count(name) for name in set(conditions)}
        assert len(counts) == 4
        assert min(counts.values()) > 180


class TestFaults:
    def test_blink_takes_whole_scans(self) -> None:
        phantom = faulty(blink=(0.2, 0.4))
        shut = (phantom.tissue == Tissue.BLINK_ARTEFACT).all(axis=(1, 2))
        assert shut.sum() == 3
        assert (phantom.tissue[~shut] != Tissue.BLINK_ARTEFACT).all()
        assert phantom.bscans[shut].mean() < 0.5 * phantom.bscans[~shut].mean()
        assert np.isnan(phantom.surfaces["rpe"][shut]).all()
        assert np.isnan(phantom.thickness[shut]).all()
        assert np.isfinite(phantom.surfaces["rpe"][~shut]).all()

    @pytest.mark.parametrize("side", [-1, 1])
    def test_clipping_is_blank_and_cuts_the_retina(self, side: int) -> None:
        phantom = faulty(clipping=0.15, clipped_side=side)
        cut = phantom.tissue == Tissue.CLIPPING_ARTEFACT
        assert cut.any()
        assert (phantom.bscans[cut] == 0).all()
        column = -1 if side > 0 else 0
        assert np.isnan(phantom.surfaces["ilm"][:, column]).all()
        assert np.isfinite(phantom.surfaces["ilm"][:, 0 if side > 0 else -1]).all()

    def test_a_blank_wedge_spares_the_retina(self) -> None:
        phantom = faulty(clipping=-0.1)
        assert (phantom.tissue == Tissue.CLIPPING_ARTEFACT).any()
        assert np.isfinite(phantom.surfaces["ilm"]).all()

    def test_mirror_folds_the_retina_back(self) -> None:
        phantom = faulty(mirror=0.1, tilt_x=0.07)
        folded = phantom.tissue == Tissue.MIRROR_ARTEFACT
        assert folded[:, 0].any()
        # What left through the top was bright: so is its image.
        assert phantom.bscans[folded].mean() > 60
        assert np.isnan(phantom.surfaces["ilm"]).any()

    def test_low_signal_dims_the_retina(self) -> None:
        bright, dim = clean("healthy"), faulty(signal=0.2)
        retina = bright.tissue == Tissue.NEUROSENSORY_RETINA
        assert dim.bscans[retina].mean() < 0.4 * bright.bscans[retina].mean()
        assert (dim.tissue == bright.tissue).all()

    def test_motion_shifts_scans(self) -> None:
        still, moved = clean("healthy"), faulty(motion_z=0.05)
        jump = np.abs(np.diff(moved.surfaces["bruch"], axis=0)).mean()
        assert jump > 2 * np.abs(np.diff(still.surfaces["bruch"], axis=0)).mean()

    def test_quality_follows_the_faults(self) -> None:
        plans = [plan_volume(6, index) for index in range(1500)]
        share = np.mean([plan.artefacts.quality == "ungradable" for plan in plans])
        assert 0.015 < share < 0.045
        for plan in plans:
            faults = plan.artefacts
            if faults.quality == "good":
                assert faults.blink == (0, 0)
                assert faults.clipping <= 0
                assert faults.mirror == 0
                assert faults.signal > 0.8

    def test_ungradable_scans_show_little(self) -> None:
        found = 0
        for index in range(600):
            plan = plan_volume(6, index)
            if plan.artefacts.quality != "ungradable" or found == 8:
                continue
            found += 1
            phantom = generate_volume(plan, (12, 48, 48))
            hidden = np.isin(phantom.tissue, ARTEFACTS).any(axis=1).mean()
            assert hidden > 0.5 or plan.artefacts.signal <= 0.2
        assert found == 8
