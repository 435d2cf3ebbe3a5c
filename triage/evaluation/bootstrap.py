"""Bootstrap resamples of whole clusters, as weights of their cases.

Cases of one patient are correlated, so resampling cases would give too narrow an interval. Clusters
(patients, or groups of near-duplicates) are drawn with replacement instead, with all their cases:
Davison & Hinkley 1997, ch. 3.8.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.evaluation.metrics.weighted import FloatArray

CHUNK_ELEMENTS = 2**21
"""Weights held at once: 16 MiB, whatever the number of cases and resamples."""


def cluster_weights(
    cluster: NDArray[np.str_],
    *,
    n_resamples: int,
    seed: int,
    chunk_elements: int = CHUNK_ELEMENTS,
) -> Iterator[FloatArray]:
    """Draw clusters with replacement and yield the weights of their cases.

    Parameters
    ----------
    cluster : array [N]
        Cluster of each case.
    n_resamples : int
        Number of resamples, B.
    seed : int
        The same seed gives the same resamples, however they are chunked.
    chunk_elements : int
        Upper bound on the elements of one chunk (one resample at least).

    Yields
    ------
    float array [b, N]
        How often each case was drawn; the b of all chunks add up to B.

    Raises
    ------
    UsageError
        If there are no cases or fewer than two resamples.
    """
    if len(cluster) == 0:
        raise UsageError("there are no cases to resample")
    if n_resamples < 2:
        raise UsageError(f"{n_resamples} resamples give no interval", hint="Ask for 1000.")
    names, member = np.unique(cluster, return_inverse=True)
    even = np.full(len(names), 1 / len(names))
    generator = np.random.default_rng(seed)
    step = max(1, chunk_elements // len(cluster))
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start)
        counts = generator.multinomial(len(names), even, size=size)
        yield counts.astype(np.float64)[:, member]
