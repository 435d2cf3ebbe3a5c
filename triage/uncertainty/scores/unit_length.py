"""Embeddings brought to length 1, so that only their direction counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unit_length(embedding: NDArray[np.floating]) -> NDArray[np.float32]:
    """Divide each row of float [N, D] by its Euclidean norm; a row of zeros stays zero."""
    rows = embedding.astype(np.float32, copy=False)
    # by the largest value first: squares of values beyond 1e19 overflow float32
    largest = np.abs(rows).max(axis=1, initial=0.0, keepdims=True)
    unit = np.divide(rows, np.where(largest > 0, largest, 1), dtype=np.float32)
    norm = np.sqrt(np.einsum("nd,nd->n", unit, unit))[:, None]
    unit /= np.where(norm > 0, norm, 1)
    unit_rows: NDArray[np.float32] = unit
    return unit_rows
