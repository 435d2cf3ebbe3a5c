"""One head on frozen embeddings, and the members that a posterior makes of it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from triage.heads import HeadKind, HeadNetwork
from triage.models.case_inputs import EmbeddingInputs
from triage.models.settings import NONE
from triage.models.training import class_weights
from triage.posteriors import POSTERIORS, AfterTraining, TrainedTogether
from triage.systems.photographs.introspection import with_flags
from triage.systems.photographs.plan import TrainingPlan


def train_head(
    plan: TrainingPlan, inputs: EmbeddingInputs, seed: int, checkpoint: Path
) -> tuple[float, list[HeadNetwork]]:
    """Train a head, and let the posterior of the settings make members of it.

    Parameters
    ----------
    plan : TrainingPlan
    inputs : EmbeddingInputs
        Of all opened cases.
    seed : int
    checkpoint : Path

    Returns
    -------
    loss : float
        Best validation loss.
    heads : list of HeadNetwork
        One without a posterior, else `settings.samples`, unless the posterior gives one only.

    Raises
    ------
    TrainingError
        If training fails; that the posterior fits the head, the settings have seen to.
    """
    if plan.settings.head is HeadKind.INTROSPECTIVE:
        plan = with_flags(plan, inputs, seed)
    key = plan.settings.posterior
    posterior = POSTERIORS[key]() if key != NONE else None
    if isinstance(posterior, TrainedTogether):
        found, heads = _train_together(plan, posterior, inputs, seed, checkpoint)
    else:
        found, heads = _train_one(plan, posterior, inputs, seed, checkpoint)
    for head in heads:
        plan.finish(head, inputs.embeddings.__getitem__)
    return found, heads


def _train_one(
    plan: TrainingPlan,
    posterior: AfterTraining | None,
    inputs: EmbeddingInputs,
    seed: int,
    checkpoint: Path,
) -> tuple[float, list[HeadNetwork]]:
    embeddings = inputs.embeddings[plan.train]
    head = plan.new_head(inputs.embeddings.shape[1], seed)
    head.standardise_by(embeddings)
    found = plan.fit_one(head, inputs, seed, checkpoint, every=plan.settings.fit.epochs)
    if posterior is None:
        return found, [head]
    weights = class_weights(
        plan.train_targets, int(plan.train_targets.max()) + 1, plan.settings.fit.balance
    )

    def weighted(outputs: Tensor, targets: Tensor) -> Tensor:
        return plan.loss(outputs, targets) * weights[targets]

    members = posterior.members(
        head,
        embeddings,
        plan.train_targets,
        loss=weighted,
        n_members=plan.settings.samples,
        seed=seed,
    )
    return found, members


def _train_together(
    plan: TrainingPlan,
    posterior: TrainedTogether,
    inputs: EmbeddingInputs,
    seed: int,
    checkpoint: Path,
) -> tuple[float, list[HeadNetwork]]:
    width, settings = inputs.embeddings.shape[1], plan.settings
    torch.manual_seed(seed)
    network = posterior.build(
        width,
        len(plan.classes),
        n_members=settings.samples,
        hidden=settings.hidden,
        dropout=settings.dropout,
    )
    network.standardise_by(inputs.embeddings[plan.train])
    loss = posterior.loss(network, plan.loss, len(plan.train))
    found = plan.fit_one(network, inputs, seed, checkpoint, every=settings.fit.epochs, loss=loss)
    return found, list(posterior.members(network, n_members=settings.samples, seed=seed))
