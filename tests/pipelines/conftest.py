from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from pipelines.evaluate import EvaluationRun, evaluate_bundle
from tests.pipelines.command import Command, make_command
from tests.tiny import TinyBundle, noise
from triage.data.spec import DataSpec
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
