"""Backbones behind one small interface: pixels in, one embedding vector out.

A reference names the network: `hf:<local directory or hub name>` (transformers; a local
directory is never looked up on the network), `monai:<network>` (random initialisation,
to be trained with `--mode finetune`) or `oct:<bundle folder>` (the tissue maps of a trained OCT
system; reads volumes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from triage.errors import TrainingError
from triage.hashing import hash_bytes, hash_json
from triage.models.preprocessing import ImageReader, OpenedImage, Preprocessing
from triage.models.pretrained import (
    REFUSALS,
    plain_config,
    pretrained_model,
    pretrained_preprocessing,
)

WEIGHTS = "model.safetensors"
DESCRIPTION = "backbone.json"
DEFAULT_MONAI_SIZE = 96
BATCH = 64
"""Frames that go through a network at a time."""


class Backbone(nn.Module):
    """A network that turns images into embeddings.

    Parameters
    ----------
    network : Module
        Maps float [B, 3, S, S] to [B, width].
    reference : str
        How the network was named, such as `monai:resnet10`.
    width : int
        Length D of the embedding.
    preprocessing : ImageReader
        How it reads its files: for pictures their `Preprocessing`.
    architecture : dict
        What is needed to build the same network again: `library`, `name` or `config`.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        reference: str,
        width: int,
        preprocessing: ImageReader,
        architecture: dict[str, Any],
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.reference = reference
        self.width = width
        self.preprocessing = preprocessing
        self.architecture = architecture

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map normalised float [B, 3, S, S] to embeddings [B, width]."""
        embedding: torch.Tensor = self.network(pixels)
        return embedding.flatten(1)

    def embed(self, images: Sequence[OpenedImage]) -> NDArray[np.float32]:
        """Embed opened files in evaluation mode, float32 [I, width]: the mean over their frames.

        Raises
        ------
        TrainingError
            If the backbone reads anything but pictures and has no way of its own.
        """
        preprocessing = self.pictures
        frames = torch.from_numpy(np.concatenate([image.frames for image in images]))
        with torch.inference_mode():
            vectors = torch.cat(
                [self(preprocessing.normalise(part)) for part in frames.split(BATCH)]
            ).numpy()
        ends = np.cumsum([len(image.frames) for image in images])[:-1]
        return np.stack([part.mean(axis=0) for part in np.split(vectors, ends)])

    @property
    def pictures(self) -> Preprocessing:
        """How it reads pictures.

        Raises
        ------
        TrainingError
            If it reads volumes.
        """
        if not isinstance(self.preprocessing, Preprocessing):
            raise TrainingError(
                "reads volumes, not pictures",
                where=self.reference,
                mend="It is a frozen backbone for `triage benchmark` and nothing else.",
            )
        return self.preprocessing

    @property
    def name(self) -> str:
        """Short readable name, fit for a file name: the last part of the reference."""
        last = self.reference.partition(":")[2].rstrip("/").rsplit("/", 1)[-1]
        return re.sub(r"[^\w.]+", "-", last).strip("-.") or "backbone"

    def digest(self) -> str:
        """Hash of architecture, preprocessing and every weight."""
        weights = {
            name: hash_json([list(value.shape), _tensor_hash(value)])
            for name, value in sorted(self.network.state_dict().items())
        }
        return hash_json([self.architecture, self.preprocessing.digest, weights])

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and description (JSON) into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        save_file(state, folder / WEIGHTS)
        description = {
            "reference": self.reference,
            "width": self.width,
            "preprocessing": asdict(self.pictures),
            "architecture": self.architecture,
        }
        text = json.dumps(description, indent=2) + "\n"
        (folder / DESCRIPTION).write_text(text, encoding="utf-8")


def _tensor_hash(value: torch.Tensor) -> str:
    return hash_bytes(value.detach().cpu().contiguous().numpy().tobytes())


def load_backbone(reference: str, *, seed: int = 0) -> Backbone:
    """Build a backbone from its reference.

    Parameters
    ----------
    reference : str
        `hf:<local directory or hub name>` or `monai:<network>`, optionally `@<size>` for
        another input size in pixels; or `oct:<bundle folder>`.
    seed : int
        Seeds the random initialisation of `monai:` networks.

    Raises
    ------
    TrainingError
        If the reference is malformed, unknown, or the weights cannot be read.
    """
    library, _, rest = reference.partition(":")
    if library == "oct" and rest:
        from triage.models.oct.tissue_backbone import load_tissue_backbone  # stands on this file

        return load_tissue_backbone(Path(rest))
    name, _, size = rest.rpartition("@")
    if not (name and size.isdecimal()):
        name, size = rest, ""
    if library not in {"hf", "monai"} or not name:
        raise TrainingError(
            f"unknown backbone {reference!r}",
            mend="Write hf:<directory or hub name>, monai:<network>, such as monai:resnet10, or "
            "oct:<bundle folder>.",
        )
    pixels = int(size) if size else None
    if library == "monai":
        torch.manual_seed(seed)
        return _monai_backbone(name, reference, pixels)
    return _hf_backbone(name, reference, pixels)


def restore_backbone(folder: Path) -> Backbone:
    """Read a backbone written by `Backbone.save`; nothing is looked up elsewhere."""
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    architecture = description["architecture"]
    if architecture["library"] == "monai":
        network, _ = _build_monai(architecture["name"])
    else:
        network = _build_hf(architecture["config"])
    network.load_state_dict(load_file(folder / WEIGHTS))
    preprocessing = description["preprocessing"]
    return Backbone(
        network,
        reference=description["reference"],
        width=description["width"],
        preprocessing=Preprocessing(
            preprocessing["size"], tuple(preprocessing["mean"]), tuple(preprocessing["std"])
        ),
        architecture=architecture,
    )


# MONAI's 2D ResNets: blocks a stage and channels of the stages. `conv1_t_stride=2,
# bias_downsample=False` makes them the usual ones, three times faster than MONAI's default stem.
_RESNETS = {
    "resnet10_narrow": ([1, 1, 1, 1], [32, 64, 128, 256]),
    "resnet10": ([1, 1, 1, 1], [64, 128, 256, 512]),
    "resnet18": ([2, 2, 2, 2], [64, 128, 256, 512]),
    "resnet34": ([3, 4, 6, 3], [64, 128, 256, 512]),
}


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
    raise TrainingError(
        f"unknown MONAI network {name!r}", mend=f"Choose one of {[*_RESNETS, 'densenet121']}."
    )


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
        output = self.model(pixel_values=pixels)
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
