from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from triage.backbones.timm_vit import convert_vit, sin_cos_positions
from triage.errors import TrainingError
from triage.models.load_backbone import load_backbone, restore_backbone

WIDTH, HEADS, INNER, DEPTH, PATCH, GRID = 128, 2, 160, 2, 8, 4
SIZE = PATCH * GRID

Tensors = dict[str, Tensor]


def masked_autoencoder(grid: int = GRID) -> Tensors:
    """The encoder of timm, as RETFound has it, with parts that are no part of the encoder."""
    torch.manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, WIDTH), "pos_embed": (1, 1 + grid**2, WIDTH),
        "patch_embed.proj.weight": (WIDTH, 3, PATCH, PATCH), "patch_embed.proj.bias": (WIDTH,),
        "norm.weight": (WIDTH,), "norm.bias": (WIDTH,),
    }  # fmt: skip
    for number in range(DEPTH):
        for name, shape in {
            "norm1": (WIDTH,), "attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH),
            "norm2": (WIDTH,), "mlp.fc1": (INNER, WIDTH), "mlp.fc2": (WIDTH, INNER),
        }.items():  # fmt: skip
            shapes[f"blocks.{number}.{name}.weight"] = shape
            shapes[f"blocks.{number}.{name}.bias"] = shape[:1]
    return {name: torch.randn(shape) / 4 for name, shape in shapes.items()}


def dino() -> Tensors:
    found = masked_autoencoder()
    for number in range(DEPTH):
        for scale in (1, 2):
            found[f"blocks.{number}.ls{scale}.gamma"] = torch.randn(WIDTH)
    return found


def cae() -> Tensors:
    """PanDerm's: two biases instead of three, layer scale, position embedding left out."""
    found = masked_autoencoder()
    del found["pos_embed"]
    for number in range(DEPTH):
        block = f"blocks.{number}."
        query, _, value = found.pop(f"{block}attn.qkv.bias").chunk(3)
        found |= {f"{block}attn.q_bias": query.clone(), f"{block}attn.v_bias": value.clone()}
        found |= {f"{block}gamma_{scale}": torch.randn(WIDTH) for scale in (1, 2)}
    return found


def forward(tensors: Tensors, pixels: Tensor) -> Tensor:
    """The class token after the last normalisation, from the tensors by their timm names."""

    def normed(given: Tensor, name: str) -> Tensor:
        mean = given.mean(-1, keepdim=True)
        variance = ((given - mean) ** 2).mean(-1, keepdim=True)
        scaled = (given - mean) / torch.sqrt(variance + 1e-6)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def dense(given: Tensor, name: str) -> Tensor:
        return given @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    patches = functional.conv2d(
        pixels, tensors["patch_embed.proj.weight"], tensors["patch_embed.proj.bias"], stride=PATCH
    )
    tokens = patches.flatten(2).transpose(1, 2)
    tokens = torch.cat([tensors["cls_token"].expand(len(pixels), 1, WIDTH), tokens], dim=1)
    tokens = tokens + tensors["pos_embed"]
    for number in range(DEPTH):
        block = f"blocks.{number}"
        scales = [tensors.get(f"{block}.ls{scale}.gamma", torch.ones(1)) for scale in (1, 2)]
        mixed = dense(normed(tokens, f"{block}.norm1"), f"{block}.attn.qkv")
        heads = [
            [part.split(WIDTH // HEADS, -1) for part in mixed.split(WIDTH, -1)][kind]
            for kind in range(3)
        ]
        seen = []
        for query, key, value in zip(*heads, strict=True):
            scores = query @ key.transpose(1, 2) / math.sqrt(WIDTH // HEADS)
            seen.append(scores.softmax(-1) @ value)
        tokens = tokens + scales[0] * dense(torch.cat(seen, -1), f"{block}.attn.proj")
        inner = dense(normed(tokens, f"{block}.norm2"), f"{block}.mlp.fc1")
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
        tokens = tokens + scales[1] * dense(inner, f"{block}.mlp.fc2")
    return normed(tokens, "norm")[:, 0]


def embedded(tensors: Tensors, pixels: Tensor, size: int | None = None) -> Tensor:
    model, side = convert_vit(tensors, "timm-vit:test", size)
    assert side == pixels.shape[-1]
    with torch.inference_mode():
        return model(pixel_values=pixels).last_hidden_state[:, 0]


def pixels_of(size: int = SIZE) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


LEFT_OUT = (
    "head.weight",
    "mask_token",
    "decoder_embed.bias",
    "decoder_blocks.0.norm1.bias",
    "decoder.blocks.0.norm1.bias",
    "dino_head.mlp.bias",
    "teacher.norm.bias",
)


@pytest.mark.parametrize("prefix", ["", "backbone.", "encoder."])
@pytest.mark.parametrize("layout", [masked_autoencoder, dino])
def test_it_is_the_same_function(layout, prefix: str) -> None:
    tensors = layout()
    found = {f"{prefix}{name}": value for name, value in tensors.items()}
    found |= {name: torch.ones(1) for name in LEFT_OUT}
    pixels = pixels_of()
    torch.testing.assert_close(
        embedded(found, pixels), forward(tensors, pixels), atol=1e-4, rtol=1e-4
    )


def test_biases_and_positions_of_a_context_autoencoder() -> None:
    tensors = cae()
    timm = dict(tensors)
    for number in range(DEPTH):
        query, value = (timm.pop(f"blocks.{number}.attn.{letter}_bias") for letter in "qv")
        timm[f"blocks.{number}.attn.qkv.bias"] = torch.cat([query, torch.zeros(WIDTH), value])
        for scale in (1, 2):
            timm[f"blocks.{number}.ls{scale}.gamma"] = timm.pop(f"blocks.{number}.gamma_{scale}")
    timm["pos_embed"] = positions(224 // PATCH)
    pixels = pixels_of(224)
    torch.testing.assert_close(
        embedded(tensors, pixels), forward(timm, pixels), atol=1e-4, rtol=1e-4
    )


def positions(grid: int) -> Tensor:
    """The fixed position embedding, number by number."""
    found = np.zeros((1 + grid * grid, WIDTH), np.float32)
    quarter = WIDTH // 4
    for first in range(grid):
        for second in range(grid):
            for channel in range(quarter):
                omega = 10_000.0 ** -(channel / quarter)
                row = found[1 + first * grid + second]
                for part, (function, place) in enumerate(
                    [(math.sin, first), (math.cos, first), (math.sin, second), (math.cos, second)]
                ):
                    row[part * quarter + channel] = function(place * omega)
    return torch.from_numpy(found)[None]


def test_positions_that_are_computed() -> None:
    torch.testing.assert_close(sin_cos_positions(5, WIDTH), positions(5), atol=1e-5, rtol=0)


def test_another_input_size_interpolates_the_positions() -> None:
    tensors = masked_autoencoder()
    # A constant stays one when it is interpolated, so the same function is known at every size.
    tensors["pos_embed"][:, 1:] = tensors["pos_embed"][:, 1:2]
    pixels = pixels_of(48)
    other = tensors | {
        "pos_embed": torch.cat(
            [tensors["pos_embed"][:, :1], tensors["pos_embed"][:, 1:2].expand(1, 36, WIDTH)], dim=1
        )
    }
    torch.testing.assert_close(
        embedded(tensors, pixels, 48), forward(other, pixels), atol=1e-4, rtol=1e-4
    )


def test_half_precision_is_read_as_single() -> None:
    tensors = {name: value.half() for name, value in masked_autoencoder().items()}
    pixels = pixels_of()
    expected = forward({name: value.float() for name, value in tensors.items()}, pixels)
    torch.testing.assert_close(embedded(tensors, pixels), expected, atol=1e-4, rtol=1e-4)


def without(name: str) -> Tensors:
    return {key: value for key, value in masked_autoencoder().items() if key != name}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "patch_embed.proj.weight is missing"),
        (without("blocks.0.mlp.fc1.weight"), "blocks.0.mlp.fc1.weight is missing"),
        (without("pos_embed"), "pos_embed is missing"),
        (without("cls_token"), "1 tensors are missing: cls_token"),
        (without("blocks.1.attn.qkv.bias"), "1 tensors are missing: blocks.1.attn.qkv.bias"),
        (
            masked_autoencoder() | {"blocks.0.mlp.w12.weight": torch.ones(2)},
            "1 tensors are not known here: blocks.0.mlp.w12.weight",
        ),
        (
            masked_autoencoder() | {"register_tokens": torch.ones(1, 4, WIDTH)},
            "not known here: register_tokens",
        ),
        (
            masked_autoencoder() | {"blocks.1.ls1.gamma": torch.ones(WIDTH)},
            "3 tensors are missing: blocks.0.ls1.gamma, blocks.0.ls2.gamma, blocks.1.ls2.gamma",
        ),
        (
            masked_autoencoder() | {"norm.bias": torch.ones(3)},
            "1 tensors are of another shape: norm.bias",
        ),
        (
            masked_autoencoder() | {"blocks.9.norm1.bias": torch.ones(WIDTH)},
            "12 tensors are missing: .* and 7 more; 1 tensors are not known here: blocks.9",
        ),
        (masked_autoencoder() | {"pos_embed": torch.ones(1, 19, WIDTH)}, "pos_embed has 19 rows"),
        (masked_autoencoder() | {"pos_embed": torch.ones(3)}, r"pos_embed is of shape \[3\]"),
        (
            masked_autoencoder() | {"patch_embed.proj.weight": torch.ones(3)},
            r"patch_embed.proj.weight is of shape \[3\]",
        ),
    ],
)
def test_other_tensors_are_named(tensors: Tensors, message: str) -> None:
    with pytest.raises(TrainingError, match=f"^timm-vit:test: .*{message}"):
        convert_vit(tensors, "timm-vit:test")


def test_a_size_that_does_not_fit() -> None:
    with pytest.raises(TrainingError, match=r"50 pixels cannot be divided into patches of 8.*@48"):
        convert_vit(masked_autoencoder(), "timm-vit:test", 50)


# As a reference


def test_a_file_survives_saving_exactly(tmp_path: Path) -> None:
    path = tmp_path / "vit.safetensors"
    save_file(dino(), path)
    backbone = load_backbone(f"timm-vit:{path}@48", stages=2)
    assert (backbone.width, backbone.preprocessing.size, backbone.name) == (
        2 * WIDTH, 48, "vit.safetensors-48",
    )  # fmt: skip
    backbone.save(tmp_path / "saved")
    path.unlink()
    restored = restore_backbone(tmp_path / "saved")
    assert restored.digest() == backbone.digest()
    with torch.inference_mode():
        assert torch.equal(restored.eval()(pixels_of(48)), backbone.eval()(pixels_of(48)))


def test_files_that_are_not_read(tmp_path: Path) -> None:
    torch.save(masked_autoencoder(), tmp_path / "vit.pth")
    with pytest.raises(TrainingError, match=r"is a pickle.*convert-checkpoint"):
        load_backbone(f"timm-vit:{tmp_path / 'vit.pth'}")
    (tmp_path / "bad.safetensors").write_bytes(b"text")
    for name in ("bad", "absent"):
        with pytest.raises(TrainingError, match="the weights cannot be read"):
            load_backbone(f"timm-vit:{tmp_path / name}.safetensors")
    with pytest.raises(TrainingError, match="9999 pixels"):
        load_backbone(f"timm-vit:{tmp_path / 'bad.safetensors'}@9999")
