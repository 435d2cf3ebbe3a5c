"""How well a score ranks outliers above inliers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from triage.errors import UsageError


def auroc(score: NDArray[np.float64], is_outlier: NDArray[np.bool_]) -> float:
    """Area under the ROC curve with outliers positive; ties count half (Mann-Whitney U)."""
    n_out, n_in = int(is_outlier.sum()), int((~is_outlier).sum())
    if not n_out or not n_in:
        raise UsageError("an AUROC needs both inliers and outliers")
    ranks = rankdata(score)
    return float((ranks[is_outlier].sum() - n_out * (n_out + 1) / 2) / (n_out * n_in))
