"""Resamples of patients, as how often each patient was drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.weighted import FloatArray

_MOST_AT_ONCE = 2**20


def draws(
    strata: NDArray[np.int64], *, n_resamples: int, seed: int, name: str
) -> Iterator[FloatArray]:
    """Draw patients with replacement within strata.

    Parameters
    ----------
    strata : int array [C]
        Stratum of each patient; each resample has as many patients of each as there are.
    n_resamples, seed : int
    name : str
        Of the set of cases; each has numbers of its own.

    Yields
    ------
    float array [C, b]
        How often each patient was drawn; the b of all pieces add up to `n_resamples`.
    """
    salt = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    generator = np.random.default_rng([seed, salt])
    groups = [np.flatnonzero(strata == each) for each in np.unique(strata)]
    step = max(1, _MOST_AT_ONCE // len(strata))
    for start in range(0, n_resamples, step):
        b = min(step, n_resamples - start)
        counts = np.empty((len(strata), b))
        for members in groups:
            drawn = generator.integers(0, len(members), size=(b, len(members)))
            rows = [np.bincount(each, minlength=len(members)) for each in drawn]
            counts[members] = np.array(rows).T
        yield counts
