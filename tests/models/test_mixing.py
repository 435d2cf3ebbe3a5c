"""Mixing: the blends against loops, the randomness against the generator alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from triage.errors import UsageError
from triage.losses.cross_entropy import cross_entropy
from triage.models.mixing import MIXINGS, Mixed, Mixing
from triage.models.mixing.blending import draw_shares
from triage.models.mixing.camixup import ConfidenceAdjustedMixup
from triage.models.mixing.mixup import Mixup
from triage.models.mixing.regmixup import RegMixup

N_CLASSES = 4
every = pytest.mark.parametrize("key", MIXINGS)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_batch(seed: int, n: int, *shape: int) -> tuple[Tensor, Tensor]:
    """Inputs float64 that no two cases share, and classes in turn."""
    chance = np.random.default_rng(seed)
    return torch.tensor(chance.normal(size=(n, *shape))), torch.arange(n) % N_CLASSES


def ready(key: str) -> Mixing:
    """A mixing that mixes: to CAMixup, classes 0 and 2 are over-confident."""
    mixing = MIXINGS[key]()
    probabilities = torch.full((N_CLASSES, N_CLASSES), 0.1)
    probabilities[:, 1] = 0.5
    probabilities[:, 3] = 0.3
    probabilities[3] = torch.tensor([0.1, 0.1, 0.1, 0.7])
    mixing.after_epoch(probabilities, torch.arange(N_CLASSES))
    return mixing


def plain_loss(mixed: Mixed, outputs: Tensor) -> float:
    """Mean over rows of the cross-entropy to the blended one-hot target."""
    total = 0.0
    for row, y, partner, share in zip(
        outputs.tolist(),
        mixed.targets.tolist(),
        mixed.partners.tolist(),
        mixed.share.tolist(),
        strict=True,
    ):
        log_p = np.array(row) - np.log(np.exp(row).sum())
        target = np.zeros(len(row))
        target[y] += share
        target[partner] += 1 - share
        total -= float(target @ log_p)
    return total / len(outputs)


def test_the_table() -> None:
    assert list(MIXINGS) == ["none", "mixup", "regmixup", "camixup"]
    assert all(kind.info.key == key for key, kind in MIXINGS.items())
    with pytest.raises(UsageError, match="Did you mean mixup"):
        MIXINGS["mixupp"]()


@pytest.mark.parametrize("kind", [Mixup, RegMixup, ConfidenceAdjustedMixup])
@pytest.mark.parametrize("concentration", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_concentrations_are_refused(kind: type[Mixup], concentration: float) -> None:
    with pytest.raises(UsageError, match="concentration"):
        kind(concentration)


@every
@pytest.mark.parametrize("shape", [(6,), (3, 5, 5)])
@pytest.mark.parametrize("n", [1, 2, 17])
def test_every_row_is_the_blend_it_says(key: str, shape: tuple[int, ...], n: int) -> None:
    inputs, targets = random_batch(n, n, *shape)
    before = inputs.clone()
    mixed = ready(key).mix(inputs, targets, generator(5))
    assert torch.equal(inputs, before)
    rows = 2 * n if key == "regmixup" else n
    assert len(mixed.inputs) == len(mixed.targets) == len(mixed.partners) == rows
    assert mixed.share.shape == (rows,)
    assert mixed.inputs.dtype == inputs.dtype
    for row in range(rows):
        own = inputs[row % n]
        assert mixed.targets[row] == targets[row % n]
        share = mixed.share[row].item()
        assert 0.5 <= share <= 1
        blends = share * own + (1 - share) * inputs
        agrees = torch.isclose(mixed.inputs[row], blends).flatten(1).all(1)
        assert (agrees & (targets == mixed.partners[row])).any() or share == 1


@every
def test_the_loss_of_a_batch_is_that_of_blended_targets(key: str) -> None:
    inputs, targets = random_batch(1, 12, N_CLASSES)
    mixed = ready(key).mix(inputs, targets, generator(1))
    outputs = 2 * mixed.inputs
    found = mixed.share * cross_entropy(outputs, mixed.targets)
    found = found + (1 - mixed.share) * cross_entropy(outputs, mixed.partners)
    assert found.mean().item() == pytest.approx(plain_loss(mixed, outputs), rel=1e-6)


@every
def test_all_randomness_is_the_generators(key: str) -> None:
    inputs, targets = random_batch(2, 16, 3)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = ready(key).mix(inputs, targets, generator(3))
    torch.manual_seed(99)
    again = ready(key).mix(inputs, targets, generator(3))
    torch.set_rng_state(before[0])
    other = ready(key).mix(inputs, targets, generator(4))
    assert torch.equal(first.inputs, again.inputs)
    assert torch.equal(first.share, again.share)
    assert torch.equal(first.partners, again.partners)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert key == "none" or not torch.equal(first.inputs, other.inputs)


@every
def test_a_case_alone_stays_itself(key: str) -> None:
    inputs, targets = random_batch(3, 1, 4)
    mixed = ready(key).mix(inputs, targets, generator())
    assert torch.allclose(mixed.inputs, inputs.expand(len(mixed.inputs), -1))
    assert torch.equal(mixed.partners, mixed.targets)


def test_no_mixing_passes_on_anything() -> None:
    inputs, targets = (torch.zeros(3, 2), torch.zeros(3), 2), torch.tensor([0, 1])
    mixed = MIXINGS["none"]().mix(inputs, targets, generator())
    assert mixed.inputs is inputs
    assert mixed.partners is mixed.targets
    assert mixed.share.tolist() == [1, 1]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 20))
def test_the_clean_half_of_regmixup_is_untouched(seed: int, n: int) -> None:
    inputs, targets = random_batch(seed, n, 3)
    mixed = RegMixup().mix(inputs, targets, generator(seed))
    assert torch.equal(mixed.inputs[:n], inputs)
    assert torch.equal(mixed.targets[:n], targets)
    assert torch.equal(mixed.partners[:n], targets)
    assert (mixed.share[:n] == 1).all()
    assert torch.equal(mixed.targets[n:], targets)


@pytest.mark.parametrize("concentration", [0.2, 1.0, 20.0])
def test_shares_have_the_moments_of_the_folded_beta(concentration: float) -> None:
    """Folding about 1/2 keeps the variance about 1/2: 1 / (4 (2 a + 1))."""
    shares = draw_shares(20_000, concentration, generator(1)).double()
    assert shares.min() >= 0.5
    assert shares.max() <= 1
    expected = 1 / (4 * (2 * concentration + 1))
    assert (shares - 0.5).square().mean().item() == pytest.approx(expected, rel=0.04)


def test_every_case_is_a_partner_once() -> None:
    inputs = torch.eye(9, dtype=torch.float64)
    mixed = Mixup(1.0).mix(inputs, torch.arange(9), generator(8))
    assert sorted(mixed.partners.tolist()) == list(range(9))
    for row, partner, share in zip(
        mixed.inputs, mixed.partners.tolist(), mixed.share.tolist(), strict=True
    ):
        assert row[partner].item() == pytest.approx(1.0 if row.count_nonzero() == 1 else 1 - share)
