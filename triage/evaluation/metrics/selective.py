"""Selective prediction: the risk of the answered cases at each coverage.

Cases are answered in order of their OOD score, lowest first. Answering an outlier is an error, and
so is naming the wrong condition of an inlier. The selective risk at a coverage is the share of
errors among the cases answered so far (El-Yaniv & Wiener 2010). Cases of equal score are answered
in random order, and the exact expectation over that order is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import digamma, polygamma

from triage.evaluation.metrics.ranking import OodSums, ood_terms
from triage.evaluation.metrics.sums import SumForm
from triage.evaluation.metrics.weighted import FloatArray, ratio, share_of

_MOST_TABULATED = 2**22


def _digamma_after(count: FloatArray) -> FloatArray:
    """Return digamma(count + 1), from a table where all counts are whole, which is faster."""
    largest = count.max(initial=0.0)
    if count.size > largest and largest < _MOST_TABULATED and not (count % 1).any():
        table: FloatArray = digamma(np.arange(1.0, largest + 2.0))
        return table[count.astype(np.int64)]
    found: FloatArray = digamma(count + 1)
    return found


@dataclass(frozen=True)
class RiskSums(OodSums):
    """The sums of `OodSums`, and the area under the risk-coverage curve."""

    @cached_property
    def aurc(self) -> FloatArray:
        """Selective risk averaged over all n coverages, [B]; NaN without a case.

        AURC = 1/n * sum_i risk_i, with risk_i that of the i cases answered first: Geifman, Uziel &
        El-Yaniv 2019. Of a tie of m cases with e errors after a cases with b errors,
        the j-th has the expected risk (b + e j / m) / (a + j); summed over j this is
        e + (b - e a / m) (H(a + m) - H(a)), with H the harmonic numbers.
        """
        errors = self.errors[:, ::-1]
        tied = errors + self.rights[:, ::-1]
        answered, wrong = tied.cumsum(axis=1), errors.cumsum(axis=1)
        harmonic = _digamma_after(answered)
        # digamma(1) is the harmonic number of no case
        none = np.full((len(errors), 1), digamma(1.0))
        before = np.concatenate([none, harmonic[:, :-1]], axis=1)
        share = share_of(errors, tied)
        risks = errors + (wrong - errors - share * (answered - tied)) * (harmonic - before)
        return ratio(risks.sum(axis=1), answered[:, -1])

    @cached_property
    def total(self) -> FloatArray:
        """Number of cases, [B]."""
        found: FloatArray = self.values.sum(axis=1)
        return found

    @cached_property
    def wrong(self) -> FloatArray:
        """Number of errors, [B]."""
        found: FloatArray = self.errors.sum(axis=1)
        return found


def _least(sums: RiskSums) -> FloatArray:
    """AURC with every error answered last: (E - (n - E) (H(n) - H(n - E))) / n."""
    right = sums.total - sums.wrong
    harmonic = digamma(sums.total + 1) - digamma(right + 1)
    return ratio(sums.wrong - right * harmonic, sums.total)


def _by_kind(sums: RiskSums, by_error: FloatArray, by_right: FloatArray) -> FloatArray:
    """Return a gradient by outliers, rightly and wrongly named inliers at each step."""
    return np.concatenate([by_error, by_right, by_error])


def _aurc_gradient(sums: RiskSums) -> FloatArray:
    """Derivative of the sum of the area by the cases and the errors of each tie (derived)."""
    e, m = sums.errors[0, ::-1], (sums.errors + sums.rights)[0, ::-1]
    after, wrong = m.cumsum(), e.cumsum()
    before, found = after - m, wrong - e
    h = digamma(after + 1) - digamma(before + 1)
    curve_after, curve_before = polygamma(1, after + 1), polygamma(1, before + 1)
    share, places = (share_of(part, m) for part in (e, before))
    lead = found - share * before
    by_m = (
        share * places * h
        + lead * curve_after
        + _later(lead * (curve_after - curve_before) - share * h)
    )
    by_e = 1 - places * h + _later(h)
    n, area = sums.total[0], sums.aurc[0]
    by_right = (by_m - area) / n
    return _by_kind(sums, (by_right + by_e / n)[::-1], by_right[::-1])


def _later(values: FloatArray) -> FloatArray:
    """Return the sum of all later values at each place."""
    found: FloatArray = values.sum() - values.cumsum()
    return found


def _least_gradient(sums: RiskSums) -> FloatArray:
    n, wrong = sums.total[0], sums.wrong[0]
    right = n - wrong
    h, least = digamma(n + 1) - digamma(right + 1), _least(sums)[0]
    curve_n, curve_right = polygamma(1, n + 1), polygamma(1, right + 1)
    by_wrong = (1 - right * curve_n - least) / n
    by_right = (-h - right * (curve_n - curve_right) - least) / n
    ones = np.ones(sums.errors.shape[1])
    return _by_kind(sums, by_wrong * ones, by_right * ones)


def _risk_gradient(sums: RiskSums) -> FloatArray:
    n, wrong = sums.total[0], sums.wrong[0]
    ones = np.ones(sums.errors.shape[1])
    return _by_kind(sums, (1 - wrong / n) / n * ones, -wrong / n**2 * ones)


def _aurc_bound(sums: RiskSums) -> float:
    """Largest error of the area where the order within bins is not known (derived).

    Within a bin of m cases with e errors the number of errors so far differs from its expected one
    by at most e (m - e) / m.
    """
    e, m = sums.errors[0, ::-1], (sums.errors + sums.rights)[0, ::-1]
    after = m.cumsum()
    h = digamma(after + 1) - digamma(after - m + 1)
    return float((share_of(e * (m - e), m) * h).sum() / sums.total[0])


AURC = SumForm(ood_terms, RiskSums, lambda sums: sums.aurc, _aurc_gradient, _aurc_bound)
"""Area under the risk-coverage curve; between 0 and 1."""

E_AURC = SumForm(
    ood_terms,
    RiskSums,
    lambda sums: np.maximum(sums.aurc - _least(sums), 0.0),
    lambda sums: _aurc_gradient(sums) - _least_gradient(sums),
    _aurc_bound,
)
"""AURC above the least that any order could reach, with every error answered last.

Geifman, Uziel & El-Yaniv 2019; the least is summed exactly, not by their approximation.
"""

AURC_GAIN = SumForm(
    ood_terms,
    RiskSums,
    lambda sums: ratio(sums.wrong, sums.total) - sums.aurc,
    lambda sums: _risk_gradient(sums) - _aurc_gradient(sums),
    _aurc_bound,
)
"""AURC of random referral less AURC: what the order of the OOD score is worth.

Answered in random order, the expected risk is the overall share of errors at every coverage, and so
is its area. Negative where the order is worse than random.
"""
