"""Online Platt scaling as a calibrator: the validation cases are the stream so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.uncertainty.calibration.calibrator import (
    FLOOR,
    Calibrator,
    CalibratorInfo,
    Floats,
    State,
    Truth,
)
from triage.uncertainty.calibration.platt_stream import OnlinePlatt

_AHEAD = 1 + 1e-9


@dataclass
class OnlinePlattScaling(Calibrator):
    """Maps the probability of the most probable condition; the others share the rest as before.

    The event is that the most probable condition is the true one. Where the mapped probability
    would let the second condition overtake, it stops just above it: the first stays first, and
    is then more confident than the stream asks for.
    """

    info: ClassVar = CalibratorInfo(
        key="online_platt",
        title="Online Platt scaling",
        source="Gupta & Ramdas 2023, our reading",
        parameters="a slope and an intercept, renewed after each case",
        keeps_ranking=True,
        in_order=True,
    )
    arrays: ClassVar = ("line", "curvature", "counts", "hits")

    def stream(self) -> OnlinePlatt:
        """The stream as it stands after `fit`, to go on with; a fresh one before."""
        return _stream_of(self.state) if self.state else OnlinePlatt()

    def _fit(self, given: Floats, truth: Truth, distance: Floats) -> State:
        stream = OnlinePlatt()
        stream.stream(given.max(axis=1), given.argmax(axis=1) == truth)
        return {
            "line": stream.weights,
            "curvature": stream.curvature,
            "counts": stream.counts,
            "hits": stream.hits,
        }

    def _calibrate(self, given: Floats, distance: Floats, state: State) -> Floats:
        rows, top = np.arange(len(given)), given.argmax(axis=1)
        first = given[rows, top]
        others = given.copy()
        others[rows, top] = 0.0
        rest = others.sum(axis=1)
        if not rest.all():  # one condition: nothing to share
            return given
        second = others.max(axis=1)
        least = second / (rest + second) * _AHEAD
        mapped = np.clip(_stream_of(state).predict(first), least, 1 - FLOOR)
        calibrated: Floats = others * ((1 - mapped) / rest)[:, None]
        calibrated[rows, top] = mapped
        return calibrated


def _stream_of(state: State) -> OnlinePlatt:
    stream = OnlinePlatt()
    stream.weights, stream.curvature = state["line"].copy(), state["curvature"].copy()
    stream.counts, stream.hits = state["counts"].copy(), state["hits"].copy()
    return stream
