"""How uncertain an ensemble is: how much its members doubt, and how much they disagree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from triage.errors import UsageError

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Uncertainty:
    """Uncertainty of N cases in nats; total = aleatoric + epistemic.

    Parameters
    ----------
    total : float array [N]
        Entropy of the members' mean probabilities.
    aleatoric : float array [N]
        Mean entropy of the members': what more training would not take away.
    epistemic : float array [N]
        Their difference, at least 0: the mutual information of class and member.
    """

    total: Doubles
    aleatoric: Doubles
    epistemic: Doubles


def decompose(
    probabilities: Floats, n_inliers: int | None = None, calibrated: Doubles | None = None
) -> Uncertainty:
    """Split the uncertainty of an ensemble.

    Parameters
    ----------
    probabilities : float array [N, M, C]
        Of each member; inlier classes first.
    n_inliers : int, optional
        Given that the case is an inlier, of that many classes. Members then count by the mass
        they leave to inliers, as the rule of Bayes has it, so that the mean is the ensemble's
        own conditional distribution.
    calibrated : float array [N, n_inliers], optional
        What a calibrator made of that mean. It takes its place, so that the total is the entropy
        of the probabilities that are shown; which member favours a class, and how much
        beside the others, stays as it was.

    Returns
    -------
    Uncertainty

    Raises
    ------
    UsageError
        If these are no probabilities of members, there are not so many classes, or the calibrated
        ones are of other cases or classes.

    Notes
    -----
    Depeweg et al. 2018; the epistemic part is the score of BALD (Houlsby et al. 2011). With
    p(member, class) = p(class) p(member | class), calibration changes the first factor.
    """
    if probabilities.ndim != 3 or 0 in probabilities.shape[1:]:
        raise UsageError(
            f"probabilities have shape {probabilities.shape}, not [cases, members, classes]"
        )
    if not (probabilities >= 0).all() or not np.allclose(probabilities.sum(2), 1, atol=1e-3):
        raise UsageError("member probabilities are negative, not finite or do not sum to one")
    n_classes = probabilities.shape[2]
    if n_inliers is not None and not 1 <= n_inliers <= n_classes:
        raise UsageError(f"n_inliers is {n_inliers} of {n_classes} classes")
    # A floor keeps the condition defined where no member leaves any mass to an inlier.
    kept = np.maximum(probabilities[:, :, :n_inliers].astype(np.float64), np.finfo(float).tiny)
    of_class = kept.sum(axis=1, keepdims=True)
    if calibrated is None:
        mean = of_class[:, 0] / of_class.sum(axis=2)
    elif calibrated.shape != (len(kept), kept.shape[2]):
        expected = (len(kept), kept.shape[2])
        raise UsageError(f"calibrated has shape {calibrated.shape}, expected {expected}")
    else:
        mean = calibrated
    joint = mean[:, None] * (kept / of_class)
    total = entr(mean).sum(axis=1)
    aleatoric = entr(joint).sum(axis=(1, 2)) - entr(joint.sum(axis=2)).sum(axis=1)
    # Rounding may leave equal members a little apart, or sure ones a little unsure.
    aleatoric = np.clip(aleatoric, 0.0, total)
    return Uncertainty(total, aleatoric, total - aleatoric)
