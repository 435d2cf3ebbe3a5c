from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tiny import noise, write_mobilenet, write_resnet
from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import IMAGENET_MEAN, Preprocessing
from triage.errors import TrainingError
from triage.models.load_backbone import DEFAULT_MONAI_SIZE, load_backbone, restore_backbone

MONAI = {"resnet10_narrow": 256, "resnet10": 512, "resnet18": 512, "resnet34": 512}


def embed(backbone: Backbone, seed: int = 0) -> torch.Tensor:
    side = backbone.preprocessing.size
    frames = torch.from_numpy(noise(seed, side))[None].repeat(2, 1, 1, 1)
    with torch.inference_mode():
        return backbone.eval()(backbone.preprocessing.normalise(frames))


def copied(folder: Path, to: Path) -> Path:
    return shutil.copytree(folder, to / folder.name)


@pytest.mark.parametrize("write", [write_resnet, write_mobilenet])
def test_a_local_directory_survives_saving_exactly(write, tmp_path: Path) -> None:
    reference = f"hf:{write(tmp_path / 'net')}"
    backbone = load_backbone(reference)
    backbone.save(tmp_path / "saved")
    restored = restore_backbone(tmp_path / "saved")
    assert torch.equal(embed(backbone), embed(restored))
    assert restored.digest() == backbone.digest() == load_backbone(reference).digest()
    assert (
        restored.preprocessing
        == backbone.preprocessing
        == Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    )
    assert (restored.name, restored.width) == ("net", embed(backbone).shape[1])
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {
        "backbone.json",
        "model.safetensors",
    }


def test_the_embedding_is_the_mean_over_the_last_map(tiny_hf: Path) -> None:
    backbone = load_backbone(f"hf:{tiny_hf}")
    frames = torch.from_numpy(noise(1, 32))[None]
    pixels = backbone.preprocessing.normalise(frames)
    with torch.inference_mode():
        last = backbone.eval().network.model(pixel_values=pixels).last_hidden_state
        assert torch.allclose(backbone(pixels), last.mean((2, 3)), atol=1e-6)


def test_the_digest_covers_every_weight_and_the_preprocessing(tiny_hf: Path) -> None:
    backbone = load_backbone(f"hf:{tiny_hf}")
    digests = {backbone.digest(), load_backbone(f"hf:{tiny_hf}@48").digest()}
    state = backbone.network.state_dict()
    for name, value in state.items():
        before = value.clone()
        with torch.no_grad():
            value[(-1,) * value.ndim] += 1
        digests.add(backbone.digest())
        value.copy_(before)
        assert backbone.digest() in digests, name
    assert len(digests) == 2 + len(state)


def test_the_memory_layout_is_no_part_of_the_digest(tiny_hf: Path) -> None:
    backbone = load_backbone(f"hf:{tiny_hf}")
    before = backbone.digest()
    backbone.network.to(memory_format=torch.contiguous_format)
    assert backbone.digest() == before


@pytest.mark.parametrize("name", [*MONAI, "densenet121"])
def test_monai_networks(name: str) -> None:
    backbone = load_backbone(f"monai:{name}@32")
    assert embed(backbone).shape == (2, MONAI.get(name, 1024))
    assert backbone.width == MONAI.get(name, 1024)


def test_monai_networks_are_seeded_and_restored_exactly(tmp_path: Path) -> None:
    backbone = load_backbone("monai:resnet10_narrow@32", seed=3)
    assert load_backbone("monai:resnet10_narrow@32", seed=3).digest() == backbone.digest()
    assert load_backbone("monai:resnet10_narrow@32", seed=4).digest() != backbone.digest()
    backbone.save(tmp_path)
    restored = restore_backbone(tmp_path)
    assert torch.equal(embed(backbone), embed(restored))
    assert restored.digest() == backbone.digest()
    assert load_backbone("monai:resnet10_narrow").preprocessing.size == DEFAULT_MONAI_SIZE


@pytest.mark.parametrize(
    "reference",
    ["", "resnet10", "timm:resnet10", "hf:", "monai:", "monai:resnet99", "monai:resnet10@x"],
)
def test_unknown_references(reference: str) -> None:
    with pytest.raises(
        TrainingError, match=r"unknown .*Write hf:|no MONAI network .*Did you mean resnet"
    ):
        load_backbone(reference)


@pytest.mark.parametrize("size", [0, 15, 1025])
def test_sizes_out_of_bounds(size: int) -> None:
    with pytest.raises(TrainingError, match=f"{size} pixels"):
        load_backbone(f"monai:resnet10@{size}")


def test_a_directory_that_is_not_there() -> None:
    with pytest.raises(TrainingError, match="cannot be loaded"):
        load_backbone("hf:/no/such/place")


def test_an_at_sign_in_the_path(tiny_hf: Path, tmp_path: Path) -> None:
    folder = copied(tiny_hf, tmp_path / "me@work")
    assert load_backbone(f"hf:{folder}").preprocessing.size == 32
    assert load_backbone(f"hf:{folder}@40").preprocessing.size == 40


@pytest.mark.parametrize("name", ["", ".", "..", "a b/", "@64", "x/../"])
def test_the_name_is_fit_for_a_file(tiny_hf: Path, name: str) -> None:
    backbone = load_backbone(f"hf:{tiny_hf}")
    backbone.reference = f"hf:somewhere/{name}"
    assert backbone.name.strip(".-")
    assert not {"/", "@", " "} & set(backbone.name)


def test_without_preprocessor_config_the_statistics_are_imagenet(
    tiny_hf: Path, tmp_path: Path
) -> None:
    folder = copied(tiny_hf, tmp_path)
    (folder / "preprocessor_config.json").unlink()
    backbone = load_backbone(f"hf:{folder}@32")
    assert backbone.preprocessing == Preprocessing(32)
    assert backbone.preprocessing.mean == IMAGENET_MEAN
    assert load_backbone(f"hf:{folder}").preprocessing.size == 224


@pytest.mark.parametrize(
    ("settings", "side"),
    [
        ({"size": 48}, 48),
        ({"size": {"shortest_edge": 48}}, 48),
        ({"size": {"shortest_edge": 72}, "crop_size": {"height": 64, "width": 64}}, 72),
        (
            {"size": {"shortest_edge": 72}, "do_center_crop": True, "crop_size": {"height": 64}},
            64,
        ),
    ],
)
def test_the_input_size(settings: dict[str, object], side: int, tmp_path: Path) -> None:
    folder = write_resnet(tmp_path / "net", preprocessor=settings)
    assert load_backbone(f"hf:{folder}").preprocessing.size == side


def test_half_precision_weights_are_used_in_single(tiny_hf: Path, tmp_path: Path) -> None:
    folder = copied(tiny_hf, tmp_path)
    weights = load_file(folder / "model.safetensors")
    halved = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    save_file(halved, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text()) | {"dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config))
    backbone = load_backbone(f"hf:{folder}")
    assert embed(backbone).dtype == torch.float32
    backbone.save(tmp_path / "saved")
    assert torch.equal(embed(restore_backbone(tmp_path / "saved")), embed(backbone))


def _garbage(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)


def _truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _missing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _other_network(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text()) | {"hidden_sizes": [8, 24]}
    (folder / "config.json").write_text(json.dumps(config))


def _no_vision(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_size": 12}))


def _bad_json(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text("{")


def _two_means(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5, 0.5]}))


@pytest.mark.parametrize(
    "harm",
    [_garbage, _truncated, _missing, _other_network, _no_vision, _bad_json, _two_means],
)
def test_a_damaged_directory_is_a_clear_error(harm, tiny_hf: Path, tmp_path: Path) -> None:
    folder = copied(tiny_hf, tmp_path)
    harm(folder)
    with pytest.raises(TrainingError):
        load_backbone(f"hf:{folder}")


def test_missing_weights_are_not_replaced_by_random_ones(tiny_hf: Path, tmp_path: Path) -> None:
    folder = copied(tiny_hf, tmp_path)
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in weights if name.endswith("convolution.weight"))
    del weights[lost]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="lack 1 tensors") as caught:
        load_backbone(f"hf:{folder}")
    assert lost in str(caught.value)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "width"),
    [("mobilenet_v1_1.0_224", 1024), ("mobilenet_v2_1.0_224", 1280), ("resnet18_3stage", 256)],
)
def test_real_weights(name: str, width: int, shared: Path, tmp_path: Path) -> None:
    folder = shared / "weights" / name
    if not folder.is_dir():
        pytest.skip("the pretrained weights are not beside the checkout")
    backbone = load_backbone(f"hf:{folder}")
    vectors = embed(backbone)
    assert vectors.shape == (2, width)
    assert torch.isfinite(vectors).all()
    assert vectors.std() > 0
    backbone.save(tmp_path)
    restored = restore_backbone(tmp_path)
    assert torch.equal(embed(restored), vectors)
    assert restored.digest() == backbone.digest()
