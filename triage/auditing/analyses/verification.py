"""Probability that a case was verified, by stratum and level of an axis."""

from __future__ import annotations

import numpy as np

from triage.auditing.analyses.group_sums import FloatArray
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.evaluation.metrics.weighted import ratio
from triage.vocabulary.clinical import Urgency

_RIDGE = 1e-4
_STEPS, _TOLERANCE = 25, 1e-8
_TENTHS = 10
CLIPPED_ABOVE = 0.99


def verification_strata(table: AuditTable) -> tuple[LevelCodes, str] | None:
    """Return the stratum of each case and what it is made of; None without a column for it.

    Strata are the urgency of the queue and whether there was an opinion, or else the tenths of the
    probability of an urgent condition, or of the most probable class.
    """
    if table.queue_urgency is not None:
        words = [*(str(urgency) for urgency in Urgency), "not known"]
        rank = np.where(table.queue_urgency >= 0, table.queue_urgency, len(Urgency))
        if table.abstained is None:
            return LevelCodes(tuple(words), rank.astype(np.int16)), "the recommendation"
        names = tuple(f"{word}{end}" for word in words for end in ("", ", no opinion"))
        return LevelCodes(names, (2 * rank + table.abstained).astype(np.int16)), "recommendation"
    score = table.p_urgent
    basis = "tenths of the probability of an urgent condition"
    if score is None and table.probabilities is not None:
        score, basis = np.asarray(table.probabilities).max(axis=1), "tenths of the confidence"
    if score is None:
        return None
    known = np.isfinite(score)
    if not known.any():
        return None
    edges = np.quantile(score[known], np.arange(1, _TENTHS) / _TENTHS)
    tenth = np.where(known, np.searchsorted(edges, score, side="right"), _TENTHS)
    names = (*(f"tenth {number + 1}" for number in range(_TENTHS)), "not known")
    return LevelCodes(names, tenth.astype(np.int16)), basis


def fit_verification(cases: FloatArray, verified: FloatArray) -> FloatArray:
    """Fit a logistic model of verification with an effect of the stratum and one of the level.

    Newton's method on counts, with a small ridge so that a stratum of which all cases are verified
    has an estimate.

    Parameters
    ----------
    cases, verified : float array [B, R, L]
        Numbers of cases in R strata and L levels, of B samples; every sample is fitted.

    Returns
    -------
    float array [B, R, L]
    """
    n_strata, n_levels = cases.shape[1:]
    row, column = (each.ravel() for each in np.indices((n_strata, n_levels)))
    design = np.concatenate([np.eye(n_strata)[row], np.eye(n_levels)[column][:, 1:]], axis=1)
    width = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), width * width)
    n, hits = (each.reshape(len(cases), -1) for each in (cases, verified))
    found = np.zeros((len(cases), width))
    for _ in range(_STEPS):
        share = _logistic(found @ design.T)
        slope = (hits - n * share) @ design - _RIDGE * found
        curvature = ((n * share * (1 - share)) @ products).reshape(-1, width, width)
        curvature += _RIDGE * np.eye(width)
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        found += np.clip(step, -4.0, 4.0)
        if np.abs(step).max() < _TOLERANCE:
            break
    return _logistic(found @ design.T).reshape(cases.shape)


def inverse_weights(cases: FloatArray, verified: FloatArray) -> FloatArray:
    """Return the weight of a verified case, clipped at the 99th percentile of verified cases.

    Parameters
    ----------
    cases, verified : float array [B, R, L]

    Returns
    -------
    float array [B, R, L]
    """
    weights = 1 / np.maximum(fit_verification(cases, verified), 1e-9)
    flat, counts = (each.reshape(len(cases), -1) for each in (weights, verified))
    order = np.argsort(flat, axis=1)
    reached = np.cumsum(np.take_along_axis(counts, order, axis=1), axis=1)
    share = ratio(reached, np.broadcast_to(reached[:, -1:], reached.shape))
    at = np.argmax(share >= CLIPPED_ABOVE, axis=1)
    limit = np.take_along_axis(np.take_along_axis(flat, order, axis=1), at[:, None], axis=1)
    return np.minimum(flat, limit).reshape(cases.shape)


def _logistic(values: FloatArray) -> FloatArray:
    found: FloatArray = 1 / (1 + np.exp(-np.clip(values, -30.0, 30.0)))
    return found
