"""Named numbers of an analysis, with the interval that fits what they are made of."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from triage.auditing.analyses.group_sums import INFLUENCE, FloatArray, GroupSums
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.measurement import Analysis, NamedNumber
from triage.evaluation.bounded_mean import MeanDraws, draw_means
from triage.evaluation.metrics.weighted import CaseValues

SHARE, SCORE = "proportion", "score"
CLOPPER_PEARSON, KORN_GRAUBARD, GAFFKE = "Clopper-Pearson", "Korn-Graubard", "Gaffke"
NONE = "none"
_UNDEFINED_SHARE = 0.05
"""With more undefined resamples than this no interval is printed."""


def unavailable(key: str, title: str, reason: str) -> Analysis:
    """Return an analysis that is not available, with the reason."""
    return Analysis(key=key, title=title, available=False, reason=reason)


def too_few(settings: IntervalSettings) -> str:
    """Return the note of a number that has no interval."""
    return f"fewer than {settings.min_patients} patients"


def share_number(
    key: str,
    title: str,
    place: tuple[str, str],
    sums: GroupSums,
    columns: tuple[int, int, int],
    settings: IntervalSettings,
) -> NamedNumber:
    """Return a proportion with an exact interval.

    Clopper-Pearson where no two cases are of one patient, else Korn and Graubard's, with as many
    trials as the clustered cases are worth (Korn & Graubard 1998). At 0 and 1 each patient counts
    as one trial.

    Parameters
    ----------
    place : (str, str)
        Axis and level.
    columns : (int, int, int)
        Level, and the values that are the number of cases with the property and of all cases.
    """
    level, numerator, denominator = columns
    hits, n = (float(sums.totals[level, each]) for each in (numerator, denominator))
    n_patients = int(sums.patients[level, denominator])
    value = hits / n if n else None
    low = high = None
    interval, note = NONE, ""
    if value is None:
        note = "no such case"
    elif n_patients < settings.min_patients:
        note = too_few(settings)
    else:
        one_each = sums.largest[level, denominator] <= 1
        variance = 0.0 if one_each else sums.ratio_variance(level, numerator, denominator)
        trials = n if one_each else _trials(value, variance, n, n_patients, settings)
        low, high = exact_interval(value * trials, trials, settings.confidence)
        interval = CLOPPER_PEARSON if one_each else KORN_GRAUBARD
    return NamedNumber(
        key=key, title=title, axis=place[0], level=place[1], value=value, low=low, high=high,
        n=round(n), n_patients=n_patients, interval=interval, note=note,
    )  # fmt: skip


def exact_interval(hits: float, trials: float, confidence: float) -> tuple[float, float]:
    """Interval of a proportion (Clopper & Pearson 1934); the trials need not be whole."""
    tail = (1 - confidence) / 2
    misses = max(trials - hits, 0.0)
    low = stats.beta.ppf(tail, hits, misses + 1) if hits > 0 else 0.0
    high = stats.beta.ppf(1 - tail, hits + 1, misses) if misses > 0 else 1.0
    return float(low), float(high)


def _trials(
    value: float, variance: float, n: float, n_patients: int, settings: IntervalSettings
) -> float:
    if not 0 < value < 1 or n_patients < 2:
        return float(n_patients)
    tail = (1 - settings.confidence) / 2
    quantiles = stats.t.ppf(1 - tail, [n - 1, n_patients - 1])
    worth = value * (1 - value) * (quantiles[0] / quantiles[1]) ** 2
    return min(n, worth / variance) if variance > 0 else n


def drawn_number(
    key: str,
    title: str,
    place: tuple[str, str],
    value: float,
    draws: FloatArray,
    settings: IntervalSettings,
    *,
    n: int,
    n_patients: int,
    interval: str,
    unit: str = SHARE,
    unseen: float = 1.0,
    note: str = "",
) -> NamedNumber:
    """Return a number with the interval of its quantiles over draws.

    Parameters
    ----------
    value : float
        NaN where it is undefined.
    draws : float array [B]
        NaN where undefined.
    n_patients : int
        Of the scarcest kind that it needs.
    unseen : float
        The most that one patient in all may change it: an interval without width is widened by
        this times the upper bound of 0 in `n_patients` (our own step).
    """
    low = high = None
    defined = draws[np.isfinite(draws)]
    if not math.isfinite(value):
        note, interval = note or "undefined here", NONE
    elif n_patients < settings.min_patients:
        note, interval = note or too_few(settings), NONE
    elif len(defined) < (1 - _UNDEFINED_SHARE) * len(draws):
        note, interval = note or "undefined in too many resamples", NONE
    else:
        tail = (1 - settings.confidence) / 2
        low, high = (float(each) for each in np.quantile(defined, [tail, 1 - tail]))
        if high - low <= 1e-9 * max(1.0, abs(low), abs(high)):
            width = unseen * exact_interval(0, n_patients, settings.confidence)[1]
            low, high = low - width, high + width
    return NamedNumber(
        key=key, title=title, axis=place[0], level=place[1], unit=unit,
        value=float(value) if math.isfinite(value) else None, low=low, high=high,
        n=n, n_patients=n_patients, interval=interval, note=note,
    )  # fmt: skip


def mean_number(
    key: str,
    title: str,
    place: tuple[str, str],
    sums: GroupSums,
    columns: tuple[int, int, int],
    settings: IntervalSettings,
    *,
    bounds: tuple[float, float],
    unit: str = SHARE,
    note: str = "",
) -> NamedNumber:
    """Return the mean of a bounded value of cases.

    Its interval is Gaffke's (`triage.evaluation.bounded_mean`), which has width even where all
    values are equal; with more than `max_bootstrap_patients` patients that of the influence
    function.

    Parameters
    ----------
    columns : (int, int, int)
        Level, and the values that are the sum and the number of cases.
    bounds : (float, float)
        No value of any case, seen or not, lies outside.
    """
    level, numerator, denominator = columns
    total, n = (float(sums.totals[level, each]) for each in (numerator, denominator))
    n_patients = int(sums.patients[level, denominator])
    value = total / n if n else None
    low = high = None
    interval = NONE
    tail = (1 - settings.confidence) / 2
    if value is None:
        note = note or "no such case"
    elif n_patients < settings.min_patients:
        note = note or too_few(settings)
    elif n_patients > settings.max_bootstrap_patients:
        error = math.sqrt(sums.ratio_variance(level, numerator, denominator))
        half = float(stats.norm.ppf(1 - tail)) * error
        low, high, interval = value - half, value + half, INFLUENCE
    else:
        least, most = _gaffke_draws(sums, columns, bounds, settings.seed)
        low = min(value, float(np.quantile(least, tail)))
        high, interval = max(value, float(np.quantile(most, 1 - tail))), GAFFKE
    return NamedNumber(
        key=key, title=title, axis=place[0], level=place[1], unit=unit, value=value, low=low,
        high=high, n=round(n), n_patients=n_patients, interval=interval, note=note,
    )  # fmt: skip


def _gaffke_draws(
    sums: GroupSums, columns: tuple[int, int, int], bounds: tuple[float, float], seed: int
) -> MeanDraws:
    level, numerator, denominator = columns
    first = level * sums.n_values
    total, size = (
        sums.by_patient[:, [first + each]].toarray().ravel() for each in (numerator, denominator)
    )
    counted = size > 0
    part = CaseValues(total[counted] / size[counted], np.ones(int(counted.sum()), dtype=np.bool_),
                      *bounds)  # fmt: skip
    names = np.arange(int(counted.sum()))
    drawn = draw_means([part], names, weights=[size[counted]], seed=seed)  # type: ignore[arg-type]  # whole numbers name clusters as well
    return MeanDraws(drawn.least[0], drawn.most[0])


def mcnemar(helpful: int, harmful: int) -> float:
    """Exact two-sided p-value that both kinds of change are as likely (McNemar 1947)."""
    n = helpful + harmful
    return float(min(1.0, 2 * stats.binom.cdf(min(helpful, harmful), n, 0.5)))


def missing_columns(columns: dict[str, object | None]) -> str:
    """Name the columns that are absent, as the reason why an analysis is not available."""
    absent = [name for name, column in columns.items() if column is None]
    return f"the table has no {', '.join(absent)}" if absent else ""
