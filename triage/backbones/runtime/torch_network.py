"""Run a network by torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from triage.backbones.runtime.execution import Precision

CHUNK = 16
"""Frames that go through a network at a time.

The feature maps of more do not fit into a processor's cache: MobileNet and EfficientNet-Lite at
160 to 260 pixels embed less than half as many pictures a second with 64."""


def run_torch(
    network: Callable[[torch.Tensor], torch.Tensor], frames: torch.Tensor, precision: Precision
) -> NDArray[np.float32]:
    """Embed frames.

    Parameters
    ----------
    network : callable
        Maps uint8 [B, S, S, 3] to [B, width].
    frames : uint8 Tensor [N, S, S, 3]
    precision : {'float32', 'bfloat16'}
        By `torch.autocast`.

    Returns
    -------
    float32 array [N, width]
    """
    with (
        torch.inference_mode(),
        torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"),
    ):
        vectors = torch.cat([network(part).float() for part in frames.split(CHUNK)])
    found: NDArray[np.float32] = vectors.numpy()
    return found
