"""Training loop of every network: seeded, resumable, with early stopping.

Every epoch's randomness derives from (seed, epoch) and the learning rate from the epoch alone, so a
run that was killed and resumed ends with the same weights as an uninterrupted one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from triage.errors import TrainingError
from triage.losses.undecayed import Undecayed
from triage.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from triage.models.settings import FitSettings

WARM_UP = 0.1
"""Share of training over which the learning rate rises."""


class Task(Protocol):
    """Interface of a training task: examples, loss and validation."""

    def __len__(self) -> int:
        """Number of training examples."""
        ...

    def batch(self, index: Tensor, generator: torch.Generator) -> tuple[Any, Any]:
        """Return the network's augmented input for some examples, and their targets."""
        ...

    def loss(self, outputs: Tensor, targets: Any) -> Tensor:
        """Return the mean loss of a batch from float32 outputs."""
        ...

    def validate(self, network: nn.Module) -> float:
        """Return the validation loss; less is better."""
        ...


def rate_at(done: float) -> float:
    """Share of the full learning rate at a share of training: warm-up, then cosine.

    Parameters
    ----------
    done : float
        In [0, 1).
    """
    if done < WARM_UP:
        return (done + 0.01) / (WARM_UP + 0.01)
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters as an optimiser takes them, in their order, with no decay of the `Undecayed`.

    A checkpoint numbers moments by this order.
    """
    runs = groupby(network.parameters(), key=lambda each: isinstance(each, Undecayed))
    return [
        {"params": list(run), "weight_decay": 0.0 if undecayed else weight_decay}
        for undecayed, run in runs
    ]


def fit_task(
    network: nn.Module,
    task: Task,
    settings: FitSettings,
    *,
    seed: int,
    precision: str = "float32",
    checkpoint: Path | None = None,
    checkpoint_every: int = 1,
    progress: Callable[[int, float], None] | None = None,
) -> float:
    """Train a network in place and restore the weights of its best epoch.

    Parameters
    ----------
    network : Module
    task : Task
    settings : FitSettings
    seed : int
    precision : {'float32', 'bfloat16'}
        bfloat16 uses autocast in the forward pass; weights stay float32.
    checkpoint : Path, optional
        Resumed from, and written every `checkpoint_every` epochs and at the end. The caller
        names it by everything that decides the result.
    progress : callable, optional
        Called with (epochs done, best validation loss).

    Returns
    -------
    float
        Best validation loss.

    Raises
    ------
    TrainingError
        If the loss is no longer finite.
    """
    optimiser = torch.optim.AdamW(parameter_groups(network, settings.weight_decay), fused=True)
    state = load_checkpoint(checkpoint, network, optimiser) if checkpoint else None
    if state is not None:
        task.validate(network)  # a task may carry over what it saw of the last epoch
    state = state or Checkpoint.start(network)
    while state.epoch < settings.epochs and state.stale < settings.patience:
        _train_epoch(network, task, optimiser, settings, seed, state.epoch, precision)
        found = task.validate(network)
        _require_finite(found, state.epoch, settings)
        state = state.after_epoch(network, found)
        finished = state.epoch == settings.epochs or state.stale == settings.patience
        if checkpoint is not None and (finished or state.epoch % checkpoint_every == 0):
            save_checkpoint(checkpoint, state, network, optimiser)
        if progress is not None:
            progress(state.epoch, state.best_loss)
    network.load_state_dict(state.best)
    network.eval()
    return state.best_loss


def _train_epoch(
    network: nn.Module,
    task: Task,
    optimiser: torch.optim.Optimizer,
    settings: FitSettings,
    seed: int,
    epoch: int,
    precision: str,
) -> None:
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    torch.manual_seed(seed * 100_003 + epoch)  # dropout draws from the global generator
    device = next(network.parameters()).device.type
    network.train()
    order = torch.randperm(len(task), generator=generator)
    batches = order.split(settings.batch_size)
    for number, index in enumerate(batches):
        done = (epoch + number / len(batches)) / settings.epochs
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate_at(done)
        if len(index) < 2:  # batch normalisation cannot train on one case
            continue
        inputs, targets = task.batch(index, generator)
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            outputs = network(inputs)
        value = task.loss(outputs.float(), targets)
        _require_finite(float(value.detach()), epoch, settings)
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()


def _require_finite(loss: float, epoch: int, settings: FitSettings) -> None:
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss is no longer finite in epoch {epoch + 1}",
            where=f"learning_rate {settings.learning_rate:g}",
            hint="Lower the learning rate.",
        )
