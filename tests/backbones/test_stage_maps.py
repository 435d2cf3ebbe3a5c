"""Which map ends the stage before the last, of the networks there are and of maps by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.tiny import noise, write_mobilenet, write_resnet, write_vit
from triage.backbones.backbone import Backbone
from triage.backbones.stage_maps import ShowsMaps, stage_before, stage_maps
from triage.models.load_backbone import load_backbone

MONAI = {
    "resnet10_narrow": (32, 64, 128, 256),
    "resnet18": (64, 128, 256, 512),
    "densenet121": (256, 512, 1024, 1024),
}


def pixels_of(backbone: Backbone) -> Tensor:
    frames = torch.stack([torch.from_numpy(noise(seed, 32)) for seed in range(2)])
    return backbone.pictures.normalise(frames)


def maps_of(backbone: Backbone) -> tuple[Tensor, list[Tensor]]:
    with torch.inference_mode():
        return stage_maps(backbone.eval().network, pixels_of(backbone))


def all_outputs(network: nn.Module, pixels: Tensor) -> dict[str, Tensor]:
    """What every module of a network gives, by its name."""
    found: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(
            lambda _module, _given, output, name=name: found.__setitem__(name, output)
        )
        for name, module in network.named_modules()
    ]
    with torch.inference_mode():
        network(pixels)
    for hook in hooks:
        hook.remove()
    return found


def test_a_resnet(tmp_path: Path) -> None:
    """Of its two stages of 8 and of 16 channels, the first."""
    backbone = load_backbone(f"hf:{write_resnet(tmp_path / 'net')}")
    embedding, maps = maps_of(backbone)
    outputs = all_outputs(backbone.network, pixels_of(backbone))
    expected = outputs["model.encoder.stages.0"]
    assert expected.shape == (2, 8, 8, 8)
    torch.testing.assert_close(stage_before(maps), expected.mean((2, 3)))
    torch.testing.assert_close(embedding, outputs["model.pooler"].flatten(1))
    assert isinstance(backbone.network, ShowsMaps)


def test_a_mobilenet(tmp_path: Path) -> None:
    """Its last stage begins with the last convolution that makes the map coarser."""
    backbone = load_backbone(f"hf:{write_mobilenet(tmp_path / 'net')}")
    _, maps = maps_of(backbone)
    outputs = all_outputs(backbone.network, pixels_of(backbone))
    layers = [f"model.layer.{number}" for number in range(26)]
    strides = [backbone.network.get_submodule(f"{layer}.convolution").stride[0] for layer in layers]
    last = max(number for number, stride in enumerate(strides) if stride == 2)
    expected = outputs[layers[last - 1]]
    assert outputs[layers[last]].shape[2] == expected.shape[2] // 2
    torch.testing.assert_close(stage_before(maps), expected.mean((2, 3)))


@pytest.mark.parametrize("layers", [1, 3, 6, 12])
def test_a_vit(layers: int, tmp_path: Path) -> None:
    """Its tokens are as many everywhere: after two thirds of its layers."""
    backbone = load_backbone(f"hf:{write_vit(tmp_path / 'net', layers=layers)}")
    embedding, maps = maps_of(backbone)
    with torch.inference_mode():
        output = backbone.network.model(pixel_values=pixels_of(backbone), output_hidden_states=True)
    assert len(output.hidden_states) == layers + 1
    expected = output.hidden_states[{1: 0, 3: 2, 6: 4, 12: 8}[layers]]
    assert expected.shape == (2, 17, 8)
    torch.testing.assert_close(stage_before(maps), expected.mean(1))
    torch.testing.assert_close(embedding, output.pooler_output)


@pytest.mark.parametrize("name", MONAI)
def test_monai_networks(name: str) -> None:
    backbone = load_backbone(f"monai:{name}@32")
    pixels = pixels_of(backbone)
    embedding, maps = maps_of(backbone)
    assert [each.shape[1] for each in maps] == list(MONAI[name])
    outputs = all_outputs(backbone.network, pixels)
    third = "features.denseblock3" if name == "densenet121" else "layer3"
    torch.testing.assert_close(stage_before(maps), outputs[third].mean((2, 3)))
    with torch.inference_mode():
        torch.testing.assert_close(embedding, backbone.network(pixels).flatten(1))
    assert not [module for module in backbone.modules() if module._forward_hooks]


def test_hooks_are_gone_also_when_the_network_fails() -> None:
    backbone = load_backbone("monai:resnet10_narrow@32")
    with pytest.raises(RuntimeError):
        stage_maps(backbone.network, torch.zeros(1, 5, 32, 32))
    assert not [module for module in backbone.modules() if module._forward_hooks]


def test_networks_that_show_none() -> None:
    embedding, maps = stage_maps(nn.Flatten(), torch.zeros(2, 3, 4, 4))
    assert embedding.shape == (2, 48)
    assert maps == []
    assert stage_before(maps) is None


def test_one_map_is_its_own_last() -> None:
    assert stage_before([torch.zeros(1, 2, 4, 4)]) is None
    assert stage_before([torch.zeros(1, 5, 2)]) is None


def constant(value: float, *shape: int) -> Tensor:
    return torch.full((2, *shape), float(value))


@pytest.mark.parametrize(
    ("maps", "chosen"),
    [
        ([constant(0, 3, 8, 8), constant(1, 4, 4, 4)], 0),
        # The last of a stage of several layers, whatever the last stage holds.
        ([constant(0, 3, 8, 8), constant(1, 3, 8, 8), constant(2, 4, 4, 4)], 1),
        ([constant(0, 2, 8, 8), constant(1, 3, 4, 4), *[constant(9, 4, 2, 2)] * 5], 1),
        ([constant(0, 2, 8, 8), constant(1, 3, 4, 4), constant(2, 3, 4, 2)], 1),
        # Of one resolution: two thirds of the way.
        ([constant(number, 3, 4, 4) for number in range(4)], 2),
        ([constant(number, 9, 3) for number in range(7)], 4),
        ([constant(number, 9, 3) for number in range(2)], 0),
    ],
)
def test_maps_by_hand(maps: list[Tensor], chosen: int) -> None:
    found = stage_before(maps)
    channels = maps[chosen].shape[1] if maps[chosen].ndim == 4 else maps[chosen].shape[2]
    assert torch.equal(found, constant(chosen, channels))


def test_the_mean_is_over_places_and_of_each_image() -> None:
    earlier = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    found = stage_before([earlier, torch.zeros(3, 7, 2, 3)])
    for image in range(3):
        for channel in range(5):
            by_hand = sum(earlier[image, channel].flatten().tolist()) / 24
            assert found[image, channel].item() == pytest.approx(by_hand, abs=1e-6)
