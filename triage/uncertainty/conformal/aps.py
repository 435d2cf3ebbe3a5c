"""APS: the most probable conditions until their sum is enough; sets grow with doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.conformal.conformal_set import (
    ConformalInfo,
    ConformalSet,
    Probabilities,
    State,
)
from triage.uncertainty.conformal.content import uniform_of


@dataclass
class Aps(ConformalSet):
    """Adaptive prediction sets: Romano, Sesia & Candès 2020.

    A condition's score is the summed probability of all at least as probable, itself
    included, less a random part u of its own probability. The draw makes coverage exact; u
    comes from the case itself, by the seed.
    """

    info: ClassVar[ConformalInfo] = ConformalInfo(
        "aps",
        "APS",
        "Romano, Sesia & Candès 2020",
        "larger for doubtful cases; coverage even over easy and hard ones",
    )

    def _score(self, probabilities: Probabilities, state: State) -> NDArray[np.float64]:
        u = self._draw(probabilities)
        return mass_down_to(probabilities) - u[:, None] * probabilities

    def _draw(self, probabilities: Probabilities) -> NDArray[np.float64]:
        return uniform_of(probabilities, self.seed, "sets")


def ranks(probabilities: Probabilities) -> NDArray[np.int64]:
    """Place of each condition by falling probability, from 1; the first of equals first."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    places = np.broadcast_to(np.arange(1, probabilities.shape[1] + 1), order.shape)
    found = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(found, order, places, axis=1)
    return found


def mass_down_to(probabilities: Probabilities) -> NDArray[np.float64]:
    """Summed probability of the conditions down to each one in rank, itself included."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    summed = np.take_along_axis(probabilities, order, axis=1).cumsum(axis=1)
    found = np.empty_like(summed)
    np.put_along_axis(found, order, summed, axis=1)
    return found
