"""Selection of annotated volumes and B-scans for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

COMMON = 0.004
"""Share of voxels from which on a tissue is in nearly every B-scan."""
ENOUGH = 200
"""Voxels of a tissue in a B-scan beyond which more of it adds nothing."""
PHASES = 7
HELD_OUT = 8
"""One in so many."""
T = TypeVar("T")


def rarity(tissues: Sequence[NDArray[np.uint8]], n_classes: int) -> NDArray[np.float64]:
    """Weight of a voxel of each tissue, (share of voxels) ** -1/2, zero for common ones.

    Parameters
    ----------
    tissues : sequence of uint8 array [S, H, W]
    n_classes : int

    Returns
    -------
    float64 array [n_classes]
    """
    counts = np.zeros(n_classes)
    for tissue in tissues:
        counts += np.bincount(tissue.ravel(), minlength=256)[:n_classes]
    shares = counts / max(counts.sum(), 1.0)
    worth: NDArray[np.float64] = np.where(
        (shares > 0) & (shares < COMMON), np.maximum(shares, 1e-5) ** -0.5, 0.0
    )
    return worth


def informative_bscans(
    tissue: NDArray[np.uint8], count: int, worth: NDArray[np.float64], number: int
) -> NDArray[np.int64]:
    """Choose B-scans: half evenly spaced, half those with most of the rarest tissues.

    Parameters
    ----------
    tissue : uint8 array [S, H, W]
    count : int
        How many; all where there are no more.
    worth : float array [C]
        Of `rarity`.
    number : int
        Of the volume; each begins at another place, so that all positions are seen.

    Returns
    -------
    int64 array, ascending
    """
    length = len(tissue)
    if count >= length:
        return np.arange(length)
    even = max(1, count // 2)
    phase = (number % PHASES + 0.5) / PHASES
    chosen = ((np.arange(even) + phase) * length / even).astype(np.int64)
    voxels = np.stack([np.bincount(bscan.ravel(), minlength=256) for bscan in tissue])
    value = np.sqrt(np.minimum(voxels[:, : len(worth)], ENOUGH)) @ worth
    value[chosen] = -1.0
    rest = np.argsort(-value, kind="stable")[: count - even]
    return np.sort(np.concatenate([chosen, rest]))


def part_held_out(items: Sequence[T]) -> tuple[list[T], list[T]]:
    """Hold out every eighth item, for early stopping without a validation set."""
    rest = [item for number, item in enumerate(items) if number % HELD_OUT]
    return rest, list(items[::HELD_OUT])
