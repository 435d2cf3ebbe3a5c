"""Volumes on the same bench as photographs; single B-scans by the way of photographs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.make import write_csv
from tests.pipelines.command import Command
from tests.tiny import tiny_settings
from triage.benchmark.methods import parse_methods
from triage.benchmark.modalities import volumes_in
from triage.benchmark.protocol import Protocol, parse_shift
from triage.benchmark.results import BenchmarkResult
from triage.benchmark.run import benchmark
from triage.data.dataset import load_dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import UsageError
from triage.learning.find_duplicates import find_duplicates
from triage.learning.train import train
from triage.modalities import MODALITIES
from triage.models.oct.settings import OctSettings, ReferralSettings, SegmentationSettings
from triage.models.settings import FitSettings
from triage.phantoms.oct.write import write_oct_phantoms
from triage.vocabulary.modality import Modality

SIZE = (8, 32, 32)
SHORT = FitSettings(epochs=1, patience=1, batch_size=16, learning_rate=4e-3)
SETTINGS = OctSettings(
    segmentation=SegmentationSettings(
        rows=16, columns=16, channels=(4, 8), bscans_per_volume=1, fit=SHORT
    ),
    referral=ReferralSettings(cells=(4, 8, 8), channels=(2,), fit=SHORT),
    instances=1,
)
METHODS = "max_softmax,energy,knn,outlier_mass,gram,image_text,none,temperature,lac"


@dataclass(frozen=True)
class Volumes:
    spec: DataSpec
    root: Path
    bundle: Path
    """Trained on the volumes of `root`."""

    @property
    def reference(self) -> str:
        return f"oct:{self.bundle}"

    def protocol(self, *shifts: str) -> Protocol:
        settings = tiny_settings(self.reference)
        return Protocol(
            self.spec, self.root, settings, shifts=tuple(parse_shift(text) for text in shifts)
        )


@pytest.fixture(scope="session")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Volumes:
    folder = tmp_path_factory.mktemp("oct")
    write_oct_phantoms(folder / "a", 180, 1, size=SIZE, rare_fraction=0.4)
    spec = load_spec(shipped_spec("oct_phantoms"))
    train(load_dataset(spec, folder / "a"), SETTINGS, folder / "bundle")
    return Volumes(spec, folder / "a", folder / "bundle")


@pytest.fixture(scope="session")
def measured(
    volumes: Volumes, session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> BenchmarkResult:
    return benchmark(
        volumes.protocol("gaussian_blur:3", "quality=ungradable"),
        parse_methods(METHODS),
        2,
        tmp_path_factory.mktemp("bench"),
        cache_folder=session_cache,
        n_resamples=20,
    )


def test_every_table_has_its_rows(measured: BenchmarkResult) -> None:
    assert {row.key for row in measured.scores} == {
        "max_softmax@softmax",
        "energy@softmax",
        "knn@softmax",
        "outlier_mass@reject",
        "outlier_mass@hod",
    }
    assert {row.head for row in measured.heads} == {"softmax", "reject", "hod"}
    assert {row.key for row in measured.calibrators} == {"none@hod", "temperature@hod"}
    assert measured.conformal
    assert measured.rejection
    assert measured.backbones == ["bundle"]
    for row in measured.scores:
        assert set(row.shifted) == {"gaussian_blur:3", "quality=ungradable"}
        assert row.far is not None
    (knn,) = [row for row in measured.scores if row.key == "knn@softmax"]
    assert (knn.far.value or 0) > 0.9  # shuffled tiles are like no scan, to any network


def test_what_reads_pictures_is_skipped_with_its_reason(measured: BenchmarkResult) -> None:
    reasons = {one.key: one.reason for one in measured.skipped}
    assert set(reasons) == {"gram@softmax", "image_text@softmax"}
    assert all("these are volumes" in reason for reason in reasons.values())


def test_the_page_says_who_taught_stage_one(measured: BenchmarkResult, volumes: Volumes) -> None:
    (note,) = [note for note in measured.notes if "Stage 1" in note]
    learned = {
        case.case_id
        for case in load_dataset(volumes.spec, volumes.root).of_split("train", "validation")
    }
    protocol = volumes.protocol("quality=ungradable")
    tested = [
        case.case_id for seed in measured.seeds for case in protocol.dataset(seed).of_split("test")
    ]
    share = np.mean([case in learned for case in tested])
    assert 0 < share < 1
    assert f"{share:.0%} of the test volumes" in note


def test_other_volumes_of_the_same_spec_are_told_apart(volumes: Volumes, tmp_path: Path) -> None:
    write_oct_phantoms(tmp_path, 180, 2, size=(4, 16, 16), rare_fraction=0.4)
    other = replace(volumes.protocol(), root=tmp_path)
    (note,) = other.seen_beforehand(other.seeds(1))
    assert "on data that differ from these" in note
    renamed = replace(other, spec=volumes.spec.model_copy(update={"name": "clinic"}))
    assert renamed.seen_beforehand(renamed.seeds(1)) == []


def test_far_volumes(volumes: Volumes, tmp_path: Path) -> None:
    write_oct_phantoms(tmp_path / "b", 3, 5, device="B", size=SIZE)
    stack = tmp_path / "stack"
    stack.mkdir()
    for number in range(3):
        Image.fromarray(np.full((32, 32), 40 * number, np.uint8)).save(stack / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no volume")
    found = volumes_in(tmp_path)
    assert found == [*sorted((tmp_path / "b" / "volumes").glob("*.dcm")), stack]
    protocol = replace(volumes.protocol(), far=tmp_path)
    assert [case.images[0] for case in protocol.far_cases()] == found
    assert "Other volumes" in protocol.far_description
    for folder in (tmp_path / "absent", tmp_path / "b" / "truth"):
        with pytest.raises(UsageError, match="holds no volume"):
            replace(protocol, far=folder).far_cases()


def test_a_bundle_trained_anew_is_another_benchmark(volumes: Volumes, tmp_path: Path) -> None:
    before = volumes.protocol().fingerprint()
    assert volumes.protocol().fingerprint() == before
    again = SETTINGS.model_copy(update={"seed": 3})
    train(load_dataset(volumes.spec, volumes.root), again, tmp_path / "bundle")
    other = replace(volumes, bundle=tmp_path / "bundle").protocol().fingerprint()
    assert other["bundles"] != before["bundles"]


def test_backbones_that_do_not_read_the_data(
    volumes: Volumes, phantom_spec: DataSpec, phantom_root: Path, tiny_hf: Path
) -> None:
    with pytest.raises(UsageError, match=r"oct_volumes need another backbone.*oct:<bundle"):
        Protocol(volumes.spec, volumes.root, tiny_settings(tiny_hf))
    with pytest.raises(UsageError, match="photographs need another backbone"):
        Protocol(phantom_spec, phantom_root, tiny_settings(volumes.reference))
    with pytest.raises(UsageError, match="oct_volumes need another backbone"):
        find_duplicates(load_dataset(volumes.spec, volumes.root), [f"hf:{tiny_hf}"], 0.9)
    with pytest.raises(UsageError, match="not volumes"):
        replace(volumes.protocol(), image_text="hf:x")


def test_duplicate_volumes_are_found(volumes: Volumes, session_cache: Path, tmp_path: Path) -> None:
    data = load_dataset(volumes.spec, volumes.root)
    first, *others = data.cases
    twin = replace(first, case_id="twin", cluster="twin")
    cases, splits = (first, twin, *others), (data.splits[0], *data.splits)
    doubled = replace(data, cases=cases, splits=splits)
    found = find_duplicates(doubled, [volumes.reference], 0.999, cache_folder=session_cache)
    assert {found.pairs[0].case_a, found.pairs[0].case_b} == {first.case_id, "twin"}


def test_scans_are_not_shifted_in_colour() -> None:
    for modality in (Modality.OCT_BSCANS, Modality.OCT_VOLUMES):
        assert not any("colour" in name for name in MODALITIES[modality].default_shifts)


def test_the_command(triage: Command, volumes: Volumes, tmp_path: Path) -> None:
    answer = triage(
        "benchmark", "--spec", shipped_spec("oct_phantoms"), "--root", volumes.root,
        "--out", tmp_path / "bench", "--backbone", volumes.reference, "--members", "1",
        "--repeats", "1", "--resamples", "20", "--methods", "max_softmax", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    result = BenchmarkResult.model_validate(answer.json)
    assert set(result.scores[0].shifted) == set(MODALITIES[Modality.OCT_VOLUMES].default_shifts)
    assert str(volumes.root) not in answer.out


def test_without_a_bundle(triage: Command, volumes: Volumes, tmp_path: Path) -> None:
    arguments = (
        "benchmark", "--spec", shipped_spec("oct_phantoms"), "--root", volumes.root,
        "--out", tmp_path / "bench",
    )  # fmt: skip
    answer = triage(*arguments)
    assert answer.code == 2
    assert "--backbone oct:<bundle" in answer.err
    answer = triage(*arguments, "--backbone", f"oct:{tmp_path / 'absent'}")
    assert answer.code != 0
    assert "is no intact bundle" in answer.err


@pytest.fixture(scope="session")
def bscans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey PNG and JPEG files under a manifest as `prepare_set` writes it for OCTDL."""
    root = tmp_path_factory.mktemp("octdl")
    names = [condition.name for condition in load_spec(shipped_spec("oct_octdl")).conditions]
    rng, rows = np.random.default_rng(0), []
    for number in range(25 * len(names)):
        place = number % len(names)
        pixels = rng.normal(60, 20, (32, 48))
        pixels[3 * place : 3 * place + 4] += 120
        image = f"{number}.{'png' if number % 2 else 'jpg'}"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / image)
        identity = {"patient_id": f"p{number}", "content": f"c{number}"}
        levels = {"sex": "male" if number % 3 else "female", "eye": "OD" if number % 2 else "OS"}
        rows.append({"image": image, "condition": names[place]} | identity | levels)
    write_csv(root / "manifest.csv", rows)
    return root


def test_single_bscans_go_the_way_of_photographs(
    triage: Command, bscans: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    shared = (
        "--spec", shipped_spec("oct_octdl"), "--root", bscans, "--backbone", f"hf:{tiny_hf}",
        "--members", "1",
    )  # fmt: skip
    assert triage("train", *shared, "--out", tmp_path / "bundle").code == 0
    answer = triage(
        "benchmark", *shared, "--out", tmp_path / "bench", "--repeats", "1", "--resamples", "20",
        "--methods", "knn,gram,outlier_mass", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    result = BenchmarkResult.model_validate(answer.json)
    assert {row.key for row in result.scores} >= {"knn@softmax", "gram@softmax"}
    assert not result.skipped
    assert set(result.scores[0].shifted) == set(MODALITIES[Modality.OCT_BSCANS].default_shifts)
    (softmax,) = [row for row in result.heads if row.head == "softmax"]
    assert (softmax.metrics["accuracy"].value or 0) > 0.5
