"""Which backbones there are, and how one is loaded by its reference.

A reference names the network: `hf:<local directory or hub name>` (transformers; a local
directory is never looked up on the network), `monai:<network>` (random initialisation,
to be trained with `--mode finetune`), `file:<folder>` (what `triage pretrain` wrote) or
`oct:<bundle folder>` (the tissue maps of a trained OCT system; reads volumes).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from triage.backbones.backbone import DESCRIPTION, WEIGHTS, Backbone
from triage.backbones.preprocessing import Preprocessing
from triage.backbones.pretrained import (
    REFUSALS,
    plain_config,
    pretrained_model,
    pretrained_preprocessing,
)
from triage.backbones.weights_file import load_weights, read_description
from triage.errors import TrainingError, nearest_name, unknown_name
from triage.imaging.views import Views

DEFAULT_MONAI_SIZE = 96
_LIBRARIES = ("hf", "monai", "file", "oct")


def load_backbone(
    reference: str, *, seed: int = 0, stages: int = 1, views: Views = Views.WHOLE
) -> Backbone:
    """Build a backbone from its reference.

    Parameters
    ----------
    reference : str
        `hf:<local directory or hub name>`, `monai:<network>` or `file:<folder>`, optionally
        `@<size>` for another input size in pixels; or `oct:<bundle folder>`.
    seed : int
        Seeds the random initialisation of `monai:` networks.
    stages : {1, 2}
        Of how many of its last stages the embedding is made.
    views : Views
        What of each picture is embedded.

    Raises
    ------
    TrainingError
        If the reference is malformed, unknown, the weights cannot be read, or the network has not
        so many stages or reads no pictures to take views of.
    """
    backbone = _of_reference(reference, seed)
    # What a bundle holds, named as `file:`, may have been saved with others.
    if views.n_views != backbone.preprocessing.n_views:
        backbone.preprocessing = replace(backbone.pictures, views=views)
    return backbone if stages == backbone.stages else backbone.with_stages(stages)


def _of_reference(reference: str, seed: int) -> Backbone:
    library, _, rest = reference.partition(":")
    if library == "oct" and rest:
        from triage.models.oct.tissue_backbone import load_tissue_backbone  # stands on this file

        return load_tissue_backbone(Path(rest))
    name, _, size = rest.rpartition("@")
    if not (name and size.isdecimal()):
        name, size = rest, ""
    if library not in _LIBRARIES[:3] or not name:
        raise TrainingError(
            f"unknown backbone {reference!r}",
            mend=f"{_did_you_mean(library)}Write hf:<directory or hub name>, monai:<network>, "
            "such as monai:resnet10, file:<pretrained folder>, or oct:<bundle folder>.",
        )
    pixels = int(size) if size else None
    if library == "file":
        return _file_backbone(Path(name), reference, pixels)
    if library == "monai":
        torch.manual_seed(seed)
        return _monai_backbone(name, reference, pixels)
    return _hf_backbone(name, reference, pixels)


def _did_you_mean(library: str) -> str:
    near = nearest_name(library, _LIBRARIES)
    return f"Did you mean {near}:? " if near not in ("", library) else ""


def restore_backbone(folder: Path) -> Backbone:
    """Read a backbone written by `Backbone.save`; nothing is looked up elsewhere."""
    description = json.loads(read_description(folder / DESCRIPTION))
    architecture = description["architecture"]
    if architecture["library"] == "monai":
        network, _ = _build_monai(architecture["name"])
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


def _file_backbone(folder: Path, reference: str, size: int | None) -> Backbone:
    try:
        backbone = restore_backbone(folder)
    except REFUSALS as error:
        raise TrainingError(
            "the backbone cannot be read",
            where=reference,
            mend="Give a folder that `triage pretrain` wrote.",
        ) from error
    backbone.reference = reference
    if size is not None:
        backbone.preprocessing = replace(backbone.pictures, size=size)
    return backbone


# MONAI's 2D ResNets: blocks a stage and channels of the stages. `conv1_t_stride=2,
# bias_downsample=False` makes them the usual ones, three times faster than MONAI's default stem.
_RESNETS = {
    "resnet10_narrow": ([1, 1, 1, 1], [32, 64, 128, 256]),
    "resnet10": ([1, 1, 1, 1], [64, 128, 256, 512]),
    "resnet18": ([2, 2, 2, 2], [64, 128, 256, 512]),
    "resnet34": ([3, 4, 6, 3], [64, 128, 256, 512]),
}

MONAI_NETWORKS = {
    "resnet10_narrow": "ResNet-10 with half the channels, initialised at random",
    "resnet10": "ResNet-10, initialised at random",
    "resnet18": "ResNet-18, initialised at random",
    "resnet34": "ResNet-34, initialised at random",
    "densenet121": "DenseNet-121, initialised at random",
}
"""Every network that `monai:<network>` names, with what it is."""


def _build_monai(name: str) -> tuple[nn.Module, int]:
    from monai.networks.nets import DenseNet121, ResNet  # importing MONAI takes seconds

    if name in _RESNETS:
        layers, channels = _RESNETS[name]
        network = ResNet(
            block="basic",
            layers=layers,
            block_inplanes=channels,
            spatial_dims=2,
            n_input_channels=3,
            conv1_t_stride=2,
            bias_downsample=False,
            feed_forward=False,
        )
        return network, channels[-1]
    if name == "densenet121":
        densenet = DenseNet121(spatial_dims=2, in_channels=3, out_channels=2)
        densenet.class_layers.out = nn.Identity()
        return densenet, 1024
    unknown = unknown_name("MONAI network", name, MONAI_NETWORKS)
    raise TrainingError(unknown.what, mend=unknown.mend)


def _monai_backbone(name: str, reference: str, size: int | None) -> Backbone:
    network, width = _build_monai(name)
    return Backbone(
        network,
        reference=reference,
        width=width,
        preprocessing=Preprocessing(DEFAULT_MONAI_SIZE if size is None else size),
        architecture={"library": "monai", "name": name},
    )


class _Pooled(nn.Module):
    """A transformers vision model reduced to its pooled output, else to a pooling of its last."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self._pooled(self.model(pixel_values=pixels))

    def with_maps(self, pixels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The embedding, and the feature maps or tokens between the layers."""
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


def _hf_backbone(name: str, reference: str, size: int | None) -> Backbone:
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
            mend="Give a directory with the config.json and model.safetensors of a vision "
            "network, or a hub name when online.",
        ) from error
    return Backbone(
        network,
        reference=reference,
        width=width,
        preprocessing=preprocessing,
        architecture={"library": "hf", "config": plain_config(model.config)},
    )
