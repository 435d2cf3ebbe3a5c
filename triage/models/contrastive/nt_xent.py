"""The normalised temperature-scaled cross-entropy, NT-Xent."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from triage.models.contrastive.training_processes import gather_rows


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.1) -> Tensor:
    """Return the mean loss of identifying each view's partner among all other views.

    Parameters
    ----------
    first, second : float Tensor [B, P]
        Projections of the two views of each case; their length does not matter.
    temperature : float

    Returns
    -------
    float Tensor, scalar
        Over this process's 2 B views. In a group of processes, all of their views are
        candidates, and the mean over processes is the loss of the whole batch.

    Notes
    -----
    Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations",
    eq. 1: with s the cosine similarity and view j the partner of view i,
    l(i, j) = -log(exp(s_ij / T) / sum over k != i of exp(s_ik / T)).
    """
    views = functional.normalize(torch.cat([first, second]).float(), dim=1)
    candidates, start = gather_rows(views)
    rows = torch.arange(len(views), device=views.device)
    itself = functional.one_hot(start + rows, len(candidates)).bool()
    logits = (views @ candidates.T / temperature).masked_fill(itself, float("-inf"))
    partner = start + (rows + len(first)) % len(views)
    return functional.cross_entropy(logits, partner)
