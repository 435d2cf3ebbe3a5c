"""Selective prediction: the risk of the answered cases at each coverage.

Cases are answered in order of their OOD score, lowest first. Answering an outlier is an error, and
so is naming the wrong condition of an inlier. The selective risk at a coverage is the share of
errors among the cases answered so far (El-Yaniv & Wiener 2010). Cases of equal score are answered
in random order, and the exact expectation over that order is used.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from triage.evaluation.metrics.classification import correct
from triage.evaluation.metrics.weighted import FloatArray, ratio
from triage.evaluation.outcomes import Outcomes


def aurc(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Area under the risk-coverage curve: selective risk averaged over all n coverages.

    AURC = 1/n * sum_i risk_i, with risk_i that of the i cases answered first: Geifman, Uziel &
    El-Yaniv 2019. Of a tie of m cases with e errors after a cases with b errors,
    the j-th has the expected risk (b + e j / m) / (a + j); summed over j this is
    e + (b - e a / m) (H(a + m) - H(a)), with H the harmonic numbers.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        Between 0 and 1; NaN where a resample has no case.
    """
    order = np.argsort(outcomes.ood_score, kind="stable")
    scores = outcomes.ood_score[order]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    drawn = weights[:, order]
    tied = np.add.reduceat(drawn, starts, axis=1)
    errors = np.add.reduceat(drawn * ~correct(outcomes)[order], starts, axis=1)
    answered, wrong = tied.cumsum(axis=1), errors.cumsum(axis=1)
    harmonic = digamma(answered + 1)
    # digamma(1) is the harmonic number of no case
    before = np.concatenate([np.full((len(weights), 1), digamma(1.0)), harmonic[:, :-1]], axis=1)
    share = np.nan_to_num(ratio(errors, tied))
    risks = errors + (wrong - errors - share * (answered - tied)) * (harmonic - before)
    return ratio(risks.sum(axis=1), answered[:, -1])


def e_aurc(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """AURC above the least that any order could reach, with every error answered last.

    Geifman, Uziel & El-Yaniv 2019; the least is summed exactly, not by their approximation:
    with E errors of n it is (E - (n - E) (H(n) - H(n - E))) / n.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        At least 0; NaN where a resample has no case.
    """
    total = weights.sum(axis=1)
    errors = weights @ (~correct(outcomes)).astype(np.float64)
    right = total - errors
    least = ratio(errors - right * (digamma(total + 1) - digamma(right + 1)), total)
    return np.maximum(aurc(outcomes, weights) - least, 0.0)


def aurc_gain(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """AURC of random referral less AURC: what the order of the OOD score is worth.

    Answered in random order, the expected risk is the overall share of errors at every
    coverage, and so is its area.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        Negative where the order is worse than random; NaN where a resample has no case.
    """
    wrong = weights @ (~correct(outcomes)).astype(np.float64)
    return ratio(wrong, weights.sum(axis=1)) - aurc(outcomes, weights)
