"""Areas and rates of a score that ranks positive cases above negative ones.

Sums are the cases of each kind at each step of the score, highest first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from triage.evaluation.metrics.cases import Cases
from triage.evaluation.metrics.clinical import URGENT
from triage.evaluation.metrics.sums import Entry, SumForm, Sums, Terms
from triage.evaluation.metrics.weighted import FloatArray, ratio, share_of
from triage.uncertainty.auroc import area_of_steps


@dataclass(frozen=True)
class RankSums(Sums):
    """Positive cases at each step of a score, then negative ones of one or more kinds."""

    @cached_property
    def positives(self) -> FloatArray:
        """Positive cases, highest score first, [B, G]."""
        return self.values[:, : self._steps]

    @cached_property
    def negatives(self) -> FloatArray:
        """Negative cases, [B, G]."""
        kinds = self.values[:, self._steps :]
        shape = (len(kinds), -1, self._steps)
        found: FloatArray = kinds if self._kinds == 2 else kinds.reshape(shape).sum(axis=1)
        return found

    @cached_property
    def found(self) -> FloatArray:
        """Positive cases down to each step, [B, G]."""
        return self.positives.cumsum(axis=1)

    @cached_property
    def alarms(self) -> FloatArray:
        """Negative cases down to each step, [B, G]."""
        return self.negatives.cumsum(axis=1)

    def spread(self, by_positive: FloatArray, by_negative: FloatArray) -> FloatArray:
        """Return a gradient by every sum from those by positives and negatives [G] each."""
        return np.concatenate([by_positive, *[by_negative] * (self._kinds - 1)])

    @property
    def _kinds(self) -> int:
        return 2

    @property
    def _steps(self) -> int:
        return self.terms.size // self._kinds


@dataclass(frozen=True)
class OodSums(RankSums):
    """Outliers, rightly and wrongly named inliers at each step of the OOD score."""

    @property
    def _kinds(self) -> int:
        return 3

    @cached_property
    def errors(self) -> FloatArray:
        """Cases that are an error to answer: outliers and wrongly named inliers, [B, G]."""
        found: FloatArray = self.positives + self.values[:, 2 * self._steps :]
        return found

    @cached_property
    def rights(self) -> FloatArray:
        """Rightly named inliers, [B, G]."""
        return self.values[:, self._steps : 2 * self._steps]


def ood_terms(cases: Cases) -> Terms:
    """Return what labelled cases add to `OodSums`."""
    step, size, binned = cases.steps("ood_score")
    kind = np.where(cases.is_outlier, 0, np.where(cases.correct, 1, 2))
    return Terms(3 * size, (Entry(kind * size + step, cases.labelled),), binned=binned)


def urgent_terms(cases: Cases) -> Terms:
    """Return what urgent and less urgent cases add to `RankSums` of the probability of urgent."""
    step, size, binned = cases.steps("p_urgent")
    negative = cases.true_urgency != URGENT
    return Terms(2 * size, (Entry(negative * size + step, cases.true_urgency >= 0),), binned=binned)


def auroc_value(sums: RankSums) -> FloatArray:
    """Area under the ROC curve of each resample."""
    return area_of_steps(sums.positives, sums.negatives)


def auroc_gradient(sums: RankSums) -> FloatArray:
    """Derivative of the area by the cases at each step: the placement of each, less the area."""
    hits, others = sums.positives[0], sums.negatives[0]
    pairs = hits.sum() * others.sum()
    above = hits.cumsum() - hits / 2
    below = others.sum() - others.cumsum() + others / 2
    area = (others * above).sum() / pairs
    return sums.spread(below / pairs - area / hits.sum(), above / pairs - area / others.sum())


def auroc_bound(sums: RankSums) -> float:
    """Half of the pairs whose scores share a bin: so much the area may be wrong by, each way."""
    hits, others = sums.positives[0], sums.negatives[0]
    return float((hits * others).sum() / (2 * hits.sum() * others.sum()))


def aupr_value(sums: RankSums) -> FloatArray:
    """Average precision of each resample: the sum of precision times each step in recall."""
    precision = share_of(sums.found, sums.found + sums.alarms)
    average = ratio((sums.positives * precision).sum(axis=1), sums.positives.sum(axis=1))
    return np.where(sums.negatives.sum(axis=1) > 0, average, np.nan)


def aupr_gradient(sums: RankSums) -> FloatArray:
    """Derivative of the average precision by the cases at each step."""
    hits, others = sums.positives[0], sums.negatives[0]
    found, flagged = hits.cumsum(), hits.cumsum() + others.cumsum()
    total, value = hits.sum(), aupr_value(sums)[0]
    precision = share_of(found, flagged)
    gain, loss = (
        share_of(hits * part, flagged**2)[::-1].cumsum()[::-1] for part in (flagged - found, found)
    )
    return sums.spread((precision + gain - value) / total, -loss / total)


def aupr_bound(sums: RankSums) -> float:
    """Return how far the precision at outliers can differ within their bins, averaged."""
    hits, others = sums.positives[0], sums.negatives[0]
    found, flagged = hits.cumsum(), hits.cumsum() + others.cumsum()
    before = found - hits
    used = share_of(found, flagged)
    most = share_of(found, flagged - others)
    least = share_of(before + 1, before + 1 + others.cumsum())
    off = np.maximum(most - used, used - np.minimum(least, used))
    return float((hits * off).sum() / hits.sum())


def _threshold(sums: RankSums) -> Any:
    """Return the first step at which 95 % of the positives are found, int [B]."""
    total = sums.positives.sum(axis=1)
    # 20 * found >= 19 * total is exact for whole counts, where 0.95 * total is not.
    return (20 * sums.found >= 19 * total[:, None]).argmax(axis=1)


def fpr95_value(sums: RankSums) -> FloatArray:
    """Share of negatives flagged at the highest threshold that flags 95 % of positives.

    Only thresholds that exist are used: all cases scoring at least the threshold are
    flagged, so ties are flagged together and nothing is interpolated.
    """
    first = _threshold(sums)
    flagged = sums.alarms[np.arange(len(first)), first]
    share = ratio(flagged, sums.negatives.sum(axis=1))
    return np.where(sums.positives.sum(axis=1) > 0, share, np.nan)


def fpr95_gradient(sums: RankSums) -> FloatArray:
    """Derivative of the false positive rate by the cases at each step, with the curve smoothed.

    An empirical ROC curve is a staircase without a useful derivative, so its slope is taken
    between the true positive rates 0.95 - h and 0.95 + h, with h = min(0.04, 1 / sqrt(P)) of P
    positives (our choice). The variance that follows is that of Hsieh & Turnbull 1996:
    R (1 - R) / N + slope^2 0.95 (1 - 0.95) / P.
    """
    hits, others = sums.positives[0], sums.negatives[0]
    first = int(_threshold(sums)[0])
    tpr, fpr = hits.cumsum() / hits.sum(), others.cumsum() / others.sum()
    h = min(0.04, 1 / np.sqrt(hits.sum()))
    low, high = (min(int(np.searchsorted(tpr, 0.95 + by)), len(tpr) - 1) for by in (-h, h))
    rise = tpr[high] - tpr[low]
    slope = (fpr[high] - fpr[low]) / rise if rise > 0 else 0.0
    flagged = np.arange(len(hits)) <= first
    by_positive = slope * (tpr[first] - flagged) / hits.sum()
    return sums.spread(by_positive, (flagged - fpr[first]) / others.sum())


def fpr95_bound(sums: RankSums) -> float:
    """Share of negatives in the bin of the threshold."""
    first = int(_threshold(sums)[0])
    return float(sums.negatives[0, first] / sums.negatives[0].sum())


def _both_kinds(gradient: Callable[[Any], FloatArray]) -> Callable[[Any], FloatArray]:
    """Return NaN where there are not both kinds, as the value is then."""

    def found(sums: RankSums) -> FloatArray:
        if sums.positives[0].sum() > 0 and sums.negatives[0].sum() > 0:
            return gradient(sums)
        return np.full(sums.terms.size, np.nan)

    return found


OOD_AUROC = SumForm(ood_terms, OodSums, auroc_value, _both_kinds(auroc_gradient), auroc_bound)
"""Probability that an outlier scores above an inlier, ties counting one half.

The Mann-Whitney form of the area under the ROC curve: Hanley & McNeil 1982.
"""
OOD_AUPR = SumForm(ood_terms, OodSums, aupr_value, _both_kinds(aupr_gradient), aupr_bound)
"""Average precision of finding outliers, without interpolation, as in scikit-learn."""
OOD_FPR95 = SumForm(ood_terms, OodSums, fpr95_value, _both_kinds(fpr95_gradient), fpr95_bound)
"""Share of inliers flagged at the highest threshold that flags 95 % of outliers."""
AUROC_URGENT = SumForm(
    urgent_terms, RankSums, auroc_value, _both_kinds(auroc_gradient), auroc_bound
)
"""Probability that an urgent case has a larger probability of urgent than one that is not."""
