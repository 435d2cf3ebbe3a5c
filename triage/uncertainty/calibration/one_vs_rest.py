"""Calibrators that treat each condition as an event of its own and renormalise."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.calibration.calibrator import Calibrator, Floats, State, Truth


class OneVsRest(Calibrator):
    """A curve for each condition: places on the probability axis, and values there.

    Conditions are calibrated one by one and the row is made to sum to one (Zadrozny & Elkan
    2002, normalisation).
    """

    arrays: ClassVar = ("places", "n_places", "values", "n_values")

    @abstractmethod
    def learn(self, p: Floats, hit: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Learn places and values > 0 from probabilities [N] and whether it was so [N]."""

    @abstractmethod
    def read(self, p: Floats, places: Floats, values: Floats) -> Floats:
        """Calibrated probabilities > 0 of probabilities [N]."""

    def _fit(self, given: Floats, truth: Truth, distance: Floats) -> State:
        curves = [self.learn(p, truth == label) for label, p in enumerate(given.T)]
        return {
            "places": np.concatenate([places for places, _ in curves]),
            "n_places": np.array([len(places) for places, _ in curves]),
            "values": np.concatenate([values for _, values in curves]),
            "n_values": np.array([len(values) for _, values in curves]),
        }

    def _calibrate(self, given: Floats, distance: Floats, state: State) -> Floats:
        places = np.split(state["places"], state["n_places"].cumsum()[:-1])
        values = np.split(state["values"], state["n_values"].cumsum()[:-1])
        columns = [self.read(p, x, y) for p, x, y in zip(given.T, places, values, strict=True)]
        return np.stack(columns, axis=1)
