"""Accuracy estimated without labels: average thresholded confidence, difference of confidences.

Average thresholded confidence (ATC, Garg et al. 2022): on labelled cases a threshold is chosen such
that as large a share of confidences lies below it as cases were classified wrongly; the accuracy of
unlabelled cases is estimated by the share at or above it. Difference of confidences (DoC, Guillory
et al. 2021): the accuracy changes as the mean confidence does.

Both assume that cases changed in how they look, and not in what they are: cases of unknown
conditions break them, so they are computed on cases that the gate kept, with the share of the
others beside; another mix of conditions breaks ATC. How far off they are is not known for new data:
`triage.monitoring.accuracy_errors` measures it on shifts with known labels. Confidence is the
calibrated probability of the most probable condition.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from triage.errors import NotEnoughEvidence, UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.monitoring import ChartVerdict

MIN_ERRORS = 20
"""With fewer errors of the reference its threshold is not stable: ATC is not given."""
REMOVED_BY_GATE = frozenset(
    {
        AbstainReason.WRONG_MODALITY,
        AbstainReason.QUALITY,
        AbstainReason.UNSEEN_DEVICE,
        AbstainReason.UNFAMILIAR,
        AbstainReason.MISSING_METADATA,
        AbstainReason.SOFTWARE_FAULT,
    }
)
"""Reasons of abstentions that say the case is none that the system can read."""
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Share = Field(ge=0, le=1)


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
        Share of cases that the gate did not keep; None where that was not said.
    """

    n: int = Field(ge=1)
    n_units: int = Field(ge=1)
    n_errors: int = Field(ge=0)
    accuracy: float = Share
    mean_confidence: float = Share
    threshold: float
    resamples: tuple[tuple[float, float, float], ...] = ()
    ood_rate: float | None = Field(default=None, ge=0, le=1)


class AccuracyEstimate(_Frozen):
    """Estimated accuracy of unlabelled cases, with 95 % intervals (bootstrap by patient).

    The intervals hold the chance of which cases came and of which the reference was measured on;
    not the error of the method, which `accuracy_errors` measures.

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


def kept_by_gate(reasons: Sequence[str | None]) -> Bools:
    """Which cases the gate kept, by the codes of their abstentions; None or '' without one.

    Cases that are ambiguous or that the members disagree on (A5, A6) are of the kind that the
    system reads, and kept.

    Parameters
    ----------
    reasons : sequence of str or None, length N

    Returns
    -------
    bool array [N]
    """
    return np.array([reason not in REMOVED_BY_GATE for reason in reasons], dtype=np.bool_)


def fit_accuracy_reference(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    kept: ArrayLike | None = None,
    units: ArrayLike | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> AccuracyReference:
    """Measure the reference on labelled cases.

    Parameters
    ----------
    confidence : float array [N]
        In [0, 1].
    correct : bool array [N]
        Whether the most probable condition is the true one.
    kept : bool array [N], optional
        Which cases the gate kept; all by default.
    units : array [N], optional
        Patient of each case; each case is one by default.
    n_resamples, seed : int
        Of the bootstrap.

    Raises
    ------
    UsageError
        If arrays do not fit together or a confidence is not in [0, 1].
    NotEnoughEvidence
        If no case was kept.
    """
    given, held, patient = _checked(confidence, kept, units)
    right = np.asarray(correct, dtype=np.bool_)
    if right.shape != given.shape:
        raise UsageError(f"{right.shape} outcomes for confidences of shape {given.shape}")
    n_all = len(given)
    given, right, patient = given[held], right[held], patient[held]
    if not len(given):
        raise NotEnoughEvidence("the gate kept no labelled case: accuracy cannot be measured")
    drawn = np.concatenate(list(cluster_weights(patient, n_resamples=n_resamples, seed=seed)))
    every = _measured(given, right, np.concatenate([np.ones((1, len(given))), drawn]))
    accuracy, mean, threshold = (float(value) for value in every[0])
    return AccuracyReference(
        n=len(given),
        n_units=len(np.unique(patient)),
        n_errors=int((~right).sum()),
        accuracy=min(accuracy, 1.0),
        mean_confidence=min(mean, 1.0),
        threshold=threshold,
        resamples=tuple((float(a), float(c), float(t)) for a, c, t in every[1:]),
        ood_rate=None if kept is None else 1 - len(given) / n_all,
    )


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
    """Estimate the accuracy of unlabelled cases.

    Parameters
    ----------
    reference : AccuracyReference
    confidence : float array [N]
        In [0, 1]; of cases that were not kept it may be NaN.
    kept : bool array [N], optional
        Which cases the gate kept; all by default.
    units : array [N], optional
        Patient of each case; each case is one by default.
    n_resamples, seed : int
        Of the bootstrap.
    min_cases : int
        Fewer kept cases are not enough evidence.

    Raises
    ------
    UsageError
        If arrays do not fit together or a confidence of a kept case is not in [0, 1].
    """
    given, held, patient = _checked(confidence, kept, units)
    n_cases, given, patient = len(given), given[held], patient[held]
    ood_rate = 1 - len(given) / n_cases if n_cases else None
    if len(given) < max(min_cases, 1):
        note = f"{len(given)} cases were kept by the gate; at least {min_cases} are needed"
        return AccuracyEstimate(
            n_cases=n_cases,
            n_kept=len(given),
            ood_rate=ood_rate,
            verdict=ChartVerdict.NOT_ENOUGH,
            note=note,
        )
    point = (reference.accuracy, reference.mean_confidence, reference.threshold)
    sources = np.array(reference.resamples or (point,))
    drawn = np.concatenate(list(cluster_weights(patient, n_resamples=n_resamples, seed=seed)))
    source = sources[np.arange(len(drawn)) % len(sources)]
    atc, doc = _estimates(given, np.ones((1, len(given))), np.array([point]))
    atc_spread, doc_spread = (_interval(values) for values in _estimates(given, drawn, source))
    found: dict[str, float | None] = {
        "doc": float(doc[0]),
        "doc_low": doc_spread[0],
        "doc_high": doc_spread[1],
    }
    note = ""
    if reference.n_errors >= MIN_ERRORS:
        found |= {"atc": float(atc[0]), "atc_low": atc_spread[0], "atc_high": atc_spread[1]}
    else:
        note = (
            f"no thresholded confidence: the reference has {reference.n_errors} errors, at least "
            f"{MIN_ERRORS} are needed"
        )
    return AccuracyEstimate(
        n_cases=n_cases,
        n_kept=len(given),
        ood_rate=ood_rate,
        verdict=ChartVerdict.IN_CONTROL,
        note=note,
        **found,
    )


def _checked(
    confidence: ArrayLike, kept: ArrayLike | None, units: ArrayLike | None
) -> tuple[Floats, Bools, NDArray[np.str_]]:
    given = np.asarray(confidence, dtype=np.float64)
    held = np.ones(given.shape, np.bool_) if kept is None else np.asarray(kept, dtype=np.bool_)
    patient = np.asarray(np.arange(len(given)) if units is None else units).astype(np.str_)
    if given.ndim != 1 or held.shape != given.shape or patient.shape != given.shape:
        shapes = f"{given.shape}, {held.shape} and {patient.shape}"
        raise UsageError(f"confidences, kept cases and patients have shapes {shapes}, not [N]")
    inside = (given >= 0) & (given <= 1 + 1e-6)
    if not inside[held].all():
        raise UsageError("a confidence is not between 0 and 1")
    return np.minimum(given, 1.0), held, patient


def _measured(confidence: Floats, correct: Bools, weights: Floats) -> Floats:
    """Accuracy, mean confidence and ATC threshold of B weightings of cases, float [B, 3].

    Thresholds that are tried are the distinct confidences, from the lowest, and infinity; the first
    whose weight below it is nearest to the weight of errors is taken.
    """
    order = np.argsort(confidence, kind="stable")
    ranked, right, weight = confidence[order], correct[order], weights[:, order]
    total = weight.sum(axis=1)
    starts = np.nonzero(np.append(True, ranked[1:] != ranked[:-1]))[0]
    below = np.concatenate([np.zeros((len(weight), 1)), np.cumsum(weight, axis=1)], axis=1)
    tried = np.append(ranked[starts], np.inf)
    gap = np.abs(below[:, np.append(starts, len(ranked))] - (weight @ ~right)[:, None])
    # Sums of whole numbers are exact, so the first of equal gaps does not depend on rounding.
    threshold = tried[gap.argmin(axis=1)]
    # JSON holds no infinity; no confidence is above 1.
    threshold = np.minimum(threshold, 2.0)
    found: Floats = np.stack(
        [(weight @ right) / total, (weight @ ranked) / total, threshold], axis=1
    )
    return found


def _estimates(confidence: Floats, weights: Floats, source: Floats) -> tuple[Floats, Floats]:
    """ATC and DoC of B weightings of cases, each by its own reference [B, 3]."""
    total = weights.sum(axis=1)
    order = np.argsort(confidence, kind="stable")
    upto = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights[:, order], axis=1)], 1)
    first = np.searchsorted(confidence[order], source[:, 2], side="left")
    atc: Floats = 1 - upto[np.arange(len(weights)), first] / total
    doc: Floats = np.clip(source[:, 0] + (weights @ confidence) / total - source[:, 1], 0.0, 1.0)
    return atc, doc


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
