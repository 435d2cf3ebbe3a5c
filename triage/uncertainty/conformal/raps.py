"""RAPS: APS with a price on long sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.uncertainty.conformal.aps import Aps, ranks
from triage.uncertainty.conformal.conformal_set import (
    ConformalInfo,
    Probabilities,
    State,
    conformal_quantile,
)
from triage.uncertainty.conformal.content import uniform_of


@dataclass
class Raps(Aps):
    """Regularised adaptive prediction sets: Angelopoulos et al. 2021.

    To the score of APS comes a penalty for each place below rank k_reg. Both are chosen on a
    share of the calibration cases, and the quantiles are taken of the others: k_reg is the
    1 - alpha quantile of the true condition's rank, the penalty the one with the smallest sets.

    Parameters
    ----------
    penalties : tuple of float
        To choose from.
    tuning_share : float
        Share of the calibration cases to choose on; they are drawn by their content.
    """

    info: ClassVar[ConformalInfo] = ConformalInfo(
        "raps",
        "RAPS",
        "Angelopoulos, Bates, Malik & Jordan 2021",
        "as APS, without the long tail of improbable conditions",
    )

    penalties: tuple[float, ...] = (0.001, 0.01, 0.1, 0.2, 0.5)
    tuning_share: float = 0.3

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if not self.penalties or min(self.penalties) < 0:
            raise UsageError("penalties must be at least zero, and one at least", where=self._name)
        if not 0.0 < self.tuning_share < 1.0:
            raise UsageError(
                f"tuning_share must lie between 0 and 1, not {self.tuning_share}", where=self._name
            )

    def _score(self, probabilities: Probabilities, state: State) -> NDArray[np.float64]:
        penalty, first = float(state["penalty"]), int(state["first_penalised"])
        beyond = np.maximum(ranks(probabilities) - first + 1, 0)
        return super()._score(probabilities, state) + penalty * beyond

    def _learn(
        self, probabilities: Probabilities, truth: NDArray[np.integer]
    ) -> tuple[State, NDArray[np.bool_]]:
        n_tuning = round(self.tuning_share * len(truth))
        if n_tuning in (0, len(truth)):
            raise UsageError(
                f"{len(truth)} calibration cases cannot be shared between tuning and quantiles",
                where=self._name,
            )
        drawn = np.argsort(uniform_of(probabilities, self.seed, "tuning"), kind="stable")
        tuning = np.zeros(len(truth), dtype=np.bool_)
        tuning[drawn[:n_tuning]] = True
        p, true = probabilities[tuning], truth[tuning]
        cases = np.arange(len(p))
        k_reg = conformal_quantile(ranks(p)[cases, true].astype(np.float64), self.alpha)
        first = np.array(min(k_reg, p.shape[1]) + 1, dtype=np.int64)
        sizes = []
        for penalty in self.penalties:
            tried: State = {"penalty": np.array(penalty), "first_penalised": first}
            scores = self._score(p, tried)
            quantile = conformal_quantile(scores[cases, true], self.alpha)
            sizes.append(float((scores <= quantile).sum(axis=1).mean()))
        best = self.penalties[int(np.argmin(sizes))]
        return {"penalty": np.array(best), "first_penalised": first}, ~tuning
