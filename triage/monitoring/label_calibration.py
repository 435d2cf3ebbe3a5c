"""Calibration as labels arrive: windows of reviewed cases, and online Platt with calibeating.

Labels arrive for some cases only, and more often for some kinds of cases than for others. Each
label is therefore weighted by 1 over the probability that a case like it gets one
(`review_probabilities`), at most 20 times the smallest weight. Cases of kinds that nobody reviews
are not part of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats

from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.monitoring import calibration_measures as measures
from triage.uncertainty.calibration.platt_stream import OnlinePlatt
from triage.vocabulary.monitoring import ChartVerdict

MIN_LABELS, MIN_OF_EACH, MIN_UNITS = 50, 10, 20
"""A window needs so many labels, so many of either outcome, and so many patients."""
LARGEST_WEIGHT = 20.0
"""Of a label, as a multiple of the smallest: a few labels of rarely reviewed cases decide less."""
_EXPECTED_DRAWS = 200
Floats = NDArray[np.float64]
Measured = tuple[float, float, float]


class CalibrationWindow(BaseModel):
    """Calibration of one window of labels.

    Each measure is (value, low, high), 95 % by bootstrap of patients; None where it is not defined
    or there are too few labels.

    Parameters
    ----------
    window : int
        Its number, as given.
    first, last : int
        Places of its first and last label, in order of time.
    n_labels, n_units : int
        Labels and their patients.
    in_the_large : observed rate minus mean forecast
    slope, intercept : of the logistic recalibration
    brier, ece : Brier score; expected calibration error over ten bins
    ece_expected : float, optional
        Mean calibration error of so many labels if the forecasts were calibrated.
    in_the_large_online, brier_online, ece_online
        Of the forecasts after online Platt with calibeating; each forecast is made before its
        label is seen.
    p_value : float, optional
        Of the test that `in_the_large` is within the tolerance of 0.
    verdict : ChartVerdict
        Alarm where the p-value is at most the level.
    note : str
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: int
    first: int
    last: int
    n_labels: int
    n_units: int
    in_the_large: Measured | None = None
    slope: Measured | None = None
    intercept: Measured | None = None
    brier: Measured | None = None
    ece: Measured | None = None
    ece_expected: float | None = None
    in_the_large_online: Measured | None = None
    brier_online: Measured | None = None
    ece_online: Measured | None = None
    p_value: float | None = None
    verdict: ChartVerdict
    note: str = ""


@dataclass(frozen=True)
class _Labels:
    """Labels in order of time: raw and online forecasts, outcomes, weights, patients [N]."""

    forecast: Floats
    online: Floats
    outcome: Floats
    weight: Floats
    unit: NDArray[np.str_]

    def of(self, held: NDArray[np.bool_]) -> _Labels:
        return _Labels(
            self.forecast[held],
            self.online[held],
            self.outcome[held],
            self.weight[held],
            self.unit[held],
        )


def calibration_windows(
    forecast: ArrayLike,
    outcome: ArrayLike,
    window: ArrayLike,
    *,
    review_probability: ArrayLike | None = None,
    units: ArrayLike | None = None,
    level: float = 0.05,
    tolerance: float = 0.0,
    n_resamples: int = 400,
    seed: int = 0,
) -> tuple[CalibrationWindow, ...]:
    """Calibration of each window of labels that are in order of time.

    Online Platt with calibeating (`OnlinePlatt`) goes through all labels in order. The test of a
    window is Student's, of the mean of weighted differences of outcome and forecast, with the
    spread between patients.

    Parameters
    ----------
    forecast : float array [N]
        Probability of the event, such as that the most probable condition is the true one.
    outcome : bool array [N]
        Whether it happened.
    window : int array [N]
        A number that never falls, such as that of the week in which the label came.
    review_probability : float array [N], optional
        In (0, 1]: how probable it was that a case like this got a label; 1 by default.
    units : array [N], optional
        Patient of each label; each is one by default.
    level : float
        Probability of an alarm of one window while calibration is within the tolerance.
    tolerance : float
        Difference of rate and mean forecast that is no reason for an alarm.
    n_resamples, seed : int
        Of the bootstrap.

    Raises
    ------
    UsageError
        If arrays do not fit together, a number is out of its range, or windows are not in order.
    """
    labels, number = _checked(forecast, outcome, window, review_probability, units)
    found = []
    for place, name in enumerate(np.unique(number)):
        held = number == name
        places = np.nonzero(held)[0]
        found.append(
            _window(
                labels.of(held),
                {"window": int(name), "first": int(places[0]), "last": int(places[-1])},
                level,
                tolerance,
                n_resamples,
                seed + place,
            )
        )
    return tuple(found)


def review_probabilities(strata: ArrayLike, reviewed: ArrayLike) -> Floats:
    """Share of cases with a label among the cases of the same kind.

    Parameters
    ----------
    strata : array [N]
        Kind of each case, with and without a label: what decides who gets one, such as the queue
        and whether the system abstained.
    reviewed : bool array [N]
        Which cases have a label.

    Returns
    -------
    float array [N]
        0 for kinds without any label.
    """
    kind, known = np.asarray(strata), np.asarray(reviewed, dtype=np.bool_)
    if kind.ndim != 1 or kind.shape != known.shape:
        raise UsageError(f"{known.shape} labels for kinds of cases of shape {kind.shape}")
    place = np.unique(kind, return_inverse=True)[1]
    share: Floats = np.bincount(place, known) / np.maximum(np.bincount(place), 1)
    return share[place]


def _checked(
    forecast: ArrayLike,
    outcome: ArrayLike,
    window: ArrayLike,
    review_probability: ArrayLike | None,
    units: ArrayLike | None,
) -> tuple[_Labels, NDArray[np.int64]]:
    given = np.asarray(forecast, dtype=np.float64)
    seen = np.asarray(outcome, dtype=np.bool_)
    number = np.asarray(window, dtype=np.int64)
    chance = np.asarray(
        np.ones(given.shape) if review_probability is None else review_probability, np.float64
    )
    unit = np.asarray(np.arange(len(given)) if units is None else units).astype(np.str_)
    if given.ndim != 1 or any(part.shape != given.shape for part in (seen, number, chance, unit)):
        raise UsageError("labels, forecasts, windows, probabilities and patients differ in number")
    if not ((chance > 0) & (chance <= 1)).all():
        raise UsageError("a probability of review is not in (0, 1]")
    if (np.diff(number) < 0).any():
        raise UsageError("the windows of labels are not in order of time")
    weight = 1 / chance
    if len(weight):
        weight = np.minimum(weight, LARGEST_WEIGHT * weight.min())
        weight = weight / weight.mean()  # the learning rate of online Platt is for weights about 1
    online = OnlinePlatt().stream(given, seen, weight)[1]
    return _Labels(given, online, seen.astype(np.float64), weight, unit), number


def _window(
    labels: _Labels,
    place: dict[str, int],
    level: float,
    tolerance: float,
    n_resamples: int,
    seed: int,
) -> CalibrationWindow:
    n, yes = len(labels.outcome), int(labels.outcome.sum())
    n_units = len(np.unique(labels.unit))
    counted = {**place, "n_labels": n, "n_units": n_units}
    if n < MIN_LABELS or min(yes, n - yes) < MIN_OF_EACH or n_units < MIN_UNITS:
        note = (
            f"{n} labels of {n_units} patients, {yes} of them yes; needed are {MIN_LABELS} of "
            f"{MIN_UNITS}, and {MIN_OF_EACH} of either outcome"
        )
        return CalibrationWindow(verdict=ChartVerdict.NOT_ENOUGH, note=note, **counted)
    drawn = np.concatenate(list(cluster_weights(labels.unit, n_resamples=n_resamples, seed=seed)))
    weights = np.concatenate([np.ones((1, n)), drawn]) * labels.weight

    def measured(measure: measures.Measure, forecast: Floats) -> Measured | None:
        return _with_interval(measure(forecast, labels.outcome, weights))

    p_value = _p_value(labels, tolerance)
    return CalibrationWindow(
        **counted,
        in_the_large=measured(measures.in_the_large, labels.forecast),
        slope=measured(measures.slope, labels.forecast),
        intercept=measured(measures.intercept, labels.forecast),
        brier=measured(measures.brier, labels.forecast),
        ece=measured(measures.calibration_error, labels.forecast),
        ece_expected=measures.expected_if_calibrated(
            labels.forecast, labels.weight, _EXPECTED_DRAWS, np.random.default_rng(seed)
        ),
        in_the_large_online=measured(measures.in_the_large, labels.online),
        brier_online=measured(measures.brier, labels.online),
        ece_online=measured(measures.calibration_error, labels.online),
        p_value=p_value,
        verdict=ChartVerdict.ALARM if p_value <= level else ChartVerdict.IN_CONTROL,
    )


def _with_interval(values: Floats) -> Measured | None:
    """Value of the cases as they are, and the quantiles of the resamples."""
    rest = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or len(rest) < len(values[1:]) / 2:
        return None
    low, high = np.quantile(rest, [0.025, 0.975])
    return float(values[0]), float(low), float(high)


def _p_value(labels: _Labels, tolerance: float) -> float:
    """Two-sided, that the weighted mean of outcome - forecast is within the tolerance of 0."""
    place = np.unique(labels.unit, return_inverse=True)[1]
    total = labels.weight.sum()
    off = labels.outcome - labels.forecast
    mean = float(labels.weight @ off / total)
    between = np.bincount(place, labels.weight * (off - mean))
    n_units = len(between)
    error = float(np.sqrt((between**2).sum() * n_units / (n_units - 1)) / total)
    beyond = max(abs(mean) - tolerance, 0.0)
    if error == 0:
        return 1.0 if beyond == 0 else 0.0
    return float(min(2 * stats.t.sf(beyond / error, n_units - 1), 1.0))
