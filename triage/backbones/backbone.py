"""A backbone: what turns the files of a case into embeddings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from triage.backbones.preprocessing import ImageReader, OpenedImage, Preprocessing
from triage.backbones.runtime.execution import TORCH_FLOAT32, Execution
from triage.backbones.runtime.torch_network import run_torch
from triage.backbones.stage_maps import stage_before, stage_maps
from triage.errors import TrainingError
from triage.hashing import hash_bytes, hash_json

WEIGHTS = "model.safetensors"
DESCRIPTION = "backbone.json"

Compiled = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Maps frames, uint8 [N, S, S, 3], to embeddings, float32 [N, width]."""


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
        What is needed to build the same network again: `library`, `name` or `config`; and
        `stages`, 2 where the embedding is of the last two.
    execution : Execution
        What runs it in `embed` and `embed_views`, by default torch in float32.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        reference: str,
        width: int,
        preprocessing: ImageReader,
        architecture: dict[str, Any],
        execution: Execution = TORCH_FLOAT32,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.reference = reference
        self.width = width
        self.preprocessing = preprocessing
        self.architecture = architecture
        self.execution = execution
        self._compiled: tuple[Execution, Compiled] | None = None

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map normalised float [B, 3, S, S] to embeddings [B, width]."""
        if self.stages == 1:
            embedding: torch.Tensor = self.network(pixels)
            return embedding.flatten(1)
        embedding, maps = stage_maps(self.network, pixels)
        before = stage_before(maps)
        if before is None:
            raise TrainingError(
                "shows no stage before its last",
                where=self.reference,
                hint="Set stages to 1 in a settings file (--config).",
            )
        return torch.cat([embedding, before], dim=1)

    def with_stages(self, stages: int) -> Backbone:
        """Return the same network, its embedding made of one or two of its last stages.

        Raises
        ------
        TrainingError
            If the network shows no stage before its last, or reads no pictures.
        """
        side = self.pictures.size
        plain = {key: value for key, value in self.architecture.items() if key != "stages"}
        other = Backbone(
            self.network,
            reference=self.reference,
            width=0,
            preprocessing=self.preprocessing,
            architecture=plain | ({"stages": stages} if stages > 1 else {}),
            execution=self.execution,
        ).eval()
        with torch.inference_mode():
            other.width = other(torch.zeros(1, 3, side, side)).shape[1]
        return other

    @property
    def stages(self) -> int:
        """Of how many of the last stages the embedding is made: 1 or 2."""
        return int(self.architecture.get("stages", 1))

    def embed(self, images: Sequence[OpenedImage]) -> NDArray[np.float32]:
        """Embed opened files in evaluation mode, float32 [I, width]: the mean over their views.

        Raises
        ------
        TrainingError
            If the backbone reads anything but pictures and has no way of its own.
        """
        mean: NDArray[np.float32] = self.embed_views(images).mean(axis=1)
        return mean

    def embed_views(self, images: Sequence[OpenedImage]) -> NDArray[np.float32]:
        """Embed every view of opened files, float32 [I, V, width]: the mean over their frames.

        Raises
        ------
        TrainingError
            If the backbone reads anything but pictures and has no way of its own.
        """
        preprocessing = self.pictures
        frames = torch.from_numpy(np.concatenate([image.frames for image in images]))
        if self.execution.runtime == "torch":
            vectors = run_torch(_OfPictures(self), frames, self.execution.precision)
        else:
            if self._compiled is None or self._compiled[0] != self.execution:
                self.prepare()
            assert self._compiled is not None
            vectors = self._compiled[1](frames.numpy())
        ends = np.cumsum([len(image.frames) for image in images])[:-1]
        shape = (-1, preprocessing.n_views, vectors.shape[1])
        return np.stack([part.reshape(shape).mean(axis=0) for part in np.split(vectors, ends)])

    def prepare(self) -> None:
        """Put it into evaluation mode, and compile its weights as they are now.

        `embed` and `embed_views` use what was compiled last, where the runtime is not torch.

        Raises
        ------
        MissingExtraError
            If the runtime is not installed.
        TrainingError
            If the processor has not the precision, or the network cannot be compiled.
        """
        self.eval()
        self.execution.check()
        if self.execution.runtime == "openvino":
            from triage.backbones.runtime.openvino_network import compiled_network

            compiled = compiled_network(
                _OfPictures(self).eval(),
                self.digest(),
                size=self.pictures.size,
                precision=self.execution.precision,
                reference=self.reference,
            )
            self._compiled = self.execution, compiled

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
                hint="It is a frozen backbone for `triage benchmark` and nothing else.",
            )
        return self.preprocessing

    @property
    def name(self) -> str:
        """Short readable name, fit for a file name: the last part of the reference."""
        library, _, name = self.reference.partition(":")
        last = name.rstrip("/").rsplit("/", 1)[-1]
        if library == "lite":  # whose names are numbers
            last = f"{library}{last}"
        return re.sub(r"[^\w.]+", "-", last).strip("-.") or "backbone"

    def digest(self) -> str:
        """Hash of architecture, preprocessing and every weight."""
        weights = {
            name: hash_json([list(value.shape), tensor_hash(value)])
            for name, value in sorted(self.network.state_dict().items())
        }
        return hash_json([self.architecture, self.preprocessing.digest, weights])

    def embedding_digest(self) -> str:
        """Hash of all that embeddings depend on: those of another runtime have another.

        It is `digest` for torch in float32, as before there were others.
        """
        tag = self.execution.tag()
        return hash_json([self.digest(), *tag]) if tag else self.digest()

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


class _OfPictures(nn.Module):
    """A backbone with the normalisation before it: uint8 [B, S, S, 3] to [B, width]."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        embedding: torch.Tensor = self.backbone(self.backbone.pictures.normalise(frames))
        return embedding


def tensor_hash(value: torch.Tensor) -> str:
    """Hash of a tensor's values."""
    return hash_bytes(value.detach().cpu().contiguous().numpy().tobytes())
