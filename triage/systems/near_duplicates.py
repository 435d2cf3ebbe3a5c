"""Near-duplicates that a manifest does not tell of: views of one lesion, crops of one photograph.

They leak. A test case whose near-duplicate trained looks familiar for the wrong reason, and
flatters every score that measures distance from the training data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.data.manifest import Case
from triage.systems.photographs.system import Embedded

SIMILAR = 0.7
"""Our choice, by eye on clinical photographs: above it about four pairs in five were views of one
lesion or one patient, above 0.77 nearly all; to join two strangers costs a split nothing."""
CHAIN = 0.05
"""Share of all cases; a group above it is a chain of mere likeness, and no evidence."""
_ROWS = 1024


class Alike(NamedTuple):
    """Two clusters that look alike, by their most similar cases."""

    cluster_a: str
    cluster_b: str
    case_a: str
    case_b: str
    likeness: float


def near_duplicates(
    cases: Sequence[Case], embedded: Embedded, threshold: float = SIMILAR
) -> list[Alike]:
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
    list of Alike
        Each pair of different clusters once, in the order of their names.
    """
    units = [_unit(matrix) for matrix in embedded.values()]
    found: dict[tuple[str, str], Alike] = {}
    for start in range(0, len(cases), _ROWS):
        rows = slice(start, start + _ROWS)
        likeness = np.asarray(sum(unit[rows] @ unit.T for unit in units)) / len(units)
        for row, column in zip(*np.nonzero(likeness > threshold), strict=True):
            a, b = sorted((cases[start + row], cases[column]), key=lambda case: case.cluster)
            pair, value = (a.cluster, b.cluster), float(likeness[row, column])
            if a.cluster != b.cluster and (pair not in found or value > found[pair].likeness):
                found[pair] = Alike(*pair, a.case_id, b.case_id, value)
    return [found[pair] for pair in sorted(found)]


def _unit(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    spread = matrix.std(axis=0)
    standard = (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    length = np.linalg.norm(standard, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (standard / np.where(length > 0, length, 1.0)).astype(np.float32)
    return unit
