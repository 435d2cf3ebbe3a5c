"""A system that was fitted with one runtime and is used with another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.backbones.runtime.needed import needs_openvino, skip_unless_offered
from tests.tiny import TinyBundle, TinyOctBundle, train_tiny
from triage import extras
from triage.backbones.runtime import execution as execution_module
from triage.backbones.runtime.execution import Execution
from triage.data.dataset import Dataset
from triage.errors import MissingExtraError, TrainingError, UsageError
from triage.learning.evaluate import as_json, evaluate_bundle
from triage.models.settings import TrainSettings
from triage.predictions import Predictions
from triage.systems.bundle import load_system
from triage.systems.families import run_system_with
from triage.systems.photographs.system import System
from triage.uncertainty.auroc import auroc

OPENVINO = Execution("openvino")


@pytest.fixture
def system(tiny_bundle: TinyBundle) -> System:
    return load_system(tiny_bundle.folder)[0]  # type: ignore[return-value]


def scored(system: System, dataset: Dataset) -> Predictions:
    return system.score(dataset.of_split("test")).predictions


def test_settings_of_earlier_releases_mean_torch_in_float32(tiny_bundle: TinyBundle) -> None:
    stated = tiny_bundle.settings.model_dump(exclude={"runtime", "embedding_precision"})
    assert TrainSettings.model_validate(stated).execution == Execution()


@needs_openvino
def test_a_bundle_records_its_runtime_and_scores_with_it(
    phantom_data: Dataset, tiny_hf: Path, tmp_path: Path
) -> None:
    bundle = train_tiny(phantom_data, tiny_hf, tmp_path / "b", tmp_path / "c", runtime="openvino")
    assert bundle.manifest.settings.execution == OPENVINO
    loaded, _ = load_system(bundle.folder)
    assert loaded.execution == OPENVINO
    text = (bundle.folder / "model_card.md").read_text(encoding="utf-8")
    assert "computed by openvino in float32" in text
    assert "execution" not in scored(loaded, phantom_data).provenance


@needs_openvino
def test_openvino_in_float32_gives_the_probabilities_of_torch(
    system: System, phantom_data: Dataset
) -> None:
    expected = scored(system, phantom_data)
    warning = system.run_with(OPENVINO)
    found = scored(system, phantom_data)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-3)
    assert "openvino in float32" in warning
    assert "fitted with torch in float32" in warning
    assert found.provenance == expected.provenance | {"execution": warning}


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_bfloat16_leaves_nearly_every_decision(
    runtime: str, system: System, phantom_data: Dataset
) -> None:
    execution = Execution(runtime, "bfloat16")  # type: ignore[arg-type]
    skip_unless_offered(execution)
    expected = scored(system, phantom_data)
    system.run_with(execution)
    found = scored(system, phantom_data)
    outlier = ~expected.cases["label"].isin(expected.classes[: expected.n_inliers]).to_numpy()
    scores = [table.decisions["ood_score"].to_numpy() for table in (expected, found)]
    before, after = (auroc(score, outlier) for score in scores)
    # Two hundred phantoms and random weights have narrow margins: a few cases may change sides.
    assert abs(before - after) < 0.02
    same = expected.decisions["recommendation"] == found.decisions["recommendation"]
    assert same.mean() >= 0.95


def test_the_same_way_is_no_change(system: System) -> None:
    before = system.provenance
    assert system.run_with(Execution()) == ""
    assert system.provenance is before


def test_nothing_given_leaves_what_the_bundle_records(tiny_bundle: TinyBundle) -> None:
    loaded, manifest = load_system(tiny_bundle.folder)
    assert run_system_with(loaded, manifest, None, None) == ""
    assert loaded.execution == Execution()


@needs_openvino
def test_an_evaluation_says_by_what_it_was_embedded(
    tiny_bundle: TinyBundle, phantom_data: Dataset, phantom_root: Path
) -> None:
    given = {"n_resamples": 20, "cache_folder": tiny_bundle.cache}
    plain = evaluate_bundle(tiny_bundle.folder, phantom_data.spec, phantom_root, **given)
    other = evaluate_bundle(
        tiny_bundle.folder, phantom_data.spec, phantom_root, runtime="openvino", **given
    )
    assert "execution" not in as_json(plain)
    assert "openvino in float32" in as_json(other)["execution"]


def test_volumes_take_no_runtime(tiny_oct_bundle: TinyOctBundle) -> None:
    loaded, manifest = load_system(tiny_oct_bundle.folder)
    with pytest.raises(UsageError, match="--runtime: is for systems that embed pictures"):
        run_system_with(loaded, manifest, "torch", None)
    with pytest.raises(UsageError, match="--embedding-precision: is for systems"):
        run_system_with(loaded, manifest, None, "bfloat16")


def test_a_bundle_whose_runtime_is_not_installed_names_the_extra(
    system: System, phantom_data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for backbone in system.backbones.values():
        backbone.execution = OPENVINO  # as its bundle records
    monkeypatch.setattr(extras, "is_installed", lambda _: False)
    with pytest.raises(MissingExtraError, match=r"\[openvino\]"):
        scored(system, phantom_data)
    system.run_with(Execution())
    assert len(scored(system, phantom_data)) > 0


def test_training_names_what_the_processor_lacks(
    phantom_data: Dataset, tiny_hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution_module, "has_bfloat16", lambda: False)
    with pytest.raises(TrainingError, match="no bfloat16"):
        train_tiny(
            phantom_data, tiny_hf, tmp_path / "b", tmp_path / "c", embedding_precision="bfloat16"
        )
