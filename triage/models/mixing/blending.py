"""Blends of the cases of a batch, and the share of each case in them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from triage.errors import UsageError
from triage.models.mixing.mixing import Mixed


def require_concentration(concentration: float) -> float:
    """Return the parameter of a symmetric Beta distribution; refuse other than positive.

    Raises
    ------
    UsageError
    """
    if not 0 < concentration < float("inf"):
        raise UsageError(
            f"a Beta distribution has no concentration {concentration:g}",
            where="concentration",
            hint="Give a positive number; 1 draws shares uniformly.",
        )
    return concentration


def draw_shares(n: int, concentration: float, generator: torch.Generator) -> Tensor:
    """Shares max(l, 1 - l) with l ~ Beta(concentration, concentration), one of each row.

    Folding changes no blend, only which of two cases is called the first: partners are drawn
    at random, so the blend (i, j, l) is as likely as (j, i, 1 - l). It makes a row's own case
    the larger part of it, so that class-dependent mixing means something, and no share is zero.

    Parameters
    ----------
    n : int
    concentration : float
    generator : torch.Generator
        Gives one number, the seed of the draw: torch draws from Beta by its global state only.

    Returns
    -------
    float32 Tensor [n], in [1/2, 1]
    """
    seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
    drawn = np.random.default_rng(int(seed)).beta(concentration, concentration, n)
    return torch.from_numpy(np.maximum(drawn, 1 - drawn)).float()


def blend(inputs: Tensor, targets: Tensor, share: Tensor, generator: torch.Generator) -> Mixed:
    """Blend every case with another of its batch: share * x_i + (1 - share) * x_j.

    j is a random permutation of the batch; a case may meet itself.

    Parameters
    ----------
    inputs : float Tensor [B, ...]
    targets : int Tensor [B]
    share : float Tensor [B]
        Of each row's own case; 1 leaves the row exactly as it is.
    generator : torch.Generator
    """
    order = torch.randperm(len(targets), generator=generator, device=generator.device)
    order = order.to(targets.device)
    share = share.to(inputs.device)
    weight = share.to(inputs.dtype).view(-1, *[1] * (inputs.dim() - 1))
    mixed = weight * inputs + (1 - weight) * inputs[order]
    return Mixed(mixed, targets, targets[order], share)
