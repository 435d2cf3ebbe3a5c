"""Vision transformers with the tensor names of timm, as weights of transformers' ViT.

Read are the layouts of RETFound (a masked autoencoder or DINOv2), PanDerm (CAE: the bias of the
keys is 0 and not stored, `gamma_1` and `gamma_2` are the layer scale, the position embedding may
be left to be computed) and DINOv2 (layer scale `ls1.gamma`, `ls2.gamma`). Layer scale is multiplied
into the layer before it, which is the same function. Heads, decoders and mask tokens are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from triage.errors import TrainingError

HEAD_WIDTH = 64
"""Channels of an attention head, which a file does not state; it is 64 in all of these networks."""
DEFAULT_SIZE = 224
"""Side of the input of a file without position embedding, pixels."""
_PREFIXES = ("backbone.", "encoder.", "module.")
_LEFT_OUT = re.compile(
    r"(?:head|fc_norm|decoder|decoder_\w+|mask_token|dino_head|ibot_head|teacher|lm_head)(?:\.|$)"
)
_SHOWN = 5
_LAYER_NORM_EPS = 1e-6
_SIN_COS_TEMPERATURE = 10_000.0
# Of each block: the name in timm and in transformers; weight and bias each.
_BLOCK = {
    "norm1": "layernorm_before",
    "attn.proj": "attention.o_proj",
    "norm2": "layernorm_after",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
_QKV = ("q_proj", "k_proj", "v_proj")


def convert_vit(
    tensors: Mapping[str, Tensor], reference: str, size: int | None = None
) -> tuple[nn.Module, int]:
    """Build transformers' ViT with the weights of a checkpoint in timm's names.

    Parameters
    ----------
    tensors : mapping of str to Tensor
    reference : str
        How the user named the file, for messages.
    size : int, optional
        Another side of the input than the file's, pixels; position embeddings are interpolated
        (bicubic).

    Returns
    -------
    model : ViTModel
        In evaluation mode, without pooling: the first token after the last normalisation is the
        embedding.
    size : int
        Side of the input, pixels.

    Raises
    ------
    TrainingError
        If tensors are missing, not known here or of the wrong shape (each is named), or the size
        is no multiple of the patch size.
    """
    named = _without_prefix(tensors)
    named = {name: value.float() for name, value in named.items() if not _LEFT_OUT.match(name)}
    patch = _shape_of(named, "patch_embed.proj.weight", 4, reference)
    width, side = patch[0], patch[-1]
    inner = _shape_of(named, "blocks.0.mlp.fc1.weight", 2, reference)[0]
    depth = len({name.split(".")[1] for name in named if name.startswith("blocks.")})
    if "pos_embed" not in named and any(name.endswith(".attn.q_bias") for name in named):
        named["pos_embed"] = sin_cos_positions(DEFAULT_SIZE // side, width)  # of CAE, fixed
    named = _with_standard_attention(named, depth)
    grid = _grid_of(named, reference)
    _check(named, _expected(width, side, inner, depth, grid, named), reference)
    if width % HEAD_WIDTH:
        raise TrainingError(
            f"its {width} channels are no multiple of {HEAD_WIDTH}",
            where=reference,
            hint="Convert it to the transformers format and name the folder with hf:.",
        )
    size = grid * side if size is None else size
    if size % side:
        raise TrainingError(
            f"an input of {size} pixels cannot be divided into patches of {side}",
            where=reference,
            hint=f"Use a multiple of {side}, such as @{max(1, size // side) * side}.",
        )
    config = {
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": width // HEAD_WIDTH,
        "intermediate_size": inner,
        "image_size": size,
        "patch_size": side,
        "layer_norm_eps": _LAYER_NORM_EPS,
    }
    model = build_vit(config)
    model.load_state_dict(_transformers_names(named, depth, size // side))
    return model.eval(), size


def build_vit(config: Mapping[str, Any]) -> nn.Module:
    """Return transformers' ViT without its pooling layer, with random weights."""
    from transformers import ViTConfig, ViTModel

    settings = {key: value for key, value in config.items() if key != "model_type"}
    found: nn.Module = ViTModel(ViTConfig(**settings), add_pooling_layer=False)
    return found


def _without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names without the prefix that training scripts add; others keep theirs."""
    prefix = next((each for each in _PREFIXES if f"{each}cls_token" in tensors), "")
    return {name.removeprefix(prefix): value for name, value in tensors.items()}


def _shape_of(
    named: Mapping[str, Tensor], name: str, dimensions: int, reference: str
) -> tuple[int, ...]:
    """Shape of the tensor that gives a size of the network."""
    if name not in named:
        raise TrainingError(
            f"no ViT in timm's names: {name} is missing",
            where=reference,
            hint="Give the weights of a vision transformer such as RETFound, PanDerm or DINOv2.",
        )
    shape = tuple(named[name].shape)
    if len(shape) != dimensions or not all(shape):
        raise TrainingError(f"{name} is of shape {list(shape)}", where=reference, hint=_OTHER)
    return shape


_OTHER = "Give the weights of this very network."


def _with_standard_attention(named: Mapping[str, Tensor], depth: int) -> dict[str, Tensor]:
    """CAE's biases and layer scale under the names that timm's ViT has for them."""
    found = dict(named)
    for number in range(depth):
        block = f"blocks.{number}."
        biases = [f"{block}attn.{letter}_bias" for letter in "qv"]
        if f"{block}attn.qkv.bias" not in found and {*biases} <= found.keys():
            query, value = (found.pop(name) for name in biases)
            found[f"{block}attn.qkv.bias"] = torch.cat([query, torch.zeros_like(query), value])
        for scale in (1, 2):
            if f"{block}gamma_{scale}" in found:
                found[f"{block}ls{scale}.gamma"] = found.pop(f"{block}gamma_{scale}")
    return found


def _grid_of(named: Mapping[str, Tensor], reference: str) -> int:
    """Patches a side, by the rows of the position embedding."""
    shape = _shape_of(named, "pos_embed", 3, reference)
    grid = math.isqrt(max(shape[1] - 1, 0))
    if grid == 0 or grid**2 != shape[1] - 1:
        raise TrainingError(
            f"pos_embed has {shape[1]} rows: not one of the class and a square of patches",
            where=reference,
            hint="Networks with register tokens are not read; give one without.",
        )
    return grid


def sin_cos_positions(grid: int, width: int) -> Tensor:
    """Return the fixed position embedding [1, 1 + grid², width] of Chen et al. 2021 (MoCo v3).

    Zeros for the class token; of each patch, numbered along the second axis of
    `meshgrid(columns, rows)`, sine and cosine of its column and of its row.
    """
    steps = torch.arange(grid, dtype=torch.float32)
    columns, rows = torch.meshgrid(steps, steps, indexing="ij")
    quarter = width // 4
    omega = _SIN_COS_TEMPERATURE ** -(torch.arange(quarter, dtype=torch.float32) / quarter)
    column, row = (axis.flatten()[:, None] * omega for axis in (columns, rows))
    patches = torch.cat([column.sin(), column.cos(), row.sin(), row.cos()], dim=1)
    return torch.cat([torch.zeros(1, patches.shape[1]), patches])[None]


def _expected(
    width: int, side: int, inner: int, depth: int, grid: int, named: Mapping[str, Tensor]
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of every tensor of the network."""
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + grid**2, width),
        "patch_embed.proj.weight": (width, 3, side, side),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    layers: dict[str, tuple[int, ...]] = {
        "norm1": (width,),
        "attn.qkv": (3 * width, width),
        "attn.proj": (width, width),
        "norm2": (width,),
        "mlp.fc1": (inner, width),
        "mlp.fc2": (width, inner),
    }
    scaled = any(re.fullmatch(r"blocks\.\d+\.ls[12]\.gamma", name) for name in named)
    for number in range(depth):
        for layer, shape in layers.items():
            shapes[f"blocks.{number}.{layer}.weight"] = shape
            shapes[f"blocks.{number}.{layer}.bias"] = shape[:1]
        if scaled:
            shapes |= {f"blocks.{number}.ls{scale}.gamma": (width,) for scale in (1, 2)}
    return shapes


def _check(
    named: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], reference: str
) -> None:
    """Refuse missing, unknown and misshapen tensors, and name them."""
    wrong = [k for k, v in named.items() if k in expected and tuple(v.shape) != expected[k]]
    problems = [
        f"{len(names)} tensors are {what}: {_listed(names)}"
        for what, names in (
            ("missing", sorted(expected.keys() - named.keys())),
            ("not known here", sorted(named.keys() - expected.keys())),
            ("of another shape", sorted(wrong)),
        )
        if names
    ]
    if problems:
        raise TrainingError("; ".join(problems), where=reference, hint=_OTHER)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _transformers_names(named: Mapping[str, Tensor], depth: int, grid: int) -> dict[str, Tensor]:
    """Tensors by the names of transformers' ViT: q, k and v apart, layer scale multiplied in."""
    found = {
        "embeddings.cls_token": named["cls_token"],
        "embeddings.position_embeddings": _resized_positions(named["pos_embed"], grid),
    }
    for kind in ("weight", "bias"):
        found[f"embeddings.patch_embeddings.projection.{kind}"] = named[f"patch_embed.proj.{kind}"]
        found[f"layernorm.{kind}"] = named[f"norm.{kind}"]
        for number in range(depth):
            block, layer = f"blocks.{number}.", f"layers.{number}."
            parts = named[f"{block}attn.qkv.{kind}"].chunk(3)
            for name, part in zip(_QKV, parts, strict=True):
                found[f"{layer}attention.{name}.{kind}"] = part.clone()
            for ours, theirs in _BLOCK.items():
                found[f"{layer}{theirs}.{kind}"] = named[f"{block}{ours}.{kind}"]
            for scale, name in ((1, "attention.o_proj"), (2, "mlp.fc2")):
                if (gamma := named.get(f"{block}ls{scale}.gamma")) is not None:
                    value = found[f"{layer}{name}.{kind}"]
                    found[f"{layer}{name}.{kind}"] = gamma.view(-1, *[1] * (value.ndim - 1)) * value
    return found


def _resized_positions(positions: Tensor, grid: int) -> Tensor:
    """Position embedding of another number of patches a side; the class keeps its own."""
    before = math.isqrt(positions.shape[1] - 1)
    if before == grid:
        return positions
    patches = positions[:, 1:].transpose(1, 2).unflatten(2, (before, before))
    resized = functional.interpolate(patches, (grid, grid), mode="bicubic", align_corners=False)
    return torch.cat([positions[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)
