"""Dirichlet calibration (Kull et al. 2019): softmax(W log p + b) with ODIR regularisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.uncertainty.calibration.calibrator import (
    Calibrator,
    CalibratorInfo,
    Floats,
    State,
    Truth,
)
from triage.uncertainty.calibration.softmax_regression import (
    SPREAD,
    apply_softmax_regression,
    as_temperature,
    fit_softmax_regression,
)


@dataclass
class DirichletCalibration(Calibrator):
    """A full matrix on log probabilities; weights off the diagonal and biases are held small.

    The penalty is strength / (K (K - 1)) * sum of the squared weights off the diagonal, plus
    strength / K * sum of the squared biases (ODIR). Ours: one strength for both, chosen by
    cross-validation, and on the diagonal the weak prior of vector scaling, without which the
    weights of conditions that can be told apart without error would have no end.

    Parameters
    ----------
    strengths : tuple of float
        To choose from; the largest where there are fewer than two cases a fold.
    folds : int

    Raises
    ------
    UsageError
        If there is no strength, one is not positive, or there are fewer than two folds.
    """

    strengths: tuple[float, ...] = (1e-2, 1e-1, 1.0, 10.0, 100.0)
    folds: int = 3

    info: ClassVar = CalibratorInfo(
        key="dirichlet",
        title="Dirichlet calibration",
        source="Kull et al. 2019, ODIR; one strength for both penalties is ours",
        parameters="a matrix and a bias for each condition",
        by_condition=True,
    )
    arrays: ClassVar = ("weights", "strength")

    def __post_init__(self) -> None:
        """Check strengths and folds."""
        if not self.strengths or min(self.strengths) <= 0 or self.folds < 2:
            raise UsageError("needs positive strengths and at least two folds", where=self.info.key)

    def _fit(self, given: Floats, truth: Truth, distance: Floats) -> State:
        strength = max(self.strengths)
        if len(given) >= 2 * self.folds and given.shape[1] > 1:
            losses = [self._held_out_loss(given, truth, value) for value in self.strengths]
            strength = self.strengths[int(np.argmin(losses))]
        return {"weights": self._weights(given, truth, strength), "strength": np.array([strength])}

    def _calibrate(self, given: Floats, distance: Floats, state: State) -> Floats:
        return apply_softmax_regression(given, state["weights"])

    def _weights(self, given: Floats, truth: Truth, strength: float) -> Floats:
        k = given.shape[1]
        penalty = np.full((k, k + 1), strength / max(k * (k - 1), 1))
        np.fill_diagonal(penalty, 1 / (2 * SPREAD**2 * len(given)))
        penalty[:, -1] = strength / k
        free = np.ones((k, k + 1), dtype=np.bool_)
        return fit_softmax_regression(given, truth, as_temperature(given, truth), free, penalty)

    def _held_out_loss(self, given: Floats, truth: Truth, strength: float) -> float:
        fold = _folds(given, truth, self.folds)
        total = 0.0
        for held in range(self.folds):
            out = fold == held
            weights = self._weights(given[~out], truth[~out], strength)
            calibrated = apply_softmax_regression(given[out], weights)
            total -= float(np.log(calibrated[np.arange(out.sum()), truth[out]]).sum())
        return total


def _folds(given: Floats, truth: Truth, n: int) -> NDArray[np.int64]:
    """Fold of each case, balanced over conditions, whatever the order of the cases."""
    order = np.lexsort((*given.T, truth))
    fold = np.empty(len(given), dtype=np.int64)
    fold[order] = np.arange(len(given)) % n
    return fold
