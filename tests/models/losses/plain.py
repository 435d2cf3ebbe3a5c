"""What the tests of the losses compute with: plain Python, one number at a time."""

from __future__ import annotations

from math import exp

import numpy as np
import torch
from torch import Tensor

N_CLASSES = 5


def softmax(row: list[float]) -> list[float]:
    powers = [exp(z - max(row)) for z in row]
    return [power / sum(powers) for power in powers]


def random_batch(
    seed: int, n: int = 24, scale: float = 3.0, n_classes: int = N_CLASSES
) -> tuple[Tensor, Tensor]:
    """Logits float64 [n, C] and classes [n]."""
    chance = np.random.default_rng(seed)
    logits = scale * chance.normal(size=(n, n_classes))
    return torch.tensor(logits), torch.tensor(chance.integers(0, n_classes, n))
