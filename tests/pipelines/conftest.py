from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import make_url

from tests.pipelines.command import Command, make_command
from tests.pipelines.retraining import put
from tests.store.migrated import sqlite_template
from tests.tiny import TinyBundle, noise
from triage.data.dataset import Dataset
from triage.data.spec import DataSpec
from triage.gating.policy import LoadedPolicy
from triage.intake.case_table import read_unlabelled
from triage.learning.evaluate import EvaluationRun, evaluate_bundle
from triage.learning.retraining.pipeline import retrain
from triage.learning.retraining.request import RetrainRequest
from triage.learning.retraining.result import RetrainResult
from triage.learning.retraining.seed_flips import TWIN
from triage.phantoms.skin import write_phantoms
from triage.store import Store, open_store
from triage.systems.photographs.family import PhotographFamily


@pytest.fixture
def triage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return make_command(monkeypatch, capsys)


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'cases.db'}"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    copy_template(sqlite_template(), database)
    opened = open_store(database)
    yield opened
    opened.close()


def copy_template(template: Path, database: str) -> None:
    """Write the content of a database file into another one, which may be open."""
    place = make_url(database).database
    with (
        closing(sqlite3.connect(template)) as source,
        closing(sqlite3.connect(str(place))) as target,
    ):
        source.backup(target)


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


@pytest.fixture(scope="session")
def filled_template(
    clinic: Path,
    tiny_bundle: TinyBundle,
    phantom_spec: DataSpec,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A database file with the clinic's cases, scored by the champion once."""
    path = tmp_path_factory.mktemp("filled") / "cases.db"
    opened = open_store(f"sqlite:///{path}", create=True)
    cases = read_unlabelled(clinic / "manifest.csv", clinic, phantom_spec)
    put(opened, cases, tiny_bundle, clinic)
    opened.close()
    return path


@pytest.fixture
def filled(store: Store, filled_template: Path, database: str) -> Store:
    """The store with the clinic's cases, scored by the champion."""
    copy_template(filled_template, database)
    return store


@pytest.fixture
def trained_on(monkeypatch: pytest.MonkeyPatch) -> list[Dataset]:
    """The data set that each challenger trains on."""
    seen: list[Dataset] = []
    refit = PhotographFamily.refit

    def recording(
        self: Any, system: Any, manifest: Any, dataset: Dataset, name: str, **options: Any
    ) -> Any:
        if name != TWIN:
            seen.append(dataset)
        return refit(self, system, manifest, dataset, name, **options)

    monkeypatch.setattr(PhotographFamily, "refit", recording)
    return seen


@pytest.fixture
def run(
    store: Store,
    tiny_bundle: TinyBundle,
    phantom_spec: DataSpec,
    phantom_root: Path,
    tmp_path: Path,
):
    def retrain_with(
        rule: LoadedPolicy, out: Path = tmp_path / "challenger", **changes: Any
    ) -> RetrainResult:
        request = RetrainRequest(
            spec=phantom_spec,
            root=phantom_root,
            policy=rule,
            out=out,
            bundle=tiny_bundle.folder,
            cache_folder=tiny_bundle.cache,
        )
        return retrain(replace(request, **changes), store)

    return retrain_with
