"""Which interval a metric gets, and its making."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals.binomial import Binomial, ClusteredBinomial
from triage.auditing.intervals.bounded import BoundedMean
from triage.auditing.intervals.resampling import is_biased, most_bias, resampled_limits
from triage.auditing.intervals.result import Evidence, IntervalResult, Law
from triage.auditing.intervals.scaled import Scale, Scaled, scale_of, scaled_from_limits, student
from triage.auditing.measured import Measured
from triage.evaluation.bootstrap_intervals import POINT, widened
from triage.evaluation.estimates import MAX_UNDEFINED
from triage.evaluation.proportion_difference import wilson

CLOPPER_PEARSON, KORN_GRAUBARD, GAFFKE = "Clopper-Pearson", "Korn-Graubard", "Gaffke"
INFLUENCE, NONE = "influence function", "none"


def interval_of(measured: Measured, settings: IntervalSettings) -> IntervalResult:
    """Make the interval of a metric on one set of cases.

    Parameters
    ----------
    measured : Measured
    settings : IntervalSettings

    Returns
    -------
    IntervalResult
        Without limits where the value is undefined or there are fewer than
        `settings.min_patients` patients.
    """
    drawn = measured.replicates
    undefined = 0 if drawn is None else int(np.isnan(drawn).sum())
    freedom = float(max(measured.n_patients - 1, 1))
    few = measured.n_patients < settings.min_patients
    if few or not math.isfinite(measured.value) or not np.isfinite(measured.influence).all():
        return IntervalResult(None, None, NONE, "not enough", undefined, freedom=freedom)
    method, law = _law(measured, settings)
    low, high = law.limits(settings.confidence)
    low, high = max(low, measured.bounds[0]), min(high, measured.bounds[1])
    share = undefined / len(drawn) if drawn is not None and len(drawn) else 0.0
    evidence: Evidence = "enough" if share <= MAX_UNDEFINED else "not enough"
    display: tuple[float | None, float | None] = (None, None)
    trials = None
    if isinstance(law, Binomial):
        trials = law.trials
        display = wilson(law.value * trials, trials, quantile=_normal(settings.confidence))
    elif isinstance(law, ClusteredBinomial) and measured.n_positive is not None:
        trials = law.trials((1 - settings.confidence) / 2)
        quantile = student(settings.confidence, freedom)
        display = wilson(law.value * trials, trials, quantile=quantile)
    return IntervalResult(
        low, high, method, evidence, undefined, *display, trials=trials, freedom=freedom, law=law
    )


def patient_variance(measured: Measured) -> float:
    """Return the variance of the value over patients, from their influences.

    The sum of squares times C / (C - 1): the infinitesimal jackknife (Efron 1982), with the
    divisor of the sample variance.
    """
    count = len(measured.influence)
    return float(measured.influence @ measured.influence) * count / max(count - 1, 1)


def _normal(confidence: float) -> float:
    return -float(special.ndtri((1 - confidence) / 2))


def _law(measured: Measured, settings: IntervalSettings) -> tuple[str, Law]:
    variance = patient_variance(measured)
    if measured.n_positive is not None:
        if measured.one_case_a_patient:
            return CLOPPER_PEARSON, Binomial(measured.n_positive / measured.n, measured.n)
        return KORN_GRAUBARD, ClusteredBinomial.of_proportion(measured, variance)
    bounded = measured.sums is not None and measured.sizes is not None
    if bounded and len(measured.patients) <= settings.max_bootstrap_patients:
        return GAFFKE, BoundedMean.of(measured)
    bounds = measured.case_bounds if bounded else measured.bounds
    if _constant(measured, variance):
        return _of_constant(measured, bounds, settings)
    found = None
    if measured.replicates is not None:
        found = resampled_limits(measured, settings.confidence)
    scale = scale_of(bounds, measured.value)
    freedom = max(measured.n_patients - 1, 1)
    if found is not None:
        method, limits = found
        return method, scaled_from_limits(
            measured.value, limits, settings.confidence, freedom, scale
        )
    error = math.sqrt(variance)
    if is_biased(measured):  # a logarithm has no room for a true value of zero
        quantile = student(settings.confidence, freedom)
        below = error + most_bias(error) / quantile
        return INFLUENCE, Scaled(measured.value, below, error, freedom, Scale())
    error *= scale.slope(measured.value)
    return INFLUENCE, Scaled(scale.to(measured.value), error, error, freedom, scale)


def _constant(measured: Measured, variance: float) -> bool:
    """Return whether nothing varied between patients: by the resamples where there are any."""
    least = POINT * max(1.0, abs(measured.value))
    if measured.replicates is None:
        return math.sqrt(variance) <= least
    defined = measured.replicates[np.isfinite(measured.replicates)]
    return defined.size == 0 or bool(np.ptp(defined) <= least)


def _of_constant(
    measured: Measured, bounds: tuple[float, float], settings: IntervalSettings
) -> tuple[str, Law]:
    """Return an interval with width where nothing varied between the patients."""
    if all(map(math.isfinite, bounds)) and bounds[0] <= measured.value <= bounds[1]:
        count = measured.n_patients
        return KORN_GRAUBARD, ClusteredBinomial(measured.value, 0.0, count, count, *bounds)
    low, high = widened(measured.value, measured.value, measured.n_patients)
    freedom = max(measured.n_patients - 1, 1)
    quantile = student(settings.confidence, freedom)
    error = (high - low) / 2 / quantile
    return INFLUENCE, Scaled(measured.value, error, error, freedom, Scale())
