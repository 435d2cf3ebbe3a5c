"""How much each score counts: equal shares, unless held-out outlier conditions say otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from triage.uncertainty.auroc import auroc

PULL = 0.6
"""Strength of the pull towards equal shares, divided by the number of outlier conditions.

Conditions, not cases, are the sample here: cases of one condition resemble each other, and with
two or three conditions a weak pull learns just these (chosen on clinical photographs).
"""
GAIN = 0.01
"""Mean AUROC that learned shares must gain on left-out conditions; less is noise, and equal shares
are the safer choice."""
Matrix = NDArray[np.float64]
Names = NDArray[np.str_]


@dataclass(frozen=True)
class Weights:
    """Shares of the scores, which sum to one.

    Parameters
    ----------
    shares : float array [C]
    learned : bool
        Whether they were learned; equal shares otherwise.
    held_out_equal, held_out_learned : float or None
        Mean AUROC of outlier conditions that took no part in the learning, under equal shares
        and under learned ones; None with fewer than two conditions.
    """

    shares: Matrix
    learned: bool = False
    held_out_equal: float | None = None
    held_out_learned: float | None = None


def choose_weights(normal: Matrix, conditions: Names) -> Weights:
    """Choose between equal shares and learned ones by leaving out one outlier condition.

    Parameters
    ----------
    normal : float array [N, C]
        Normal scores (`NormalScale`) of validation inliers and outliers.
    conditions : str array [N]
        Outlier condition of each case, '' for inliers. They must not have trained anything.

    Returns
    -------
    Weights
        Learned ones only if they rank conditions that took no part in learning better by `GAIN`.
    """
    count = normal.shape[1]
    equal = np.full(count, 1.0 / count)
    names = sorted({*conditions.tolist()} - {""})
    if len(names) < 2 or count < 2:
        return Weights(equal)
    kept: list[float] = []
    gained: list[float] = []
    for name in names:
        others = learn_shares(normal[conditions != name], conditions[conditions != name])
        kept.append(_auroc(normal @ equal, conditions, name))
        gained.append(_auroc(normal @ others, conditions, name))
    before, after = float(np.mean(kept)), float(np.mean(gained))
    if after < before + GAIN:
        return Weights(equal, False, before, after)
    return Weights(learn_shares(normal, conditions), True, before, after)


def learn_shares(normal: Matrix, conditions: Names) -> Matrix:
    """Non-negative logistic regression of outlier against inlier, pulled towards equal shares.

    Parameters
    ----------
    normal : float array [N, C]
    conditions : str array [N]
        '' for inliers. All inliers weigh as much as all outliers, and conditions the same.

    Returns
    -------
    float array [C]
        Summing to one.
    """
    count = normal.shape[1]
    names = sorted({*conditions.tolist()} - {""})
    known = conditions == ""
    weight = np.where(known, 0.5 / max(known.sum(), 1), 0.0)
    for name in names:
        weight[conditions == name] = 0.5 / len(names) / (conditions == name).sum()
    sign = np.where(known, -1.0, 1.0)
    equal = np.full(count, 1.0 / count)
    pull = PULL / len(names)

    def loss(parameters: Matrix) -> tuple[float, Matrix]:
        shares, offset = parameters[:-1], parameters[-1]
        margin = sign * (normal @ shares + offset)
        slope = -weight * sign * expit(-margin)
        away = shares - equal
        value = float(weight @ np.logaddexp(0.0, -margin) + pull * (away @ away))
        return value, np.append(normal.T @ slope + 2 * pull * away, slope.sum())

    bounds = [*[(0.0, None)] * count, (None, None)]
    found = minimize(loss, np.append(equal, 0.0), jac=True, method="L-BFGS-B", bounds=bounds)
    shares: Matrix = found.x[:-1]
    total = float(shares.sum())
    return shares / total if total > 0 else equal


def aurocs(score: Matrix, conditions: Names) -> Iterator[tuple[str, float]]:
    """AUROC of each outlier condition against all inliers, in the order of their names."""
    for name in sorted({*conditions.tolist()} - {""}):
        yield name, _auroc(score, conditions, name)


def _auroc(score: Matrix, conditions: Names, name: str) -> float:
    """Area under the ROC curve of one outlier condition against the inliers."""
    chosen = (conditions == name) | (conditions == "")
    return auroc(score[chosen], conditions[chosen] == name)
