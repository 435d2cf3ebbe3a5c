"""Joint predictives: how probable an ensemble finds the labels of several cases together.

Members that are each sure of another explanation and members that all doubt alike may have the same
averaged probabilities. Only the joint probability of several labels tells them apart, since one
member has to explain them all (Wen et al. 2022; Osband et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from triage.errors import UsageError

Doubles = NDArray[np.float64]
FLOOR = 1e-12
"""Least probability that is taken a logarithm of."""
TAU, KAPPA = 10, 2
"""Labels of a batch, and the different cases that they are of."""
BATCHES = 2_000
"""Least number of batches."""


@dataclass(frozen=True)
class DyadicBatches:
    """Batches of tau labels around kappa anchors.

    Parameters
    ----------
    anchors : int array [B, kappa]
        Rows of cases, all different within a batch.
    counts : int array [B, kappa]
        How often each anchor is repeated; they sum to tau.
    """

    anchors: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def tau(self) -> int:
        """Labels of a batch."""
        return int(self.counts[0].sum())


def dyadic_batches(
    n: int, *, tau: int = TAU, kappa: int = KAPPA, least: int = BATCHES, seed: int = 0
) -> DyadicBatches:
    """Draw batches so that every case is an anchor almost equally often.

    Random batches of different cases hardly tell joint predictions apart, since few of their cases
    depend on each other; repeated anchors do (Osband et al. 2022, dyadic sampling).

    Parameters
    ----------
    n : int
        Cases; at least kappa.
    tau : int
        Labels of a batch.
    kappa : int
        Different cases of a batch.
    least : int
        Batches, at least.
    seed : int

    Raises
    ------
    UsageError
        If there are fewer cases than anchors, or a number is below one.
    """
    if min(tau, kappa, least) < 1 or n < kappa:
        raise UsageError(
            f"batches of {tau} labels around {kappa} of {n} cases cannot be drawn",
            where="joint predictives",
        )
    chance = np.random.default_rng(seed)
    each = n // kappa
    rounds = -(-least // each)
    anchors = np.concatenate(
        [chance.permutation(n)[: each * kappa].reshape(each, kappa) for _ in range(rounds)]
    )
    counts = chance.multinomial(tau, np.full(kappa, 1 / kappa), size=len(anchors))
    return DyadicBatches(anchors.astype(np.int64), counts.astype(np.int64))


def of_label(members: Doubles, truth: NDArray[np.integer], n_inliers: int) -> Doubles:
    """Probability that each member gives a case's own condition, given that it is known.

    Parameters
    ----------
    members : float array [N, K, C]
        Inlier conditions first.
    truth : int array [N]
        Below `n_inliers`.
    n_inliers : int

    Returns
    -------
    float64 array [N, K]
    """
    known = members[:, :, :n_inliers].astype(np.float64)
    own = known[np.arange(len(truth)), :, truth]
    found: Doubles = own / known.sum(axis=2).clip(FLOOR)
    return found


def joint_log_likelihood(own: Doubles, batches: DyadicBatches) -> Doubles:
    """Return ln mean_k prod_i p_k(y_i | x_i) of each batch, by label, in nats.

    Parameters
    ----------
    own : float array [N, K]
        Probability that each member gives the label of each case.
    batches : DyadicBatches

    Returns
    -------
    float64 array [B]
    """
    logs = np.log(own.clip(FLOOR))[batches.anchors]  # [B, kappa, K]
    of_member = (logs * batches.counts[:, :, None]).sum(axis=1)
    found: Doubles = (logsumexp(of_member, axis=1) - np.log(own.shape[1])) / batches.tau
    return found


def marginal_log_likelihood(own: Doubles, batches: DyadicBatches) -> Doubles:
    """Return sum_i ln mean_k p_k(y_i | x_i) of each batch, by label; parameters as above."""
    logs = np.log(own.mean(axis=1).clip(FLOOR))[batches.anchors]
    found: Doubles = (logs * batches.counts).sum(axis=1) / batches.tau
    return found


def batch_weights(weights: Doubles, batches: DyadicBatches) -> Doubles:
    """Weight of each batch in resamples of cases: the product over its anchors.

    Parameters
    ----------
    weights : float array [R, N]
        How often each case was drawn.
    batches : DyadicBatches

    Returns
    -------
    float64 array [R, B]
    """
    found = np.ones((len(weights), len(batches.anchors)))
    for place in range(batches.anchors.shape[1]):
        found *= weights[:, batches.anchors[:, place]]
    return found


def resampled_mean(values: Doubles, weights: Doubles) -> Doubles:
    """Weighted mean over batches in each resample, float64 [R]; NaN where nothing was drawn."""
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Doubles = np.where(total > 0, weights @ values / total, np.nan)
    return found
