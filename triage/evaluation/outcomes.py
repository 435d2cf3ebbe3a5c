"""What a system said of labelled cases, in the arrays that every metric reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.errors import UsageError


@dataclass(frozen=True)
class Outcomes:
    """N labelled cases and what a system said of them, K inlier conditions.

    Parameters
    ----------
    classes : tuple of str, length K
        The inlier conditions.
    truth : int array [N]
        Index into `classes`; -1 for an outlier (out-of-distribution) case.
    probabilities : float array [N, K]
        Calibrated probability of each condition, given that the case is an inlier.
    ood_score : float array [N]
        Larger = more out-of-distribution.
    abstained : bool array [N]
        Whether the system gave no opinion.
    cost : float array [N]
        Clinical cost of what was done, in the spec's cost units.
    true_urgency : int array [N]
        Rank of the urgency of the true condition (0 = urgent ... 3 = observation).
    queue_urgency : int array [N]
        Rank of the urgency at which the case was queued (also when abstained).
    cluster : str array [N]
        Unit of resampling: cases of one patient, or near-duplicates, share it.
    subgroups : DataFrame, N rows
        One string column per subgroup axis; missing values read "unknown".
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    ood_score: NDArray[np.float64]
    abstained: NDArray[np.bool_]
    cost: NDArray[np.float64]
    true_urgency: NDArray[np.int64]
    queue_urgency: NDArray[np.int64]
    cluster: NDArray[np.str_]
    subgroups: pd.DataFrame

    def __post_init__(self) -> None:
        """Check that every array has N rows and values are finite."""
        n = len(self.truth)
        if self.probabilities.shape != (n, len(self.classes)):
            raise UsageError(f"probabilities have shape {self.probabilities.shape} for {n} cases")
        for name in ("ood_score", "abstained", "cost", "true_urgency", "queue_urgency", "cluster"):
            if len(getattr(self, name)) != n:
                raise UsageError(f"{name} has {len(getattr(self, name))} rows for {n} cases")
        if len(self.subgroups) != n:
            raise UsageError(f"subgroups have {len(self.subgroups)} rows for {n} cases")
        for name in ("probabilities", "ood_score", "cost"):
            if not np.isfinite(getattr(self, name)).all():
                raise UsageError(f"{name} has values that are not finite")

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def is_outlier(self) -> NDArray[np.bool_]:
        """Whether each case is out-of-distribution, bool [N]."""
        return self.truth < 0
