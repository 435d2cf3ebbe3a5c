"""One vector a case for the search of similar cases: the embedding that scores read, normalised.

Nothing is computed by a network here: the embedding stands beside the probabilities already.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.predictions import Predictions
from triage.uncertainty.scores.unit_length import unit_length

Features = dict[str, NDArray[np.float32]]
"""By case_id: a vector of length 1, float32 [D]; a case that is missing has none."""


def case_features(
    predictions: Predictions, blocks: Sequence[slice], left_out: Collection[str] = ()
) -> Features:
    """Return the vectors of cases: each network's part of the embedding counts the same.

    Every part is brought to length 1, as `triage.uncertainty.scores.knn` does, and all are divided
    by the square root of their number. The cosine between two cases is then the mean of the
    cosines between their parts, so that a network with large numbers does not outvote the others.

    Parameters
    ----------
    predictions : Predictions
        Of N cases; `embedding` is float32 [N, D].
    blocks : sequence of slice
        Columns of each network in the embedding.
    left_out : collection of str
        Cases whose input is not of the kind that the networks were trained to read: their
        embedding does not describe a lesion or a retina.

    Returns
    -------
    dict of float32 array [D]
        Without cases that are left out, or in which a part of the embedding is zero.
    """
    parts = [unit_length(predictions.embedding[:, columns]) for columns in blocks]
    if not parts:
        return {}
    vectors = np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))
    whole = np.all([part.any(axis=1) for part in parts], axis=0)
    return {
        case: vector
        for case, vector, kept in zip(predictions.cases["case_id"], vectors, whole, strict=True)
        if kept and case not in left_out
    }
