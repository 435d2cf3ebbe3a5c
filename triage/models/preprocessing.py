"""From decoded pixels to a network's input: resize to uint8 first, so that it can be cached; normalise last."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from triage.hashing import hash_json

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """Input size and normalisation of one backbone.

    Parameters
    ----------
    size : int
        Side of the square input in pixels; the whole picture is resized to it, so that
        nothing at the border is lost.
    mean, std : tuple of 3 float
        Per-channel normalisation of values in [0, 1].
    """

    size: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def resize(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize one RGB frame, uint8 [H, W, 3] to [size, size, 3] (bicubic, antialiased)."""
        if frame.shape[:2] == (self.size, self.size):
            return frame
        image = Image.fromarray(frame)
        return np.asarray(image.resize((self.size, self.size), Image.Resampling.BICUBIC))

    def normalise(self, batch: torch.Tensor) -> torch.Tensor:
        """Turn uint8 [B, S, S, 3] into normalised float32 [B, 3, S, S], channels last in memory."""
        mean = torch.tensor(self.mean).view(1, 3, 1, 1)
        std = torch.tensor(self.std).view(1, 3, 1, 1)
        pixels = batch.permute(0, 3, 1, 2).float() / 255.0
        return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)

    @property
    def digest(self) -> str:
        """Hash of every setting."""
        return hash_json(asdict(self))
