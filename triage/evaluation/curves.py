"""Counts and curves for charts: confusion, reliability, risk against coverage."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from triage.evaluation.bootstrap_intervals import CONFIDENCE, clopper_pearson
from triage.evaluation.metrics.bins import N_BINS, equal_width_bin
from triage.evaluation.metrics.classification import correct
from triage.evaluation.metrics.weighted import FloatArray
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.results import Confusion, ReliabilityBin, RiskCoverage, RiskPoint

OUTLIERS, NO_OPINION = "outliers", "no AI opinion"
GRID = np.linspace(0.05, 1.0, 39)
"""Coverages at which risk is reported."""


def confusion(outcomes: Outcomes) -> Confusion:
    """Count answers by truth; abstained cases fill the last column, outliers the last row."""
    n = len(outcomes.classes)
    row = np.where(outcomes.is_outlier, n, outcomes.truth)
    column = np.where(outcomes.abstained, n, outcomes.probabilities.argmax(axis=1))
    counts = np.zeros((n + 1, n + 1), dtype=np.int64)
    np.add.at(counts, (row, column), 1)
    return Confusion(
        rows=[*outcomes.classes, OUTLIERS],
        columns=[*outcomes.classes, NO_OPINION],
        counts=counts.tolist(),
    )


def reliability(outcomes: Outcomes) -> list[ReliabilityBin]:
    """Mean confidence and accuracy of inliers in each bin of `ece`.

    Each accuracy carries a Clopper-Pearson interval with one trial a cluster.
    """
    inlier = ~outcomes.is_outlier
    confidence, right = outcomes.probabilities.max(axis=1), correct(outcomes)
    bins = equal_width_bin(confidence)
    found = []
    for index in range(N_BINS):
        members = inlier & (bins == index)
        count = int(members.sum())
        share = float(right[members].mean()) if count else None
        low = high = None
        if share is not None:
            trials = len(np.unique(outcomes.cluster[members]))
            low, high = clopper_pearson(share * trials, trials)
        found.append(
            ReliabilityBin(
                lower=index / N_BINS,
                upper=(index + 1) / N_BINS,
                count=count,
                confidence=float(confidence[members].mean()) if count else None,
                accuracy=share,
                low=low,
                high=high,
            )
        )
    return found


def risk_coverage(outcomes: Outcomes, resamples: Iterable[FloatArray]) -> RiskCoverage:
    """Risk against coverage when cases are answered in order of their OOD score, lowest first.

    El-Yaniv & Wiener 2010; outliers that are answered count as errors. Cases of equal
    score are answered together: at a coverage inside such a tie the risk is that of
    answering part of the tie at random.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    resamples : iterable of float array [b, N]
        Case weights, for the band.
    """
    wrong = ~correct(outcomes)
    curve = risk_at_grid(outcomes, np.ones((1, len(outcomes))))[0]
    drawn = np.concatenate([risk_at_grid(outcomes, weights) for weights in resamples])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    answered = ~outcomes.abstained
    return RiskCoverage(
        points=[
            RiskPoint(coverage=c, risk=r, low=a, high=b)
            for c, r, a, b in zip(
                GRID.round(6).tolist(), curve.tolist(), low.tolist(), high.tolist(), strict=True
            )
        ],
        random_risk=float(wrong.mean()),
        operating_coverage=float(answered.mean()),
        operating_risk=float(wrong[answered].mean()) if answered.any() else None,
    )


def risk_at_grid(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Risk at each coverage of `GRID` for each resample, [B, len(GRID)]; see `risk_coverage`."""
    wrong = ~correct(outcomes)
    order = np.argsort(outcomes.ood_score, kind="stable")
    scores = outcomes.ood_score[order]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    kept = np.add.reduceat(weights[:, order], starts, axis=1).cumsum(axis=1)
    errors = np.add.reduceat(weights[:, order] * wrong[order], starts, axis=1).cumsum(axis=1)
    risks = np.empty((len(weights), len(GRID)))
    for row, (n, bad) in enumerate(zip(kept, errors, strict=True)):
        answered = GRID * n[-1]
        risks[row] = np.interp(answered, np.r_[0.0, n], np.r_[0.0, bad]) / answered
    return risks
