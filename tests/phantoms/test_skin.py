"""Phantoms: exact truth, determinism, plausible populations, whole folders."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt
from scipy.stats import binomtest

from triage.errors import UsageError
from triage.phantoms.skin import (
    CONDITIONS,
    PhantomCase,
    PhantomCondition,
    generate_cases,
    plan_case,
    render_case,
    write_phantoms,
)
from triage.phantoms.skin.fields import grid, sample, smooth_field
from triage.phantoms.skin.patients import BLOCK
from triage.vocabulary.clinical import Risk, Urgency

SIZE = 64


def _bytes(case: PhantomCase) -> bytes:
    return b"".join(image.tobytes() for image in case.images)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


class TestConditions:
    def test_enough_conditions_for_every_role(self) -> None:
        assert len(CONDITIONS) >= 12
        assert sum(condition.rare for condition in CONDITIONS) >= 6
        assert len({condition.name for condition in CONDITIONS}) == len(CONDITIONS)
        assert {condition.risk for condition in CONDITIONS} == set(Risk)
        assert {condition.urgency for condition in CONDITIONS} == set(Urgency)

    @pytest.mark.parametrize(
        ("ranges", "weight", "message"),
        [
            ({"radios": (0.1, 0.2)}, 1.0, "unknown"),
            ({"radius": (0.2, 0.1)}, 1.0, "high to low"),
            ({"radius": (0.1, 0.2)}, 0.0, "positive"),
        ],
    )
    def test_malformed_rows_are_refused(
        self, ranges: dict[str, tuple[float, float]], weight: float, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            PhantomCondition("x", "x", Risk.LOW, Urgency.ROUTINE, False, weight, ranges)

    @pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
    def test_drawn_parameters_lie_in_their_ranges(self, condition: PhantomCondition) -> None:
        rng = np.random.default_rng(0)
        for _ in range(20):
            drawn = condition.draw(rng)
            for name, (low, high) in condition.ranges.items():
                assert low <= getattr(drawn, name) <= high


class TestFields:
    def test_smooth_fields_have_unit_variance_and_the_stated_grain(self) -> None:
        rng = np.random.default_rng(0)
        fields = np.stack([smooth_field(rng, 64, 8) for _ in range(200)])
        assert fields.mean() == pytest.approx(0, abs=0.03)
        assert fields.std() == pytest.approx(1, abs=0.03)
        neighbours = np.mean(fields[:, :, 1:] * fields[:, :, :-1])
        far = np.mean(fields[:, :, 32:] * fields[:, :, :-32])
        assert neighbours > 0.95
        assert abs(far) < 0.05

    def test_sampling_reproduces_a_linear_function_and_clamps_outside(self) -> None:
        x, y = grid(32)
        maps = np.stack([2 * x - y, x], axis=-1)
        places = np.array([[0.1, -0.3, 0.2]], np.float32), np.array([[0.2, 0.3, -0.11]], np.float32)
        np.testing.assert_allclose(
            sample(maps, *places)[..., 0], 2 * places[0] - places[1], atol=1e-5
        )
        beyond = sample(maps, np.array([[3.0]], np.float32), np.array([[0.0]], np.float32))
        assert beyond[0, 0, 1] == pytest.approx(x.max(), abs=1e-3)


class TestDeterminism:
    def test_same_seed_same_bytes_other_seed_other_bytes(self) -> None:
        first = [_bytes(case) for case in generate_cases(6, 3, size=SIZE)]
        again = [_bytes(case) for case in generate_cases(6, 3, size=SIZE)]
        other = [_bytes(case) for case in generate_cases(6, 4, size=SIZE)]
        assert first == again
        assert not set(first) & set(other)
        assert len(set(first)) == 6

    def test_a_case_does_not_depend_on_the_cases_before_it(self) -> None:
        late = list(generate_cases(4, 3, size=SIZE, start=2 * BLOCK))
        in_row = list(generate_cases(2 * BLOCK + 4, 3, size=SIZE))[2 * BLOCK :]
        backwards = [
            render_case(plan_case(3, index, 0.25), size=SIZE)
            for index in reversed(range(2 * BLOCK, 2 * BLOCK + 4))
        ][::-1]
        for one, two, three in zip(late, in_row, backwards, strict=True):
            assert _bytes(one) == _bytes(two) == _bytes(three)
            assert one.truth == two.truth == three.truth
            assert one.patient_id == two.patient_id

    def test_pictures_of_two_sizes_show_the_same_case(self) -> None:
        small = next(generate_cases(1, 8, size=64))
        large = next(generate_cases(1, 8, size=128))
        assert small.truth == large.truth
        shrunk = large.masks[0].reshape(64, 2, 64, 2).mean(axis=(1, 3)) >= 0.5
        assert np.mean(shrunk != small.masks[0]) < 0.03


class TestTruth:
    @pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
    def test_the_mask_is_where_the_lesion_changes_the_skin(
        self, condition: PhantomCondition
    ) -> None:
        """Oracle: the same picture without its lesion, both without nuisances."""
        index, seen = 0, 0
        while seen < 3:
            plan = plan_case(11, index, float(condition.rare))
            index += 1
            if plan.condition is not condition:
                continue
            seen += 1
            drawn = render_case(plan, size=128, nuisances=False)
            healthy = render_case(plan, size=128, nuisances=False, lesion=False)
            for image, skin, mask in zip(drawn.images, healthy.images, drawn.masks, strict=True):
                change = np.abs(image.astype(int) - skin.astype(int)).max(axis=-1)
                assert 0.003 < mask.mean() < 0.6
                assert change[mask].mean() > 5 * change[~mask].mean()
                soft_border = 3 + 128 * plan.lesion.radius * (0.1 + plan.lesion.edge)
                assert np.mean(change[distance_transform_edt(~mask) > soft_border] > 2) < 0.02

    def test_masks_ignore_nuisances(self) -> None:
        plan = plan_case(2, 5, 0.25)
        clean = render_case(plan, size=SIZE, nuisances=False)
        dirty = render_case(plan, size=SIZE)
        for one, two in zip(clean.masks, dirty.masks, strict=True):
            np.testing.assert_array_equal(one, two)
        assert _bytes(clean) != _bytes(dirty)

    def test_a_healthy_picture_keeps_the_skin_and_the_mask(self) -> None:
        plan = plan_case(2, 6, 0.25)
        healthy = render_case(plan, size=SIZE, nuisances=False, lesion=False)
        drawn = render_case(plan, size=SIZE, nuisances=False)
        np.testing.assert_array_equal(healthy.masks[0], drawn.masks[0])
        far = distance_transform_edt(~drawn.masks[0]) > SIZE / 5
        assert far.mean() > 0.1
        np.testing.assert_array_equal(healthy.images[0][far], drawn.images[0][far])

    def test_truth_is_plain_json_and_names_every_number(self) -> None:
        case = next(generate_cases(1, 0, size=SIZE))
        assert json.loads(json.dumps(case.truth)) == case.truth
        assert case.truth["condition"] == case.condition
        assert len(case.truth["views"]) == len(case.images) == len(case.masks)

    def test_shape_and_type_of_pictures(self) -> None:
        for case in generate_cases(10, 1, size=SIZE):
            assert 1 <= len(case.images) <= 3
            for image, mask in zip(case.images, case.masks, strict=True):
                assert image.shape == (SIZE, SIZE, 3)
                assert image.dtype == np.uint8
                assert mask.shape == (SIZE, SIZE)
                assert mask.dtype == np.bool_
                assert image.std() > 3

    def test_darker_skin_types_are_darker(self) -> None:
        brightness = defaultdict(list)
        for index in range(250):
            plan = plan_case(21, index, 0.25)
            skin = render_case(plan, size=32, nuisances=False, lesion=False).images[0]
            brightness[plan.patient.skin_type].append(skin.mean())
        means = [np.mean(brightness[skin_type]) for skin_type in range(1, 7)]
        assert all(fair > dark for fair, dark in pairwise(means))


class TestPopulation:
    plans = tuple(plan_case(0, index, 0.25) for index in range(2000))

    def test_rare_fraction(self) -> None:
        rare = sum(plan.condition.rare for plan in self.plans)
        assert binomtest(rare, 2000, 0.25).pvalue > 1e-3
        for fraction in (0.0, 1.0):
            kinds = {plan_case(0, index, fraction).condition.rare for index in range(60)}
            assert kinds == {bool(fraction)}

    def test_every_condition_skin_type_and_device_occurs(self) -> None:
        counts = Counter(plan.condition.name for plan in self.plans)
        assert set(counts) == {condition.name for condition in CONDITIONS}
        assert min(counts.values()) >= 40
        skin_types = Counter(plan.patient.skin_type for plan in self.plans)
        assert set(skin_types) == {1, 2, 3, 4, 5, 6}
        assert min(skin_types.values()) >= 120
        assert len({plan.device.name for plan in self.plans}) == 3
        assert {len(plan.views) for plan in self.plans} == {1, 2, 3}

    def test_some_skin_types_are_unknown(self) -> None:
        unknown = np.mean([not plan.patient.skin_type_recorded for plan in self.plans])
        assert 0.03 < unknown < 0.12

    def test_patients_repeat_up_to_three_times_and_stay_themselves(self) -> None:
        by_patient = defaultdict(list)
        for plan in self.plans:
            by_patient[plan.patient.patient_id].append(plan)
        sizes = Counter(len(plans) for plans in by_patient.values())
        assert set(sizes) == {1, 2, 3}
        for plans in by_patient.values():
            assert len({plan.patient for plan in plans}) == 1

    def test_series_that_share_no_index_share_no_patient(self) -> None:
        patients = [plan.patient.patient_id for plan in self.plans]
        for start in range(BLOCK, 2000, 7 * BLOCK):
            assert not set(patients[:start]) & set(patients[start:])


class TestArguments:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"n_cases": 0},
            {"seed": -1},
            {"size": 100},
            {"size": 16},
            {"rare_fraction": 1.5},
            {"start": 5},
            {"start": -BLOCK},
        ],
        ids=str,
    )
    def test_out_of_range_is_refused_at_once(self, arguments: dict[str, float]) -> None:
        with pytest.raises(UsageError, match=next(iter(arguments))):
            generate_cases(**({"n_cases": 1, "seed": 0} | arguments))  # type: ignore[arg-type]


class TestWriting:
    def test_manifest_and_pictures_agree_with_the_generator(self, tmp_path: Path) -> None:
        manifest = write_phantoms(tmp_path / "set", 12, 5, size=SIZE)
        assert manifest == tmp_path / "set" / "manifest.csv"
        rows = _read(manifest)
        cases = {case.case_id: case for case in generate_cases(12, 5, size=SIZE)}
        assert len(rows) == sum(len(case.images) for case in cases.values())
        assert list(rows[0]) == [
            "image",
            "case_id",
            "patient_id",
            "condition",
            "skin_type",
            "age",
            "sex",
            "site",
            "device",
        ]
        seen: Counter[str] = Counter()
        for row in rows:
            case = cases[row["case_id"]]
            assert row["condition"] == case.condition
            assert row["patient_id"] == case.patient_id
            assert row["skin_type"] == ("" if case.skin_type is None else str(case.skin_type))
            assert row["age"] == str(case.age)
            with Image.open(manifest.parent / row["image"]) as stored:
                difference = np.asarray(stored, int) - case.images[seen[case.case_id]]
            assert np.abs(difference).mean() < 7
            seen[case.case_id] += 1
        assert len(list((manifest.parent / "images").iterdir())) == len(rows)

    def test_unlabelled_sets_keep_the_truth_apart(self, tmp_path: Path) -> None:
        manifest = write_phantoms(tmp_path / "set", 5, 5, size=SIZE, labelled=False, start=BLOCK)
        rows = _read(manifest)
        assert "condition" not in rows[0]
        names = {condition.name for condition in CONDITIONS}
        assert not any(name in manifest.read_text() for name in names)
        truth = _read(manifest.parent / "truth.csv")
        assert [row["case_id"] for row in truth] == list(
            dict.fromkeys(row["case_id"] for row in rows)
        )
        assert {row["condition"] for row in truth} <= names

    def test_a_finished_set_is_reused(self, tmp_path: Path) -> None:
        calls: list[int] = []
        manifest = write_phantoms(tmp_path, 3, 1, size=SIZE, progress=calls.append)
        assert calls == [1, 2, 3]
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        assert write_phantoms(tmp_path, 3, 1, size=SIZE, progress=calls.append) == manifest
        assert calls == [1, 2, 3]
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before

    def test_an_interrupted_set_has_no_manifest_and_is_completed(self, tmp_path: Path) -> None:
        def interrupt(done: int) -> None:
            if done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_phantoms(tmp_path / "cut", 6, 1, size=SIZE, progress=interrupt)
        assert not (tmp_path / "cut" / "manifest.csv").exists()
        kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cut").rglob("*.jpg")}
        assert kept
        resumed = write_phantoms(tmp_path / "cut", 6, 1, size=SIZE)
        whole = write_phantoms(tmp_path / "whole", 6, 1, size=SIZE)
        assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
        assert resumed.read_bytes() == whole.read_bytes()
        for row in _read(whole):
            one, two = (folder / row["image"] for folder in (resumed.parent, whole.parent))
            assert one.read_bytes() == two.read_bytes()

    @pytest.mark.parametrize(
        "change",
        [
            {"seed": 2},
            {"n_cases": 4},
            {"size": 96},
            {"labelled": False},
            {"start": BLOCK},
            {"rare_fraction": 0.5},
        ],
        ids=str,
    )
    def test_other_arguments_in_the_same_folder_are_refused(
        self, tmp_path: Path, change: dict[str, int]
    ) -> None:
        arguments = {"n_cases": 2, "seed": 1, "size": SIZE}
        manifest = write_phantoms(tmp_path, **arguments)  # type: ignore[arg-type]
        content = manifest.read_bytes()
        with pytest.raises(UsageError, match="other arguments"):
            write_phantoms(tmp_path, **(arguments | change))  # type: ignore[arg-type]
        assert manifest.read_bytes() == content

    def test_a_broken_record_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "phantoms.json").write_text("{")
        with pytest.raises(UsageError, match="other arguments"):
            write_phantoms(tmp_path, 1, 1, size=SIZE)

    def test_foreign_folders_and_files_are_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(UsageError, match="taken"):
            write_phantoms(tmp_path, 1, 1, size=SIZE)
        with pytest.raises(UsageError, match="taken"):
            write_phantoms(tmp_path / "notes.txt", 1, 1, size=SIZE)
        with pytest.raises(UsageError, match="cannot be made"):
            write_phantoms(tmp_path / "notes.txt" / "set", 1, 1, size=SIZE)
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_bad_arguments_make_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError):
            write_phantoms(tmp_path / "set", 0, 1)
        assert not (tmp_path / "set").exists()
