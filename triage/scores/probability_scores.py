"""Scores of probabilities; see `triage.scores`."""

from __future__ import annotations

from triage.scores.array_score import ProbabilityArrayScore
from triage.uncertainty.scores.entropy import Entropy as _Entropy
from triage.uncertainty.scores.gen import Gen
from triage.uncertainty.scores.max_softmax import MaxSoftmax as _MaxSoftmax
from triage.uncertainty.scores.outlier_mass import OutlierMass as _OutlierMass


class MaxSoftmax(ProbabilityArrayScore):
    """Maximum softmax probability, s = 1 - max_c p_c (Hendrycks & Gimpel 2017).

    Parameters
    ----------
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.max_softmax.MaxSoftmax : The formula in full.
    """

    def __init__(self, *, n_inliers: int | None = None) -> None:
        super().__init__(_MaxSoftmax, {}, n_inliers)


class Entropy(ProbabilityArrayScore):
    """Entropy of the probabilities renormalised over the inlier classes, in nats.

    Parameters
    ----------
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.entropy.Entropy : The formula in full.
    """

    def __init__(self, *, n_inliers: int | None = None) -> None:
        super().__init__(_Entropy, {}, n_inliers)


class GEN(ProbabilityArrayScore):
    """Generalised entropy (Liu et al. 2023).

    Parameters
    ----------
    gamma : float
        Exponent, in (0, 1).
    largest : int
        How many of the most probable classes count.
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.gen.Gen : The formula in full.
    """

    def __init__(
        self, gamma: float = 0.1, largest: int = 100, *, n_inliers: int | None = None
    ) -> None:
        super().__init__(Gen, {"gamma": gamma, "largest": largest}, n_inliers)


class OutlierMass(ProbabilityArrayScore):
    """Summed probability of the outlier classes of the network (Roy et al. 2022).

    Parameters
    ----------
    n_inliers : int
        How many leading classes are inliers; the others are outlier classes.

    See Also
    --------
    triage.uncertainty.scores.outlier_mass.OutlierMass : The formula in full.
    """

    def __init__(self, n_inliers: int) -> None:
        super().__init__(_OutlierMass, {}, n_inliers)
