"""Exports as MONAI bundles: MONAI builds their networks, which compute what our system does."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tests.tiny import TinyBundle, TinyOctBundle
from triage.data.dataset import Dataset
from triage.errors import BundleError, UsageError
from triage.hashing import hash_file
from triage.models.load_backbone import load_backbone
from triage.models.oct.referral_network import as_shares, predict_referral
from triage.models.oct.scan_grid import with_context
from triage.models.oct.unet import predict_tissue
from triage.systems.bundle import load_system
from triage.systems.monai_export import MonaiExport, export_monai_bundle
from triage.systems.monai_export.documents import LOADER
from triage.systems.monai_export.networks import build_head, exported_backbone
from triage.systems.oct.networks import cells_of, hypotheses_of
from triage.systems.oct.opening import open_volume
from triage.systems.oct.system import OctSystem
from triage.systems.photographs.system import System

TENSOR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "format": {"type": "string"},
        "num_channels": {"type": "integer"},
        "spatial_shape": {"type": "array", "items": {"type": ["string", "integer"]}},
        "dtype": {"type": "string"},
        "value_range": {"type": "array", "items": {"type": "number"}},
        "is_patch_data": {"type": "boolean"},
        "channel_def": {"type": "object"},
    },
    "required": ["type", "format", "num_channels", "spatial_shape", "dtype", "value_range"],
}
NETWORK = {
    "type": "object",
    "properties": {
        side: {"type": "object", "minProperties": 1, "additionalProperties": TENSOR}
        for side in ("inputs", "outputs")
    },
    "required": ["inputs", "outputs"],
}
TEXTS = (
    "schema", "version", "monai_version", "pytorch_version", "numpy_version", "task",
    "description", "authors", "copyright",
)  # fmt: skip
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "type": "object",
    "properties": {name: {"type": "string"} for name in TEXTS}
    | {"required_packages_version": {"type": "object"}},
    "patternProperties": {"^[_a-zA-Z0-9]+_data_format$": NETWORK},
    "required": [*TEXTS, "required_packages_version", "network_data_format"],
}
"""The fields that MONAI's documentation of bundles requires, in our own words."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return path


@pytest.fixture(scope="module")
def oct_export(
    tiny_oct_bundle: TinyOctBundle, schema: Path, tmp_path_factory: pytest.TempPathFactory
) -> MonaiExport:
    out = tmp_path_factory.mktemp("export") / "oct"
    return export_monai_bundle(tiny_oct_bundle.folder, out, schema)


@pytest.fixture(scope="module")
def photo_export(
    tiny_bundle: TinyBundle, schema: Path, tmp_path_factory: pytest.TempPathFactory
) -> MonaiExport:
    out = tmp_path_factory.mktemp("export") / "photographs"
    return export_monai_bundle(tiny_bundle.folder, out, schema)


def parser_of(export: MonaiExport) -> Any:
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(export.folder / "configs" / "inference.json")
    parser.read_meta(export.folder / "configs" / "metadata.json")
    parser["bundle_root"] = str(export.folder)
    parser["device"] = "cpu"
    return parser


def test_the_layout_of_a_monai_bundle(
    oct_export: MonaiExport, tiny_oct_bundle: TinyOctBundle
) -> None:
    folder = oct_export.folder
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {
        "LICENSE", "configs/inference.json", "configs/metadata.json", "docs/README.md",
        "docs/sha256.txt", "models/referral_0.safetensors", "models/referral_1.safetensors",
        "models/segmentation_0.safetensors", "models/segmentation_1.safetensors",
    }  # fmt: skip
    lines = (folder / "docs" / "sha256.txt").read_text().splitlines()
    assert {line.split("  ")[1]: line.split("  ")[0] for line in lines} == oct_export.files
    assert set(oct_export.files) == found - {"docs/sha256.txt"}
    assert all(hash_file(folder / name) == sha for name, sha in oct_export.files.items())
    # The weights are the very files of the system.
    files = tiny_oct_bundle.manifest.files
    assert (
        oct_export.files["models/segmentation_1.safetensors"]
        == files["segmentation/s1.safetensors"]
    )
    assert "licence: Apache-2.0" in (folder / "LICENSE").read_text()
    assert oct_export.source == tiny_oct_bundle.manifest.digest()


def test_the_same_bundle_is_exported_to_the_same_bytes(
    oct_export: MonaiExport, tiny_oct_bundle: TinyOctBundle, tmp_path: Path
) -> None:
    again = export_monai_bundle(tiny_oct_bundle.folder, tmp_path / "other")
    assert again.files == oct_export.files


def test_monai_verifies_the_shapes_of_the_main_network(oct_export: MonaiExport) -> None:
    from monai.bundle import verify_net_in_out

    configs = oct_export.folder / "configs"
    verify_net_in_out(
        "network",
        meta_file=str(configs / "metadata.json"),
        config_file=str(configs / "inference.json"),
        device="cpu",
        bundle_root=str(oct_export.folder),
    )


def test_monai_computes_the_tissue_of_a_bscan_as_our_system(
    oct_export: MonaiExport,
    tiny_oct_bundle: TinyOctBundle,
    oct_data: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the code of the README as it stands, in the folder of the export."""
    assert LOADER in (oct_export.folder / "docs" / "README.md").read_text()
    monkeypatch.chdir(oct_export.folder)
    names: dict[str, Any] = {}
    exec(LOADER, names)
    parser = names["parser"]
    system, _ = load_system(tiny_oct_bundle.folder)
    assert isinstance(system, OctSystem)
    stage = system.settings.segmentation
    volume = open_volume(oct_data.cases[0], stage)
    pixels = with_context(torch.from_numpy(volume.bscans), torch.arange(6), stage.context)
    for key, segmenter in (("network", "s0"), ("segmentation_1", "s1")):
        network = parser.get_parsed_content(key)
        assert type(network).__module__.startswith("monai.networks.nets")
        with torch.inference_mode():
            found = network(pixels.to(next(network.parameters()).device)).cpu().softmax(1)
        expected = predict_tissue(system.segmenters[segmenter], volume.bscans, stage.context)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_the_referral_networks_compute_the_same(
    oct_export: MonaiExport, tiny_oct_bundle: TinyOctBundle, oct_data: Dataset
) -> None:
    parser = parser_of(oct_export)
    system, _ = load_system(tiny_oct_bundle.folder)
    assert isinstance(system, OctSystem)
    volume = open_volume(oct_data.cases[1], system.settings.segmentation)
    maps = hypotheses_of(list(system.segmenters.values()), volume.bscans, system.settings)
    cells = torch.from_numpy(cells_of(maps, volume.spacing, system.settings))
    for number, referrer in enumerate(system.referrers.values()):
        network = parser.get_parsed_content(f"referral_{number}")
        with torch.inference_mode():
            found = network(as_shares(cells))
        expected = predict_referral(referrer, cells)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5)
        stated = parser["_meta_"][f"referral_{number}_data_format"]["outputs"]["pred"]
        assert stated["num_channels"] == found.shape[1] == len(stated["channel_def"])


def test_photographs_compute_the_same(
    photo_export: MonaiExport, tiny_bundle: TinyBundle, phantom_data: Dataset
) -> None:
    """Backbone and heads of the export give the mean probabilities of the system."""
    parser = parser_of(photo_export)
    system, _ = load_system(tiny_bundle.folder)
    assert isinstance(system, System)
    case = next(case for case in phantom_data.of_split("test") if len(case.images) == 1)
    backbone = next(iter(system.backbones.values()))
    frames = torch.from_numpy(backbone.pictures.open(case.images[0]).frames)
    pixels = backbone.pictures.normalise(frames)
    with torch.inference_mode():
        embedding = parser.get_parsed_content("network")(pixels)
        found = [
            parser.get_parsed_content(f"member_{n}")(embedding).softmax(1)
            for n in range(len(system.members))
        ]
    expected = system.score([case]).predictions.probabilities[0]
    np.testing.assert_allclose(torch.cat(found).numpy(), expected, atol=1e-5)


def test_what_is_built_by_monai_alone_is_told(
    oct_export: MonaiExport, photo_export: MonaiExport
) -> None:
    assert [one.of_monai for one in oct_export.networks] == [True, True, False, False]
    assert not any(one.of_monai for one in photo_export.networks)
    metadata = json.loads((photo_export.folder / "configs" / "metadata.json").read_text())
    assert "triage" in metadata["required_packages_version"]
    table = (oct_export.folder / "docs" / "README.md").read_text()
    assert re.search(r"`network` \|.*\| MONAI \|", table)
    assert re.search(r"`referral_0` \|.*triage \|", table)


@pytest.mark.parametrize(("name", "alone"), [("resnet10_narrow", True), ("densenet121", False)])
def test_networks_of_monai_are_built_by_monai_alone(name: str, alone: bool, tmp_path: Path) -> None:
    """A DenseNet lacks MONAI's last layer, so this software builds it."""
    from monai.bundle import ConfigComponent

    backbone = load_backbone(f"monai:{name}@32").eval()
    backbone.save(tmp_path)
    found = exported_backbone(0, "a", backbone)
    assert found.of_monai is alone
    definition = dict(found.definition)
    if not alone:
        definition["folder"] = str(tmp_path)
    network = ConfigComponent(definition, "network").instantiate().eval()
    if alone:
        network.load_state_dict(load_file(tmp_path / "model.safetensors"))
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        np.testing.assert_allclose(network(pixels).numpy(), backbone(pixels).numpy(), atol=1e-4)
    assert found.outputs["pred"]["num_channels"] == backbone.width


def test_weights_are_safetensors_and_nothing_is_a_pickle(photo_export: MonaiExport) -> None:
    for path in (photo_export.folder / "models").rglob("*"):
        if path.is_file():
            assert path.suffix in (".safetensors", ".json")
        if path.suffix == ".safetensors":
            with safe_open(path, framework="np") as file:
                assert list(file.keys())


def test_texts_of_a_bundle_are_no_code_for_monai(
    phantom_data: Dataset, tmp_path: Path, tiny_bundle: TinyBundle
) -> None:
    """MONAI evaluates strings that begin with a dollar; no name of a condition does so."""
    from triage.systems.monai_export.configuration import bundle_metadata, inference_config
    from triage.systems.monai_export.networks import exported_networks

    hostile = "$__import__('os').system('touch here')"
    _, manifest = load_system(tiny_bundle.folder)
    changed = manifest.model_copy(
        update={"classes": (hostile, *manifest.classes[1:]), "name": hostile}
    )
    networks = exported_networks(tiny_bundle.folder, changed)
    content = [
        bundle_metadata(changed, networks, f"@bundle_root {hostile}"),
        inference_config(networks),
    ]

    def strings(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [one for part in value.values() for one in strings(part)]
        if isinstance(value, list):
            return [one for part in value for one in strings(part)]
        return [value] if isinstance(value, str) else []

    assert not any("system" in text and "$" in text for text in strings(content[0]))
    assert not any("touch" in text for text in strings(content[1]))


# refusals


def test_an_existing_folder_is_refused(tiny_oct_bundle: TinyOctBundle, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        export_monai_bundle(tiny_oct_bundle.folder, tmp_path / "there")


def test_an_altered_bundle_is_refused(tiny_oct_bundle: TinyOctBundle, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_oct_bundle.folder, tmp_path / "b")
    path = copy / "referral" / "r0.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(BundleError, match="does not match its manifest"):
        export_monai_bundle(copy, tmp_path / "e")
    assert not list(tmp_path.glob("*e*partial*"))
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (json.dumps(SCHEMA | {"required": ["nothing like it"]}), BundleError, "not valid"),
        ("{", UsageError, "no JSON schema"),
        (json.dumps({"type": "nonsense"}), UsageError, "no JSON schema"),
        (json.dumps({"$ref": "https://example.org/schema.json"}), UsageError, "no JSON schema"),
        (None, UsageError, "schema"),
    ],
)
def test_a_schema_that_does_not_hold(
    content: str | None,
    error: type[Exception],
    words: str,
    tiny_oct_bundle: TinyOctBundle,
    tmp_path: Path,
) -> None:
    path = tmp_path / "schema.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(error, match=words):
        export_monai_bundle(tiny_oct_bundle.folder, tmp_path / "e", path)
    assert not (tmp_path / "e").exists()


def test_no_such_head() -> None:
    with pytest.raises(UsageError, match="no kind of head"):
        build_head("forest", 4, 2, 2, 4, 0.0)
