from __future__ import annotations

import math

import pytest
import torch

from triage.heads.kernel import NEAREST, log_expm1


@pytest.mark.parametrize("distance", [1e-5, 1e-3, 0.1, 1.0, 10.0, 600.0])
def test_against_the_formula(distance: float) -> None:
    found = float(log_expm1(torch.tensor(distance, dtype=torch.float64)))
    assert found == pytest.approx(math.log(math.expm1(distance)), rel=1e-12)


def test_single_precision_neither_overflows_nor_loses_small_distances() -> None:
    distances = torch.tensor([0.0, NEAREST, 1e-3, 200.0, 1e30], requires_grad=True)
    found = log_expm1(distances)
    expected = torch.tensor([math.log(NEAREST), math.log(NEAREST), math.log(1.0005e-3), 200, 1e30])
    assert torch.allclose(found, expected, rtol=1e-4)
    found.sum().backward()
    assert torch.isfinite(distances.grad).all()
