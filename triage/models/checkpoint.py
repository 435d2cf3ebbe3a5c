"""Training checkpoints: weights, best weights and optimiser moments, in one safetensors file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from triage.models.tensor_file import load_tensors, save_tensors


@dataclass(frozen=True)
class Checkpoint:
    """State of a training run.

    Parameters
    ----------
    epoch : int
        Epochs done.
    best_loss : float
        Least validation loss so far.
    stale : int
        Epochs since then.
    best : dict of Tensor
        Weights of that epoch.
    """

    epoch: int
    best_loss: float
    stale: int
    best: dict[str, Tensor]

    @classmethod
    def start(cls, network: nn.Module) -> Checkpoint:
        """Return the state before the first epoch."""
        return cls(0, float("inf"), 0, _copy(network))

    def after_epoch(self, network: nn.Module, loss: float) -> Checkpoint:
        """Return the state after one more epoch with this validation loss."""
        if loss < self.best_loss:
            return Checkpoint(self.epoch + 1, loss, 0, _copy(network))
        return Checkpoint(self.epoch + 1, self.best_loss, self.stale + 1, self.best)


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def save_checkpoint(
    path: Path, state: Checkpoint, network: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Write a checkpoint atomically."""
    tensors = {f"best/{name}": value for name, value in state.best.items()}
    tensors |= {f"now/{name}": value for name, value in network.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"moment/{number}/{name}": value for name, value in moments.items()}
    header = {"epoch": state.epoch, "best_loss": state.best_loss, "stale": state.stale}
    save_tensors(path, tensors, header)


def load_checkpoint(
    path: Path, network: nn.Module, optimiser: torch.optim.Optimizer
) -> Checkpoint | None:
    """Restore network and optimiser from a checkpoint; None if there is no valid one.

    A damaged checkpoint, or one of another version of the network, is ignored.
    """
    found = load_tensors(path)
    if found is None:
        return None
    tensors, header = found
    now = _below(tensors, "now/")
    if _shapes(now) != _shapes(network.state_dict()):
        return None
    network.load_state_dict(now)
    parameters = [value for group in optimiser.param_groups for value in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, "moment/").items():
        number, _, key = name.partition("/")
        like = parameters[int(number)]
        # In the parameter's memory layout: the fused step walks through both as they lie.
        kept = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
        moments.setdefault(int(number), {})[key] = kept.detach()
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})
    return Checkpoint(
        header["epoch"], header["best_loss"], header["stale"], _below(tensors, "best/")
    )


def _shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
