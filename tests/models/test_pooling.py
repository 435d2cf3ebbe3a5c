from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from triage.models.pooling import pool_by_case


def test_the_mean_of_each_case() -> None:
    counts = [3, 1, 2, 6]
    vectors = torch.randn(sum(counts), 5, dtype=torch.float64)
    owner = torch.repeat_interleave(torch.arange(4), torch.tensor(counts))
    pooled = pool_by_case(vectors, owner, 4).numpy()
    start = np.cumsum([0, *counts])
    for case, (a, b) in enumerate(pairwise(start)):
        assert np.allclose(pooled[case], vectors[a:b].numpy().mean(axis=0))


def test_the_order_of_images_does_not_matter() -> None:
    vectors, owner = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 0, 2, 1, 0])
    order = torch.randperm(6)
    assert torch.allclose(
        pool_by_case(vectors, owner, 3), pool_by_case(vectors[order], owner[order], 3)
    )


def test_gradients_reach_every_image() -> None:
    vectors = torch.randn(4, 2, requires_grad=True)
    pool_by_case(vectors, torch.tensor([0, 0, 0, 1]), 2).sum().backward()
    assert torch.allclose(vectors.grad[:, 0], torch.tensor([1 / 3, 1 / 3, 1 / 3, 1]))
