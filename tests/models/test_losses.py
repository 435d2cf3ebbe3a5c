"""The losses against their formulas in float64, written out without log-sum-exp."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from triage.losses import (
    COARSE_WEIGHT,
    cross_entropy,
    hod_loss,
    log_outlier_mass,
    uniform_cross_entropy,
)

N_IN, N_OUT = 4, 3


def plain_hod(logits: np.ndarray, targets: np.ndarray, n_inliers: int, weight: float) -> np.ndarray:
    """-log p_y - w [t log p_out + (1 - t) log p_in], by the book."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    p_out = p[:, n_inliers:].sum(axis=1)
    p_in = p[:, :n_inliers].sum(axis=1)
    t = targets >= n_inliers
    fine = -np.log(p[np.arange(len(p)), targets])
    return fine - weight * np.where(t, np.log(p_out), np.log(p_in))


def random_batch(seed: int, scale: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    return scale * chance.normal(size=(50, N_IN + N_OUT)), chance.integers(0, N_IN + N_OUT, 50)


@given(seed=st.integers(0, 2**32 - 1), weight=st.floats(0, 5), n_inliers=st.integers(1, 6))
def test_hod_loss_is_its_formula(seed: int, weight: float, n_inliers: int) -> None:
    logits, targets = random_batch(seed)
    found = hod_loss(torch.tensor(logits), torch.tensor(targets), n_inliers, weight).numpy()
    assert np.allclose(found, plain_hod(logits, targets, n_inliers, weight), rtol=1e-10)


def test_the_coarse_weight_is_a_tenth_by_default() -> None:
    logits, targets = random_batch(1)
    found = hod_loss(torch.tensor(logits), torch.tensor(targets), N_IN).numpy()
    assert COARSE_WEIGHT == 0.1
    assert np.allclose(found, plain_hod(logits, targets, N_IN, 0.1))


def test_without_a_coarse_term_hod_is_cross_entropy() -> None:
    logits, targets = (torch.tensor(part) for part in random_batch(2))
    assert torch.equal(hod_loss(logits, targets, N_IN, 0.0), cross_entropy(logits, targets))


def test_one_case_by_hand() -> None:
    # p = (1/2, 1/4, 1/4) with the last an outlier: -log 1/4 - 0.1 log 1/4 = 1.1 log 4.
    logits = torch.log(torch.tensor([[2.0, 1.0, 1.0]]))
    outlier = hod_loss(logits, torch.tensor([2]), 2)
    inlier = hod_loss(logits, torch.tensor([0]), 2)
    assert outlier.item() == pytest.approx(1.1 * np.log(4))
    assert inlier.item() == pytest.approx(np.log(2) - 0.1 * np.log(3 / 4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1e2, 1e3, 1e4])
def test_extreme_logits_stay_finite(size: float, dtype: torch.dtype) -> None:
    """Sums of probabilities underflow to zero here; log-sum-exp does not."""
    corners = torch.tensor([[size] * N_IN + [-size] * N_OUT, [-size] * N_IN + [size] * N_OUT])
    logits = corners.to(dtype).repeat_interleave(2, 0).requires_grad_()
    targets = torch.tensor([0, N_IN, 0, N_IN])
    loss = hod_loss(logits, targets, N_IN)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(logits.grad).all()
    # Wrong by 2 size: the fine term costs that (up to a logarithm), the coarse a tenth of it.
    assert loss[1].item() == pytest.approx(1.1 * 2 * size, rel=0.02)
    assert loss[0].item() == pytest.approx(np.log(N_IN), rel=1e-4)


def test_masses_are_complementary() -> None:
    logits, _ = random_batch(3)
    log_p_in, log_p_out = log_outlier_mass(torch.tensor(logits), N_IN)
    assert np.allclose(log_p_in.exp() + log_p_out.exp(), 1)


def test_gradients() -> None:
    logits, targets = random_batch(4)
    inputs = torch.tensor(logits[:8]).requires_grad_()
    kept = torch.tensor(targets[:8])
    assert torch.autograd.gradcheck(lambda z: hod_loss(z, kept, N_IN), (inputs,))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_label_smoothing_against_torch(share: float) -> None:
    logits, targets = (torch.tensor(part) for part in random_batch(5))
    found = (1 - share) * cross_entropy(logits, targets) + share * uniform_cross_entropy(logits)
    expected = torch.nn.functional.cross_entropy(
        logits, targets, reduction="none", label_smoothing=share
    )
    assert torch.allclose(found, expected)


def test_golden_values(shared: Path) -> None:
    """Two published losses are built of cross-entropies: of the label for known cases, and to
    the uniform distribution for outliers (weighted one half by outlier exposure), averaged over
    all cases."""
    path = shared / "golden" / "losses.json"
    if not path.is_file():
        pytest.skip("the golden values are not beside the checkout")
    golden = json.loads(path.read_text())
    logits, labels = torch.tensor(golden["logits"]), torch.tensor(golden["labels"])
    known = labels >= 0
    fine = cross_entropy(logits[known], labels[known]).sum()
    uniform = uniform_cross_entropy(logits[~known]).sum()
    exposure, entropic = (float(fine + w * uniform) / len(labels) for w in (0.5, 1.0))
    assert exposure == pytest.approx(golden["losses"]["outlier_exposure"])
    assert entropic == pytest.approx(golden["losses"]["entropic_open_set"])
