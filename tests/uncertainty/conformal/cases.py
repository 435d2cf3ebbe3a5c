"""Simulated cases whose probabilities are informative and, if asked, calibrated."""

import numpy as np


def simulate(n, k=5, seed=0, *, sharpness=1.0, skill=1.0, prior=None):
    """Return probabilities [n, k] and truth [n]; calibrated at sharpness 1 without a prior."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0 * skill, size=(n, k)) + (0 if prior is None else np.log(prior))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1)
    said = p**sharpness
    return said / said.sum(axis=1, keepdims=True), truth


def within(hits, trials, promised, sigmas=4.0):
    """Whether hits of trials are so many as a share `promised` gives, within chance."""
    return abs(hits / trials - promised) <= sigmas * np.sqrt(promised * (1 - promised) / trials)
