from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import triage.systems.bundle as module
from tests.tiny import TinyBundle, tiny_settings
from triage.data.dataset import Dataset
from triage.errors import BundleError, UsageError
from triage.hashing import hash_file, hash_json
from triage.imaging.views import Views
from triage.learning.train import fit_system
from triage.models.settings import FitSettings
from triage.systems.bundle import (
    load_bundle_spec,
    load_policy,
    load_system,
    read_manifest,
    verify_bundle,
)

FILES = [
    "manifest.json",
    "policy.json",
    "spec.json",
    "model_card.md",
    "members/tiny_resnet-seed0.safetensors",
    "members/tiny_resnet-seed1.safetensors",
    "image_kind.safetensors",
    "backbones/tiny_resnet/backbone.json",
    "backbones/tiny_resnet/model.safetensors",
    "combination/combination.json",
    "combination/gen.safetensors",
    "combination/mahalanobis_normalised.safetensors",
]


@pytest.fixture
def copy(tiny_bundle: TinyBundle, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_bundle.folder, tmp_path / "copy")


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_a_bundle_holds(tiny_bundle: TinyBundle) -> None:
    """Nothing but safetensors, JSON and a card: no pickle in any of its disguises."""
    assert files_of(tiny_bundle.folder) == set(FILES)
    assert not [path for path in tiny_bundle.folder.parent.iterdir() if path.name[0] == "."]


def test_round_trip_gives_the_same_predictions(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    settings = tiny_settings(tiny_hf, fit=FitSettings(epochs=2, patience=2))
    trained = fit_system(phantom_data, settings, tmp_path / "b", cache_folder=session_cache)
    cases = phantom_data.of_split("test")[:12]
    before = trained.system.score(cases)
    manifest = trained.save(tmp_path / "b")
    system, loaded = load_system(tmp_path / "b")
    after = system.score(cases)
    assert loaded == manifest
    assert np.array_equal(before.predictions.probabilities, after.predictions.probabilities)
    assert np.array_equal(before.predictions.embedding, after.predictions.embedding)
    assert before.predictions.decisions is not None
    assert before.predictions.decisions.equals(after.predictions.decisions)
    assert load_policy(tmp_path / "b") == trained.system.policy
    assert load_bundle_spec(tmp_path / "b") == phantom_data.spec
    assert after.predictions.provenance["bundle"] == manifest.digest()


def test_a_bundle_of_two_stages_and_crops_scores_as_before_it_was_saved(
    phantom_data: Dataset, tiny_hf: Path, session_cache: Path, tmp_path: Path
) -> None:
    settings = tiny_settings(
        tiny_hf, stages=2, views=Views.CROPS, fit=FitSettings(epochs=2, patience=2)
    )
    trained = fit_system(phantom_data, settings, tmp_path / "b", cache_folder=session_cache)
    cases = phantom_data.of_split("test")[:12]
    before = trained.system.score(cases).predictions
    manifest = trained.save(tmp_path / "b")
    system, loaded = load_system(tmp_path / "b")
    after = system.score(cases).predictions
    assert loaded == manifest
    assert (loaded.settings.stages, loaded.settings.views) == (2, Views.CROPS)
    (backbone,) = system.backbones.values()
    assert (backbone.stages, backbone.pictures.views) == (2, Views.CROPS)
    assert before.embedding.shape == (12, 8 + 16)
    assert np.array_equal(before.embedding, after.embedding)
    assert np.array_equal(before.probabilities, after.probabilities)
    assert before.decisions is not None
    assert before.decisions.equals(after.decisions)
    cached = system.score(cases, session_cache).predictions  # of the folder it was trained with
    assert np.allclose(cached.probabilities, after.probabilities, atol=1e-5)


def test_the_manifest_says_what_the_bundle_was_made_from(
    tiny_bundle: TinyBundle, phantom_data: Dataset
) -> None:
    manifest = verify_bundle(tiny_bundle.folder)
    assert manifest == tiny_bundle.manifest
    assert manifest.spec_hash == hash_json(phantom_data.spec.model_dump(mode="json"))
    assert manifest.data_hash == phantom_data.digest()
    assert manifest.data_counts == phantom_data.counts()
    assert manifest.settings == tiny_bundle.settings
    assert manifest.classes == phantom_data.draw.classes
    assert manifest.files == {
        name: hash_file(tiny_bundle.folder / name) for name in FILES if name != "manifest.json"
    }
    written = json.loads((tiny_bundle.folder / "manifest.json").read_text())
    assert written["digest"] == manifest.digest()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_one_flipped_byte(name: str, where: float, copy: Path) -> None:
    path = copy / name
    content = bytearray(path.read_bytes())
    content[round(where * (len(content) - 1))] ^= 4
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        load_system(copy)
    assert name in str(caught.value)


def test_every_byte_of_the_manifest_counts(copy: Path) -> None:
    path = copy / "manifest.json"
    sound = path.read_bytes()
    for place in range(0, len(sound), 41):
        for bit in (1, 7, 32):
            path.write_bytes(sound[:place] + bytes([sound[place] ^ bit]) + sound[place + 1 :])
            with pytest.raises(BundleError, match=r"manifest\.json"):
                read_manifest(copy)


@pytest.mark.parametrize("content", ["", "[" * 100_000, "{"])
def test_a_manifest_that_is_no_json(content: str, copy: Path) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match=r"manifest\.json is malformed.*from a copy"):
        load_system(copy)


@pytest.mark.parametrize("content", ["[]", "{}", '"text"', "null", '{"format": 2}'])
def test_a_manifest_that_states_no_format(content: str, copy: Path) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match=r"manifest\.json states no format \(triage-bundle-2"):
        load_system(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(name: str, copy: Path) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError) as caught:
        load_system(copy)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["weights.pt", "members/manifest.json", ".hidden"])
def test_an_additional_file(name: str, copy: Path) -> None:
    (copy / name).write_text("{}")
    with pytest.raises(BundleError) as caught:
        load_system(copy)
    assert name in str(caught.value)


def test_every_altered_file_is_named(copy: Path) -> None:
    for name in FILES[1:4]:
        (copy / name).write_text("altered")
    with pytest.raises(BundleError, match=r"model_card\.md, policy\.json, spec\.json"):
        verify_bundle(copy)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(BundleError, match="not a bundle"):
            load_system(place)


def test_parts_that_verify_but_do_not_fit(copy: Path) -> None:
    """Resealed by hand after the heads were swapped for others: still no traceback."""
    head = copy / FILES[4]
    shutil.copy(copy / FILES[7], head)
    manifest = read_manifest(copy)
    files = manifest.files | {FILES[4]: hash_file(head)}
    resealed = manifest.model_copy(update={"files": files})
    (copy / "manifest.json").write_text(resealed.to_text())
    with pytest.raises(BundleError, match="do not fit together"):
        load_system(copy)


@pytest.mark.parametrize(
    "change",
    [
        {"saving_threshold": float("nan")},
        {"temperature": float("inf")},
        {"outlier_prevalence": 7.0},
        {"outlier_probability": {"slope": 1.0, "intercept": float("nan")}},
        {"conditions": []},
    ],
)
def test_a_policy_that_verifies_but_cannot_decide(copy: Path, change: dict[str, Any]) -> None:
    path = copy / "policy.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    manifest = read_manifest(copy)
    files = manifest.files | {"policy.json": hash_file(path)}
    (copy / "manifest.json").write_text(manifest.model_copy(update={"files": files}).to_text())
    with pytest.raises(BundleError, match=r"is malformed|do not fit together"):
        load_system(copy)


def test_fields_of_a_later_version_leave_an_older_bundle_valid(copy: Path) -> None:
    """A bundle written before a defaulted field existed keeps its identity."""
    path = copy / "manifest.json"
    content = json.loads(path.read_text())
    del content["intended_use"], content["settings"]["fit"]["label_smoothing"], content["digest"]
    older = {"digest": hash_json(content), **content}
    path.write_text(json.dumps(older, indent=2, ensure_ascii=False) + "\n")
    manifest = verify_bundle(copy)
    assert manifest.digest() == older["digest"]
    assert manifest.intended_use


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_place_is_taken(
    kind: str, phantom_data: Dataset, tiny_hf: Path, tmp_path: Path
) -> None:
    out = tmp_path / "b"
    out.mkdir() if kind == "folder" else out.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        fit_system(phantom_data, tiny_settings(tiny_hf), out)
    assert list(tmp_path.iterdir()) == [out]


def test_no_place_to_write_is_told_before_training(
    phantom_data: Dataset, tiny_hf: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written to"):
        fit_system(phantom_data, tiny_settings(tiny_hf), tmp_path / "file" / "b")


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_midway_leaves_no_bundle(
    error: BaseException,
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "deep" / "b"
    settings = tiny_settings(tiny_hf, fit=FitSettings(epochs=1))
    trained = fit_system(phantom_data, settings, out, cache_folder=session_cache)

    def fail(*_: object) -> str:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module, "model_card", fail)
        with pytest.raises(BundleError if isinstance(error, OSError) else KeyboardInterrupt):
            trained.save(out)
    # Only the checkpoints are there, so that the same call goes on from them.
    assert [path.name for path in out.parent.iterdir()] == [".b.checkpoints"]
    trained.save(out)
    verify_bundle(out)
    assert [path.name for path in out.parent.iterdir()] == ["b"]


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("triage-bundle-1", "another version", "Train it again"),
        ("triage-oct-1", "another version", "Train it again"),
        ("triage-bundle-x", "another version", "Train it again"),
        ("triage-bundle-3", "newer version", "Update the software"),
        ("triage-bundle-10", "newer version", "Update the software"),
    ],
)
def test_a_bundle_of_another_format(name: str, what: str, hint: str, copy: Path) -> None:
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace("triage-bundle-2", name))
    with pytest.raises(BundleError) as caught:
        load_system(copy)
    message = str(caught.value)
    assert what in message
    assert repr(name) in message
    assert hint in message
    assert ("Train it again" in message) != ("Update the software" in message)


def test_an_edited_manifest(copy: Path) -> None:
    manifest = copy / "manifest.json"
    content = json.loads(manifest.read_text())
    for changed in (content | {"name": "other"}, content | {"members": 3}, content | {"new": 1}):
        manifest.write_text(json.dumps(changed))
        with pytest.raises(BundleError, match=r"manifest\.json was altered.*from a copy"):
            load_system(copy)


def test_a_manifest_with_fields_of_a_later_version(copy: Path) -> None:
    manifest = copy / "manifest.json"
    content = json.loads(manifest.read_text()) | {"new": 1}
    del content["digest"]
    manifest.write_text(json.dumps({"digest": hash_json(content), **content}))
    with pytest.raises(BundleError, match=r"other fields.*Update the software"):
        load_system(copy)
