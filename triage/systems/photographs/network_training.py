"""One network trained end to end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from triage.backbones.backbone import Backbone
from triage.heads import Head, HeadNetwork
from triage.models.case_inputs import ImageInputs
from triage.models.network import CaseNetwork
from triage.systems.photographs.plan import TrainingPlan


def train_network(
    plan: TrainingPlan,
    backbone: Backbone,
    reference: str,
    inputs: ImageInputs,
    seed: int,
    checkpoint: Path,
    progress: Callable[[int, float], None],
) -> tuple[float, HeadNetwork]:
    """Train a backbone in place, with a head on it.

    Parameters
    ----------
    plan : TrainingPlan
    backbone : Backbone
        As loaded by its reference.
    reference : str
        Batch normalisation of all but networks from random weights (`monai:`) is kept as it is.
    inputs : ImageInputs
        Of all opened cases.
    seed : int
    checkpoint : Path
        Resumed from; written after every epoch.
    progress : callable
        Called with epochs done and the best validation loss.

    Returns
    -------
    loss : float
        Best validation loss.
    head : HeadNetwork
    """
    network = CaseNetwork(
        backbone,
        plan.new_head(backbone.width, seed),
        freeze_normalisation=not reference.startswith("monai:"),
    )
    if not isinstance(network.head, Head):  # kernels and centres live on a fixed scale
        network.head.standardise_by(network.embed(inputs, plan.train))
    loss = plan.fit_one(network, inputs, seed, checkpoint, every=1, progress=progress)
    plan.finish(network.head, partial(network.embed, inputs))
    return loss, network.head
