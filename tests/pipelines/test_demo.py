from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import demo
from tests.pipelines.command import Command
from tests.tiny import tiny_settings
from triage.data.dataset import load_dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import shipped_spec
from triage.intake.case_table import read_unlabelled
from triage.models.settings import FitSettings
from triage.phantoms.generators import GENERATORS, Generator
from triage.phantoms.skin import write_phantoms
from triage.predictions import Predictions
from triage.store import cases_waiting, champion, open_store
from triage.store.features import features_of
from triage.systems.bundle import verify_bundle

CASES = 200


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tiny_hf: Path) -> list[tuple[str, ...]]:
    """The demo on small pictures with small networks; records which backbones it asked for."""
    asked: list[tuple[str, ...]] = []

    def settings(_: DataSpec, backbones: tuple[str, ...], *__: Any, **___: Any) -> Any:
        asked.append(backbones)
        mode = "embed" if backbones[0].startswith("hf:") else "finetune"
        fit = FitSettings(epochs=1, patience=1, batch_size=32)
        return tiny_settings(*backbones, mode=mode, members=1, hidden=0, fit=fit)

    drawing = partial(write_phantoms, size=32, rare_fraction=0.4)
    monkeypatch.setitem(GENERATORS, "skin_phantoms", Generator(drawing, CASES, inbox=10))
    monkeypatch.setattr(demo, "settings_for", settings)
    return asked


def test_the_whole_way_on_generated_cases(
    small: list[tuple[str, ...]], triage: Command, tmp_path: Path, phantom_spec: DataSpec
) -> None:
    arguments = ("demo", "--no-ui", "--json", "--workdir", tmp_path)
    arguments += ("--backbone", "monai:resnet10_narrow@32")
    first = triage(*arguments)
    assert first.code == 0, first.err
    reported = first.json
    assert set(reported["metrics"]) == {"hod"}
    manifest = verify_bundle(Path(reported["places"]["bundle"]))
    assert all(Path(place).exists() for place in reported["places"].values())

    store = open_store(reported["database"])
    with store.reading() as session:
        waiting = cases_waiting(session)
        found = champion(session)
        vectors = [features_of(session, one.id, 1) for one in waiting]
    store.close()
    kept = [vector for vector in vectors if vector is not None]
    assert kept, "pictures of the kind that it reads have vectors"
    for vector in kept:
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert found is not None
    assert found.digest == manifest.digest()
    assert len(waiting) == reported["counts"]["cases waiting"] == 10
    assert len(Predictions.load(Path(reported["places"]["predictions"]))) == 10
    # No patient of the inbox is one of the training data.
    workdir = tmp_path / phantom_spec.name
    inbox = read_unlabelled(workdir / "inbox" / "manifest.csv", workdir / "inbox", phantom_spec)
    known = load_dataset(phantom_spec, workdir / "phantoms")
    assert not {c.patient_id for c in inbox} & {c.patient_id for c in known.cases}

    before = sorted((p, p.stat().st_mtime_ns) for p in (workdir / "bundles").rglob("*"))
    again = triage(*arguments)
    assert again.code == 0, again.err
    assert again.json["metrics"] == reported["metrics"]
    assert again.json["counts"] == reported["counts"]
    assert sorted((p, p.stat().st_mtime_ns) for p in (workdir / "bundles").rglob("*")) == before
    store = open_store(reported["database"])
    with store.reading() as session:
        assert len(cases_waiting(session)) == 10
    store.close()


def test_given_data_and_weights_the_heads_are_compared(
    small: list[tuple[str, ...]],
    triage: Command,
    tmp_path: Path,
    phantom_root: Path,
    tiny_hf: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIAGE_WEIGHTS", str(tiny_hf.parent))
    answer = triage(
        "demo", "--no-ui", "--root", phantom_root, "--workdir", tmp_path, "--draws", "2"
    )
    assert answer.code == 0, answer.err
    assert small == [(f"hf:{tiny_hf}",)]
    for name in ("softmax", "reject", "hod", "over 2 role draws", "triage ui --db"):
        assert name in answer.out
    bundles = {path.name for path in (tmp_path / "derm_phantoms" / "bundles").iterdir()}
    assert bundles == {f"{h}-draw{d}" for h in ("softmax", "reject", "hod") for d in (0, 1)}
    report = json.loads((tmp_path / "derm_phantoms" / "report" / "report.json").read_text())
    assert report["extra"]["reviews"]


def test_a_workdir_of_other_data_is_not_overwritten(
    small: list[tuple[str, ...]], triage: Command, tmp_path: Path, phantom_root: Path, tiny_hf: Path
) -> None:
    backbone = ("--backbone", f"hf:{tiny_hf}")
    arguments = ("demo", "--no-ui", "--root", phantom_root, "--workdir", tmp_path)
    assert triage(*arguments, *backbone).code == 0
    bundle = tmp_path / "derm_phantoms" / "bundles" / "hod-draw0"
    before = (bundle / "manifest.json").read_bytes()
    other = triage(*arguments, "--backbone", f"hf:{tiny_hf}@48")
    assert other.code == 2
    assert "other data or settings" in other.err
    assert "--workdir" in other.err
    assert (bundle / "manifest.json").read_bytes() == before


def test_a_spec_without_generator_needs_data(
    small: list[tuple[str, ...]], triage: Command, tmp_path: Path
) -> None:
    spec = shipped_spec("derm_ham10000")
    answer = triage("demo", "--no-ui", "--spec", spec, "--workdir", tmp_path)
    assert answer.code == 2
    assert "--root" in answer.err


def test_the_pages_are_opened_unless_told_otherwise(
    small: list[tuple[str, ...]],
    triage: Command,
    tmp_path: Path,
    phantom_root: Path,
    tiny_hf: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[tuple[str, int]] = []
    monkeypatch.setattr(
        "ui.launch.run", lambda url, settings: served.append((url, settings.port)) or 0
    )
    answer = triage(
        "demo", "--json", "--root", phantom_root, "--workdir", tmp_path,
        "--backbone", f"hf:{tiny_hf}", "--port", "8600",
    )  # fmt: skip
    assert answer.code == 0
    assert served == [(answer.json["database"], 8600)]
