"""Random hyper-parameters for the candidates of an ensemble."""

from __future__ import annotations

import numpy as np

from triage.models.settings import TrainSettings

RATE_FACTOR = 3.0
"""Learning rates lie within this factor of the settings', on a logarithmic scale."""
DECAY_FACTOR = 10.0
"""The same of weight decay."""
MOST_SMOOTHING = 0.3
MOST_DROPOUT = 0.6


def varied(settings: TrainSettings, seed: int) -> TrainSettings:
    """Return settings with random learning rate, weight decay, smoothing and dropout.

    Parameters
    ----------
    settings : TrainSettings
        Centre of the learning rate and the weight decay; where dropout or label smoothing is 0, as
        for networks that learn from nothing, it stays so.
    seed : int
        Of the candidate: the same seed draws the same.

    Notes
    -----
    Members that differ in more than their start disagree more usefully: hyper-deep ensembles
    (Wenzel et al. 2020), which choose among such candidates greedily. The ranges are ours; the
    search there is over layer-wise decay and label smoothing.
    """
    rng = np.random.default_rng([seed, 20])
    rate, decay = rng.uniform(-1, 1, size=2)
    smoothing, dropout = rng.uniform(0, 1, size=2)
    fit = settings.fit.model_copy(
        update={
            "learning_rate": settings.fit.learning_rate * RATE_FACTOR ** float(rate),
            "weight_decay": settings.fit.weight_decay * DECAY_FACTOR ** float(decay),
            "label_smoothing": MOST_SMOOTHING * float(smoothing)
            if settings.fit.label_smoothing
            else 0.0,
        }
    )
    drawn = MOST_DROPOUT * float(dropout) if settings.dropout else 0.0
    return settings.model_copy(update={"fit": fit, "dropout": drawn})
