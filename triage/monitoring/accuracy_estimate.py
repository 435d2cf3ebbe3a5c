"""Accuracy estimated without labels: average thresholded confidence, difference of confidences."""

from __future__ import annotations

from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from triage.vocabulary.monitoring import ChartVerdict

MIN_ERRORS = 20
"""With fewer errors of the reference its threshold is not stable: ATC is not given."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccuracyReference(_Frozen):
    """What accuracy without labels is estimated from, measured on labelled cases.

    Parameters
    ----------
    n, n_units, n_errors : int
        Cases that the gate kept, their patients, and how many cases were classified wrongly.
    accuracy, mean_confidence : float
        Of these cases; confidence is the probability of the most probable condition.
    threshold : float
        ATC: the share of confidences below it is the share of errors.
    resamples : tuple of (accuracy, mean confidence, threshold)
        Of bootstrap resamples of the patients.
    ood_rate : float, optional
        Share of cases that the gate did not keep.
    """

    n: int
    n_units: int
    n_errors: int
    accuracy: float
    mean_confidence: float
    threshold: float
    resamples: tuple[tuple[float, float, float], ...] = ()
    ood_rate: float | None = None


class AccuracyEstimate(_Frozen):
    """Estimated accuracy of unlabelled cases, with 95 % intervals (bootstrap by patient).

    Parameters
    ----------
    n_cases, n_kept : int
        All, and those that the gate kept, of which the estimates are.
    ood_rate : float, optional
        Share not kept; None without cases.
    atc, doc : float, optional
        None where there are too few cases, and ATC also where the reference has too few errors.
    """

    n_cases: int
    n_kept: int
    ood_rate: float | None = None
    atc: float | None = None
    atc_low: float | None = None
    atc_high: float | None = None
    doc: float | None = None
    doc_low: float | None = None
    doc_high: float | None = None
    verdict: ChartVerdict
    note: str = ""


def fit_accuracy_reference(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    kept: ArrayLike | None = None,
    units: ArrayLike | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> AccuracyReference:
    """Measure the reference on labelled cases [N]."""
    raise NotImplementedError


def estimate_accuracy(
    reference: AccuracyReference,
    confidence: ArrayLike,
    *,
    kept: ArrayLike | None = None,
    units: ArrayLike | None = None,
    n_resamples: int = 200,
    seed: int = 0,
    min_cases: int = 30,
) -> AccuracyEstimate:
    """Estimate the accuracy of unlabelled cases [N]; `kept` says which the gate kept."""
    raise NotImplementedError


def estimate_by_group(
    reference: AccuracyReference,
    confidence: ArrayLike,
    groups: ArrayLike,
    *,
    kept: ArrayLike | None = None,
    units: ArrayLike | None = None,
    n_resamples: int = 200,
    seed: int = 0,
    min_cases: int = 30,
) -> dict[str, AccuracyEstimate]:
    """`estimate_accuracy` of each level of `groups` [N]."""
    raise NotImplementedError
