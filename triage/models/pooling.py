"""Mean pooling of the images of a case, with equal weights.

Cases have one to a few images, so images are concatenated and each has the index of its case; no
padding is needed and absent images never enter the mean.
"""

from __future__ import annotations

import torch
from torch import Tensor


def pool_by_case(vectors: Tensor, owner: Tensor, n_cases: int) -> Tensor:
    """Average the vectors of each case.

    Parameters
    ----------
    vectors : float Tensor [I, D]
        One row an image.
    owner : int Tensor [I]
        Case that each image belongs to, in [0, n_cases).
    n_cases : int
        Number of cases B; every case has at least one image.

    Returns
    -------
    float Tensor [B, D]
    """
    total = torch.zeros(n_cases, vectors.shape[1], dtype=vectors.dtype)
    count = torch.bincount(owner, minlength=n_cases).to(vectors.dtype)
    return total.index_add(0, owner, vectors) / count[:, None]
