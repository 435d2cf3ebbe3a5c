"""Near-duplicates that a manifest does not tell of: views of one lesion, crops of one photograph.

They leak. A test case whose near-duplicate trained looks familiar for the wrong reason, and
flatters every score that measures distance from the training data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from triage.data.manifest import Case
from triage.systems.system import Embedded

SIMILAR = 0.7
"""Our choice: on clinical photographs, pairs above it were views of one lesion or one patient, and
pairs below 0.68 mostly were not (looked at by eye)."""
_ROWS = 1024


def near_duplicates(
    cases: Sequence[Case], embedded: Embedded, threshold: float = SIMILAR
) -> list[tuple[str, str]]:
    """Find pairs of clusters with cases that look alike.

    Parameters
    ----------
    cases : sequence of Case, length N
    embedded : dict of float32 array [N, D]
        Embeddings of the cases by several backbones.
    threshold : float
        Cosine of standardised embeddings, averaged over backbones, above which two cases
        are near-duplicates.

    Returns
    -------
    list of pairs of str
        Names of different clusters, each pair once, in order.
    """
    units = [_unit(matrix) for matrix in embedded.values()]
    clusters = np.array([case.cluster for case in cases], dtype=object)
    found: set[tuple[str, str]] = set()
    for start in range(0, len(cases), _ROWS):
        rows = slice(start, start + _ROWS)
        similarity = sum(unit[rows] @ unit.T for unit in units) / len(units)
        for row, column in zip(*np.nonzero(np.asarray(similarity) > threshold), strict=True):
            a, b = sorted((clusters[start + row], clusters[column]))
            if a != b:
                found.add((a, b))
    return sorted(found)


def _unit(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    spread = matrix.std(axis=0)
    standard = (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    length = np.linalg.norm(standard, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (standard / np.where(length > 0, length, 1.0)).astype(np.float32)
    return unit
