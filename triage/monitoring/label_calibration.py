"""Calibration as labels arrive: windows of reviewed cases, and online Platt with calibeating."""

from __future__ import annotations

from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from triage.vocabulary.monitoring import ChartVerdict

MIN_LABELS, MIN_OF_EACH = 50, 10
"""A window needs so many labels, and so many of either outcome."""


class CalibrationWindow(BaseModel):
    """Calibration of one window of labels.

    Each measure is (value, low, high), 95 % by bootstrap of patients; None where it is not defined
    or there are too few labels.

    Parameters
    ----------
    first, last : int
        Places of the first and last label of the window, in order of time.
    n_labels, n_units : int
    in_the_large : observed rate minus mean forecast
    slope, intercept : of the logistic recalibration
    brier, ece : Brier score; expected calibration error
    in_the_large_online, brier_online, ece_online
        Of the forecasts after online Platt with calibeating; each forecast before its label.
    verdict : ChartVerdict
        Alarm where the interval of `in_the_large`, at the level asked for, excludes 0.
    note : str
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: int
    last: int
    n_labels: int
    n_units: int
    in_the_large: tuple[float, float, float] | None = None
    slope: tuple[float, float, float] | None = None
    intercept: tuple[float, float, float] | None = None
    brier: tuple[float, float, float] | None = None
    ece: tuple[float, float, float] | None = None
    in_the_large_online: tuple[float, float, float] | None = None
    brier_online: tuple[float, float, float] | None = None
    ece_online: tuple[float, float, float] | None = None
    verdict: ChartVerdict
    note: str = ""


def calibration_windows(
    forecast: ArrayLike,
    outcome: ArrayLike,
    window: ArrayLike,
    *,
    review_probability: ArrayLike | None = None,
    units: ArrayLike | None = None,
    level: float = 0.05,
    n_resamples: int = 400,
    seed: int = 0,
) -> tuple[CalibrationWindow, ...]:
    """Calibration of each window of labels [N] that are in order of time.

    `forecast` in [0, 1] is the probability of the event, `outcome` whether it happened, `window`
    a number that never falls (such as the week), `review_probability` in (0, 1] how probable it
    was that a case like this got a label.
    """
    raise NotImplementedError
