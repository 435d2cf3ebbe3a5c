"""Probabilities whose miscalibration is known."""

import numpy as np
from scipy.special import softmax

from triage.uncertainty.calibration import CALIBRATORS


def simulate(n=500, k=5, *, temperature=1.0, tilt=0.0, growth=0.0, seed=0):
    """Probabilities [n, k], truths, and distances.

    Truths are drawn from softmax((logits + tilt * c / k) / T) with the temperature
    T = temperature * (1 + growth * max(0, distance - 2)).
    """
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=(n, k))
    distance = rng.gamma(2.0, size=n)
    local = temperature * (1 + growth * np.maximum(0, distance - 2))
    true = softmax((logits + tilt * np.arange(k) / k) / local[:, None], axis=1)
    truth = (true.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return softmax(logits, axis=1), np.minimum(truth, k - 1), distance


def log_loss(probabilities, truth):
    return -np.log(probabilities[np.arange(len(truth)), truth]).mean()


def fitted(key, data):
    return CALIBRATORS[key]().fit(*data)


def keys(**wanted):
    """Keys of the calibrators whose info says so."""
    return [
        key
        for key, kind in CALIBRATORS.items()
        if all(getattr(kind.info, name) == value for name, value in wanted.items())
    ]
