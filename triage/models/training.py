"""Training of heads and whole networks on cases with one class each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from triage.backbones.runtime.execution import has_bfloat16
from triage.errors import TrainingError
from triage.heads import HeadNetwork
from triage.models.case_inputs import CaseInputs
from triage.models.mixing import MIXINGS, Mixed, Mixing
from triage.models.network import CaseNetwork
from triage.models.settings import FitSettings
from triage.models.training_loop import fit_task

LossFunction = Callable[[Tensor, Tensor], Tensor]
Trainable = HeadNetwork | CaseNetwork
_TEMPERATURES = torch.logspace(-1, 1, 33)
DIVERGED = 1e5
"""Best validation loss in nats, at its best temperature, that only weights out of bounds reach."""


@dataclass(frozen=True)
class Labelled:
    """Inputs of N cases with their classes, int Tensor [N].

    `shares` float Tensor [N, T], where given, is the distribution over all T targets that each case
    is trained towards in place of its class.
    """

    inputs: CaseInputs
    targets: Tensor
    shares: Tensor | None = None


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

    Temperature is fitted after training anyway; early stopping by the plain loss would stop
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


def resolved(precision: str) -> str:
    """The arithmetic used for 'auto' on this processor: 'bfloat16' or 'float32'."""
    if precision != "auto":
        return precision
    return "bfloat16" if torch.cuda.is_available() or has_bfloat16() else "float32"


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
    network: Trainable,
    training: Labelled,
    validation: Labelled,
    *,
    loss: LossFunction,
    n_inliers: int,
    settings: FitSettings,
    seed: int,
    mixing: str = "none",
    precision: str = "float32",
    checkpoint: Path | None = None,
    checkpoint_every: int = 1,
    progress: Callable[[int, float], None] | None = None,
) -> float:
    """Train a network in place and restore its best weights.

    Parameters
    ----------
    network : HeadNetwork or CaseNetwork
        Maps a batch of `inputs` to what the loss wants; in evaluation mode to logits, inlier
        classes first.
    training, validation : Labelled
        Validation holds inlier cases only; the epoch with the least `calibrated_loss`
        over the inlier classes is kept.
    loss : callable
        Maps (outputs, targets) to the loss of each case [B].
    n_inliers : int
    settings : FitSettings
    seed : int
    mixing : str
        How cases are mixed with each other; one of `triage.models.mixing.MIXINGS`.
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
        If there is too little to train on, the loss is no longer finite, or it never was small.
    """
    if len(training.inputs) < 2 or len(validation.inputs) < 1:
        raise TrainingError(
            f"{len(training.inputs)} training and {len(validation.inputs)} validation cases "
            "are too few to train on"
        )
    task = _CaseTask(
        training, validation, loss, n_inliers, settings, MIXINGS[mixing](), network.after_step
    )
    try:
        best = fit_task(
            network,
            task,
            settings,
            seed=seed,
            precision=precision,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            progress=progress,
        )
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # of what diverged
        raise _diverged("the head's weights have become too large to continue", settings) from error
    if best > DIVERGED:
        raise _diverged(f"the validation loss never came below {best:.3g}", settings)
    return best


def _diverged(what: str, settings: FitSettings) -> TrainingError:
    return TrainingError(
        what,
        where=f"learning_rate {settings.learning_rate:g}",
        hint="Lower the learning rate.",
    )


class _CaseTask:
    """Task of cases with one class each for the training loop."""

    def __init__(
        self,
        training: Labelled,
        validation: Labelled,
        loss: LossFunction,
        n_inliers: int,
        settings: FitSettings,
        mixing: Mixing,
        after_step: Callable[[Tensor], None],
    ) -> None:
        self.training = training
        self.validation = validation
        self.loss_of_cases = loss
        self.n_inliers = n_inliers
        self.mixing = mixing
        self._after_step = after_step
        self._last: Tensor | None = None
        self._shares: Tensor | None = None
        n_shares = 0 if training.shares is None else training.shares.shape[1]
        n_targets = max(int(training.targets.max()) + 1, n_shares)
        self.weights = class_weights(training.targets, n_targets, settings.balance)

    def __len__(self) -> int:
        return len(self.training.inputs)

    def batch(self, index: Tensor, generator: torch.Generator) -> tuple[Any, Mixed]:
        self._finish_step()
        shares = self.training.shares
        self._shares = None if shares is None else shares[index]
        mixed = self.mixing.mix(
            self.training.inputs.batch(index, generator), self.training.targets[index], generator
        )
        self._last = mixed.targets
        return mixed.inputs, mixed

    def loss(self, outputs: Tensor, mixed: Mixed) -> Tensor:
        if self._shares is not None:
            return self._of_shares(outputs, self._shares).mean()
        weighted = mixed.share * self._weighted(outputs, mixed.targets)
        if mixed.partners is not mixed.targets:
            weighted = weighted + (1 - mixed.share) * self._weighted(outputs, mixed.partners)
        return weighted.mean()

    def validate(self, network: nn.Module) -> float:
        self._finish_step()
        logits = predict_logits(network, self.validation.inputs)[:, : self.n_inliers]
        self.mixing.after_epoch(logits.softmax(1), self.validation.targets)
        return calibrated_loss(logits, self.validation.targets)

    def _finish_step(self) -> None:
        """Update the head with the targets of the preceding step, if there was one."""
        if self._last is not None:
            self._after_step(self._last)
        self._last = None

    def _weighted(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.loss_of_cases(outputs, targets) * self.weights[targets]

    def _of_shares(self, outputs: Tensor, shares: Tensor) -> Tensor:
        """Mean of the losses of all targets of a case, weighted by their shares [B, T]."""
        total = outputs.new_zeros(len(outputs))
        for target in shares.sum(0).nonzero()[:, 0]:
            total = total + shares[:, target] * self._weighted(outputs, target.expand(len(outputs)))
        return total
