"""ODIN against automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from tests.uncertainty.scores.make import draw_far, draw_inliers, heads, observe
from triage.errors import UsageError
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.scores.max_softmax import MaxSoftmax
from triage.uncertainty.scores.odin import Odin


def with_torch(cases: np.ndarray, head: MemberHead, n_inliers: int, score: Odin) -> np.ndarray:
    """The step on the standardised embedding by automatic differentiation, in float64."""
    local = cases[:, head.columns]
    x = torch.tensor((local - head.centre) / head.scale, dtype=torch.float64, requires_grad=True)

    def logits(standard: torch.Tensor) -> torch.Tensor:
        if head.hidden is not None:
            weight, bias = (torch.tensor(part, dtype=torch.float64) for part in head.hidden)
            standard = (standard @ weight.T + bias).relu()
        weight, bias = torch.tensor(head.weight).double(), torch.tensor(head.bias).double()
        return (standard @ weight.T + bias)[:, :n_inliers] / score.temperature

    before = logits(x)
    torch.nn.functional.cross_entropy(before, before.argmax(1), reduction="sum").backward()
    assert x.grad is not None
    after = logits(x.detach() - score.epsilon * x.grad.sign())
    return (1 - after.softmax(1).amax(1)).detach().numpy()


@pytest.mark.parametrize("score", [Odin(), Odin(1.0, 0.05), Odin(10.0, 0.5)])
def test_against_automatic_differentiation(score: Odin) -> None:
    cases = np.vstack([draw_inliers(30, 0)[0], draw_far(30, 1)])
    expected = [with_torch(cases, head, 3, score) for head in heads()]
    found = score.score(observe(cases))
    np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=1e-4, atol=1e-6)


def test_a_linear_head_by_hand() -> None:
    # Two classes, z = (x, 0), x = 1: class 0 is predicted, and a step towards it adds eps to x.
    head = MemberHead.linear(np.array([[1.0], [0.0]]), np.zeros(2))
    found = Odin(temperature=2.0, epsilon=0.5).of(np.array([[1.0]]), head, 2)
    np.testing.assert_allclose(found, 1 - softmax([1.5 / 2, 0.0]).max())


def test_without_a_step_and_temperature_it_is_max_softmax() -> None:
    cases, head = draw_far(20, 1), heads(n_outliers=0)[0]
    p = softmax(head.logits(head.features(cases)), axis=1)
    found = Odin(temperature=1.0, epsilon=0.0).of(cases[:, :8], head, 3)
    np.testing.assert_allclose(found, MaxSoftmax().of(p, 3), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("settings", [(0.0, 0.1), (-1.0, 0.1), (1.0, -0.1)])
def test_settings_out_of_bounds(settings: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="odin: needs a positive temperature"):
        Odin(*settings)
