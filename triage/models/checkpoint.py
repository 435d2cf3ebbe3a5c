"""Checkpoints of training: weights, best weights and optimiser moments, in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


@dataclass(frozen=True)
class Checkpoint:
    """Where training stands.

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
    """Write a checkpoint, whole or not at all."""
    tensors = {f"best/{name}": value for name, value in state.best.items()}
    tensors |= {f"now/{name}": value for name, value in network.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"moment/{number}/{name}": value for name, value in moments.items()}
    header = {"epoch": state.epoch, "best_loss": state.best_loss, "stale": state.stale}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    contiguous = {name: value.clone().contiguous() for name, value in tensors.items()}
    save_file(contiguous, partial, metadata={"state": json.dumps(header)})
    partial.replace(path)


def load_checkpoint(
    path: Path, network: nn.Module, optimiser: torch.optim.Optimizer
) -> Checkpoint | None:
    """Restore network and optimiser from a checkpoint; None if there is none that fits."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None  # a damaged checkpoint costs time, not correctness: start again
    network.load_state_dict(_below(tensors, "now/"))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, "moment/").items():
        number, _, key = name.partition("/")
        moments.setdefault(int(number), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})
    return Checkpoint(
        header["epoch"], header["best_loss"], header["stale"], _below(tensors, "best/")
    )


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
