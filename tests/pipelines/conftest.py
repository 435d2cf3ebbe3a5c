from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import triage.learning.retrain as module
from tests.pipelines.command import Command, make_command
from tests.pipelines.retraining import put
from tests.tiny import TinyBundle, noise
from triage.data.dataset import Dataset
from triage.data.spec import DataSpec
from triage.intake.case_table import read_unlabelled
from triage.learning.evaluate import EvaluationRun, evaluate_bundle
from triage.learning.promotion_gate import RetrainPolicy
from triage.learning.retrain import RetrainResult, retrain
from triage.phantoms.skin import write_phantoms
from triage.store import Store, open_store


@pytest.fixture
def triage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return make_command(monkeypatch, capsys)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'cases.db'}"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = open_store(database, create=True)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def evaluated(tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path) -> EvaluationRun:
    return evaluate_bundle(
        tiny_bundle.folder,
        phantom_spec,
        phantom_root,
        cache_folder=tiny_bundle.cache,
        n_resamples=200,
    )


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """The manifest of five unlabelled cases, one with two images, in a folder of their own."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    rows = []
    for number, case in enumerate(["a", "b", "b", "c", "d", "e"]):
        name = f"{number}.png"
        Image.fromarray(noise(number)).save(folder / name)
        rows.append({"image": name, "case_id": case, "patient_id": f"p{case}", "sex": "female"})
    manifest = folder / "new.csv"
    with manifest.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty new phantom cases of other patients, with their truth beside."""
    folder = tmp_path_factory.mktemp("clinic")
    write_phantoms(folder, 30, 0, size=32, rare_fraction=0.4, labelled=False, start=50_000)
    return folder


@pytest.fixture
def truth(clinic: Path, phantom_data: Dataset) -> dict[str, str]:
    """True condition of the clinic's cases that may train."""
    with (clinic / "truth.csv").open(newline="") as stream:
        rows = {row["case_id"]: row["condition"] for row in csv.DictReader(stream)}
    return {case: name for case, name in rows.items() if name in phantom_data.draw.classes}


@pytest.fixture
def filled(store: Store, clinic: Path, tiny_bundle: TinyBundle, phantom_spec: DataSpec) -> Store:
    """The store with the clinic's cases, scored by the champion."""
    put(store, read_unlabelled(clinic / "manifest.csv", clinic, phantom_spec), tiny_bundle, clinic)
    return store


@pytest.fixture
def trained_on(monkeypatch: pytest.MonkeyPatch) -> list[Dataset]:
    """The data set that each challenger trains on."""
    seen: list[Dataset] = []
    fit_system = module.fit_system

    def recording(dataset: Dataset, *arguments: Any, **options: Any) -> Any:
        seen.append(dataset)
        return fit_system(dataset, *arguments, **options)

    monkeypatch.setattr(module, "fit_system", recording)
    return seen


@pytest.fixture
def run(
    store: Store,
    tiny_bundle: TinyBundle,
    phantom_spec: DataSpec,
    phantom_root: Path,
    tmp_path: Path,
):
    def retrain_with(rule: RetrainPolicy, out: Path = tmp_path / "challenger") -> RetrainResult:
        return retrain(
            tiny_bundle.folder,
            phantom_spec,
            phantom_root,
            rule,
            out,
            store,
            cache_folder=tiny_bundle.cache,
        )

    return retrain_with
