"""Choice of the two images of a case that form its positive pair."""

from __future__ import annotations

import torch
from torch import Tensor


def positive_pairs(
    counts: Tensor, generator: torch.Generator, *, different: bool
) -> tuple[Tensor, Tensor]:
    """Draw two images per case whose views form a positive pair.

    An example is a case, not an image, for both methods, so that two images of one case
    are never a negative pair.

    Parameters
    ----------
    counts : int Tensor [B]
        Images of each case, one or more.
    generator : torch.Generator
    different : bool
        MICLe (Azizi et al. 2021, "Big Self-Supervised Models Advance Medical Image
        Classification"): two different images where the case has them, else the same twice.
        SimCLR: always the same twice.

    Returns
    -------
    first, second : int Tensor [B]
        Places within the case, from 0 to count - 1.
    """
    first = _below(counts, generator)
    if not different:
        return first, first
    step = 1 + _below((counts - 1).clamp(min=1), generator)
    return first, (first + step) % counts


def _below(counts: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform integers from 0 to count - 1."""
    drawn = torch.rand(len(counts), generator=generator, dtype=torch.float64)
    return (drawn * counts).long().minimum(counts - 1)
