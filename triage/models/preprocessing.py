"""From decoded pixels to a network's input: resize as uint8, which is small; normalise last."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from triage.errors import TrainingError
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

    Raises
    ------
    TrainingError
        If the size is outside 16 to 1024, or there are not three means and deviations.
    """

    size: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 1024:
            raise TrainingError(f"an input of {self.size} pixels a side", mend="Use 16 to 1024.")
        if not len(self.mean) == len(self.std) == 3 or min(self.std) <= 0:
            raise TrainingError("normalisation needs three means and three positive deviations")

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
