"""Scores of logits; see `triage.scores`."""

from __future__ import annotations

from triage.scores.array_score import LogitArrayScore
from triage.uncertainty.scores.energy import Energy as _Energy
from triage.uncertainty.scores.max_logit import MaxLogit as _MaxLogit


class MaxLogit(LogitArrayScore):
    """Maximum logit, s = - max_c z_c (Hendrycks et al. 2022).

    Parameters
    ----------
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.max_logit.MaxLogit : The formula in full.
    """

    def __init__(self, *, n_inliers: int | None = None) -> None:
        super().__init__(_MaxLogit, {}, n_inliers)


class Energy(LogitArrayScore):
    """Free energy, s = - T log sum_c exp(z_c / T) (Liu et al. 2020).

    Parameters
    ----------
    temperature : float
        T, positive.
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.energy.Energy : The formula in full.
    """

    def __init__(self, temperature: float = 1.0, *, n_inliers: int | None = None) -> None:
        super().__init__(_Energy, {"temperature": temperature}, n_inliers)
