from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from triage.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


def network(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


def trained(seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    made = network()
    optimiser = torch.optim.AdamW(made.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        made(torch.randn(8, 3)).square().sum().backward()
        optimiser.step()
    return made, optimiser


def weights(made: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in made.state_dict().items()}


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert torch.equal(value, b[name]), name


def test_the_best_weights_are_kept_apart() -> None:
    made, _ = trained()
    state = Checkpoint.start(made)
    state = state.after_epoch(made, 2.0)
    best = weights(made)
    with torch.no_grad():
        next(made.parameters()).add_(1)
    state = state.after_epoch(made, 3.0).after_epoch(made, 2.0)  # a tie is no improvement
    assert (state.epoch, state.best_loss, state.stale) == (3, 2.0, 2)
    assert_same(state.best, best)
    state = state.after_epoch(made, 1.9)
    assert (state.epoch, state.best_loss, state.stale) == (4, 1.9, 0)
    assert_same(state.best, weights(made))


def test_round_trip_of_weights_and_moments(tmp_path: Path) -> None:
    made, optimiser = trained()
    best = Checkpoint.start(network()).best
    save_checkpoint(tmp_path / "c", Checkpoint(7, 0.25, 2, best), made, optimiser)
    other = network()
    fresh = torch.optim.AdamW(other.parameters(), lr=0.1)
    state = load_checkpoint(tmp_path / "c", other, fresh)
    assert state is not None
    assert (state.epoch, state.best_loss, state.stale) == (7, 0.25, 2)
    assert_same(state.best, best)
    assert_same(weights(made), weights(other))
    x = torch.randn(8, 3)
    for net, opt in ((made, optimiser), (other, fresh)):
        opt.zero_grad()
        net(x).square().sum().backward()
        opt.step()
    assert_same(weights(made), weights(other))


def test_before_the_first_epoch(tmp_path: Path) -> None:
    made, optimiser = trained()
    save_checkpoint(tmp_path / "c", Checkpoint.start(made), made, optimiser)
    state = load_checkpoint(tmp_path / "c", made, optimiser)
    assert state is not None
    assert state.best_loss == float("inf")


@pytest.mark.parametrize("harm", ["missing", "truncated", "flipped", "other network"])
def test_what_does_not_fit_changes_nothing(harm: str, tmp_path: Path) -> None:
    made, optimiser = trained()
    path = tmp_path / "c"
    save_checkpoint(path, Checkpoint.start(made), made, optimiser)
    content = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "truncated":
        path.write_bytes(content[:-10])
    elif harm == "flipped":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    other = network(5 if harm == "other network" else 4)
    before = weights(other)
    fresh = torch.optim.AdamW(other.parameters())
    assert load_checkpoint(path, other, fresh) is None
    assert_same(before, weights(other))
    assert not fresh.state_dict()["state"]
