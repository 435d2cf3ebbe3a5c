"""One training loop for heads and whole networks: seeded, resumable, stopped early.

Every epoch's randomness derives from (seed, epoch) and the learning rate from the epoch
alone, so a run that was killed and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from triage.errors import TrainingError
from triage.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from triage.models.inputs import CaseInputs
from triage.models.losses import uniform_cross_entropy
from triage.models.settings import FitSettings

LossFunction = Callable[[Tensor, Tensor], Tensor]
WARM_UP = 0.1
"""Share of training over which the learning rate rises."""
_TEMPERATURES = torch.logspace(-1, 1, 33)


@dataclass(frozen=True)
class Labelled:
    """Inputs of N cases with their classes, int Tensor [N]."""

    inputs: CaseInputs
    targets: Tensor


def class_weights(targets: Tensor, n_classes: int, balance: float) -> Tensor:
    """Weight of each class, proportional to count ** -balance, averaging one over cases.

    Parameters
    ----------
    targets : int Tensor [N]
    n_classes : int
    balance : float
        0 leaves the data as they are, 1 gives every class the same total weight.

    Returns
    -------
    float Tensor [C]
    """
    counts = torch.bincount(targets, minlength=n_classes).clamp_min(1).float()
    weights = counts**-balance
    return weights / (weights[targets].mean())


def calibrated_loss(logits: Tensor, targets: Tensor) -> float:
    """Cross-entropy at the best temperature on a grid.

    Temperature is fitted after training anyway; judging epochs by the plain loss would stop
    at the first over-confidence, long before the ranking is best.

    Parameters
    ----------
    logits : float Tensor [N, K]
    targets : int Tensor [N]
    """
    scaled = logits[None] / _TEMPERATURES[:, None, None]
    flat = functional.cross_entropy(
        scaled.flatten(0, 1), targets.repeat(len(_TEMPERATURES)), reduction="none"
    )
    return float(flat.view(len(_TEMPERATURES), -1).mean(1).min())


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16; emulating it is slower than float32."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def rate_at(done: float) -> float:
    """Share of the full learning rate when so much of training is done: warm-up, then cosine.

    Parameters
    ----------
    done : float
        In [0, 1).
    """
    if done < WARM_UP:
        return (done + 0.01) / (WARM_UP + 0.01)
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


def predict_logits(network: nn.Module, inputs: CaseInputs, batch_size: int = 256) -> Tensor:
    """Logits of every case in evaluation mode, float32 [N, C]."""
    network.eval()
    with torch.inference_mode():
        parts = [
            network(inputs.batch(index, None)).float()
            for index in torch.arange(len(inputs)).split(batch_size)
        ]
    return torch.cat(parts)


def fit(
    network: nn.Module,
    training: Labelled,
    validation: Labelled,
    *,
    loss: LossFunction,
    n_classes: int,
    n_inliers: int,
    settings: FitSettings,
    seed: int,
    precision: str = "float32",
    checkpoint: Path | None = None,
    checkpoint_every: int = 1,
    progress: Callable[[int, float], None] | None = None,
) -> float:
    """Train a network in place and leave it with its best weights.

    Parameters
    ----------
    network : Module
        Maps a batch of `inputs` to logits [B, n_classes].
    training, validation : Labelled
        Validation holds inlier cases only; the epoch with the least `calibrated_loss`
        over the inlier classes is kept.
    loss : callable
        Maps (logits, targets) to the loss of each case [B].
    n_classes, n_inliers : int
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
        If there is too little to train on, or the loss is no longer finite.
    """
    if len(training.inputs) < 2 or len(validation.inputs) < 1:
        raise TrainingError(
            f"{len(training.inputs)} training and {len(validation.inputs)} validation cases "
            "are too few to train on"
        )
    optimiser = torch.optim.AdamW(
        network.parameters(), weight_decay=settings.weight_decay, fused=True
    )
    weights = class_weights(training.targets, n_classes, settings.balance)
    state = load_checkpoint(checkpoint, network, optimiser) if checkpoint else None
    state = state or Checkpoint.start(network)
    while state.epoch < settings.epochs and state.stale < settings.patience:
        _train_epoch(
            network, training, optimiser, loss, weights, settings, seed, state.epoch, precision
        )
        logits = predict_logits(network, validation.inputs)[:, :n_inliers]
        found = calibrated_loss(logits, validation.targets)
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
    training: Labelled,
    optimiser: torch.optim.Optimizer,
    loss: LossFunction,
    weights: Tensor,
    settings: FitSettings,
    seed: int,
    epoch: int,
    precision: str,
) -> None:
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    torch.manual_seed(seed * 100_003 + epoch)  # dropout draws from the global generator
    smoothing = settings.label_smoothing
    network.train()
    order = torch.randperm(len(training.inputs), generator=generator)
    batches = order.split(settings.batch_size)
    for number, index in enumerate(batches):
        done = (epoch + number / len(batches)) / settings.epochs
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate_at(done)
        if len(index) < 2:  # batch normalisation cannot train on one case
            continue
        targets = training.targets[index]
        inputs = training.inputs.batch(index, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = network(inputs)
        value = (_smoothed(loss, logits.float(), targets, smoothing) * weights[targets]).mean()
        _require_finite(float(value.detach()), epoch, settings)
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()


def _smoothed(loss: LossFunction, logits: Tensor, targets: Tensor, share: float) -> Tensor:
    return (1 - share) * loss(logits, targets) + share * uniform_cross_entropy(logits)


def _require_finite(loss: float, epoch: int, settings: FitSettings) -> None:
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss is no longer finite in epoch {epoch + 1}",
            where=f"learning_rate {settings.learning_rate:g}",
            mend="Lower the learning rate.",
        )
