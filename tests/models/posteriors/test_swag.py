from __future__ import annotations

import numpy as np
import torch

from tests.models.posteriors.problem import three_classes, trained_head
from triage.losses.cross_entropy import cross_entropy
from triage.posteriors.swag import Swag, SwagMoments


def walk(n: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 + torch.randn(n, size, generator=generator).cumsum(0)


def collected(weights: torch.Tensor, rank: int) -> SwagMoments:
    moments = SwagMoments(weights.shape[1], rank)
    for row in weights:
        moments.collect(row)
    return moments


def direct_covariance(weights: np.ndarray, rank: int, scale: float) -> np.ndarray:
    """From all weights at once: diagonal plus the last deviations from the running means."""
    running = np.stack([weights[: i + 1].mean(0) for i in range(len(weights))])
    last = (weights - running)[-rank:]
    return scale * (np.diag(weights.var(0)) + last.T @ last / (len(last) - 1))


def test_samples_have_the_moments_of_the_weights() -> None:
    weights, scale = walk(12, 4), 0.5
    for rank in (5, 20):
        moments = collected(weights, rank)
        generator = torch.Generator().manual_seed(1)
        samples = torch.stack([moments.sample(scale, generator) for _ in range(20_000)]).numpy()
        expected = direct_covariance(weights.double().numpy(), rank, scale)
        deviation = np.sqrt(np.diag(expected))
        off = (np.cov(samples.T) - expected) / np.outer(deviation, deviation)
        assert np.abs(off).max() < 0.03
        mean_off = (samples.mean(0) - weights.double().numpy().mean(0)) / deviation
        assert np.abs(mean_off).max() < 0.02


def test_moments_are_those_of_all_weights() -> None:
    weights = walk(30, 6)
    moments = collected(weights, 4)
    assert torch.allclose(moments.mean, weights.double().mean(0))
    assert torch.allclose(moments.mean_square, weights.double().square().mean(0))
    assert len(moments.deviations) == 4


def test_a_small_walk_far_from_the_origin_keeps_its_variance() -> None:
    weights = 1000 + 1e-3 * walk(50, 3)
    moments = collected(weights, 20)
    variance = moments.mean_square - moments.mean.square()
    assert torch.allclose(variance, weights.double().var(0, correction=0), rtol=1e-2)


def test_members_lie_around_the_averaged_head() -> None:
    head, data = trained_head(), three_classes()
    members = Swag(epochs=6).members(head, *data, loss=cross_entropy, n_members=40, seed=0)
    weights = torch.stack(
        [torch.nn.utils.parameters_to_vector(member.parameters()) for member in members]
    )
    walked = torch.stack([*Swag(epochs=6).walk(head, *data, loss=cross_entropy, seed=0)])
    expected = direct_covariance(walked.double().numpy(), 20, 0.5)
    spread = np.sqrt(np.diag(expected) / 40)
    off = (weights.mean(0) - walked.mean(0)).detach().numpy() / spread
    assert np.abs(off).mean() < 1.2
