"""Calibration error of the probabilities given to inliers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triage.evaluation.metrics.bins import N_BINS, Bins, equal_mass_bin, equal_width_bin
from triage.evaluation.metrics.cases import Cases, Column
from triage.evaluation.metrics.sums import Entry, SumForm, Sums, Terms
from triage.evaluation.metrics.weighted import FloatArray, ratio


def _gap_form(terms: Callable[[Cases], Terms]) -> SumForm:
    """Return the form: sum of the sizes of all sums but the last, divided by the last."""
    return SumForm(terms, Sums, _mean_gap, _gap_gradient)


def _mean_gap(sums: Sums) -> FloatArray:
    return ratio(np.abs(sums.values[:, :-1]).sum(axis=1), sums.values[:, -1])


def _gap_gradient(sums: Sums) -> FloatArray:
    gaps, count = sums.values[0, :-1], sums.values[0, -1]
    found: FloatArray = np.append(np.sign(gaps), -np.abs(gaps).sum() / count) / count
    return found


def _top_terms(cases: Cases, bins: Bins) -> Terms:
    inlier = cases.is_inlier
    gap = np.where(inlier, cases.correct - cases.confidence, 0.0)
    return Terms(N_BINS + 1, (Entry(bins, gap), Entry(N_BINS, inlier)))


def _ece_terms(cases: Cases) -> Terms:
    return _top_terms(cases, equal_width_bin(cases.confidence))


def _equal_mass_terms(cases: Cases) -> Terms:
    return _top_terms(cases, equal_mass_bin(cases.confidence, cases.is_inlier))


def _classwise_terms(cases: Cases, bin_of: Callable[[Column], Bins]) -> Terms:
    inlier, k = cases.is_inlier, len(cases.classes)
    entries = []
    for label in range(k):
        p = cases.probability(label)
        gap = np.where(inlier, (cases.truth == label) - p, 0.0) / k
        entries.append(Entry(bin_of(p) + label * N_BINS, gap))
    return Terms(k * N_BINS + 1, (*entries, Entry(k * N_BINS, inlier)))


def _equal_width_classes(cases: Cases) -> Terms:
    return _classwise_terms(cases, equal_width_bin)


def _equal_mass_classes(cases: Cases) -> Terms:
    inlier = cases.is_inlier
    return _classwise_terms(cases, lambda p: equal_mass_bin(p, inlier))


ECE = _gap_form(_ece_terms)
"""Expected calibration error of top-1 confidence on inliers, 15 equal-width bins.

The sum over bins of n_b / n * |accuracy_b - confidence_b|: Guo et al. 2017, eq. 3.
"""

ECE_EQUAL_MASS = _gap_form(_equal_mass_terms)
"""Like `ECE`, over 15 bins of equally many inliers.

Nguyen & O'Connor 2015. The bins are fixed by the unweighted cases; equal confidences share one.
"""

CLASSWISE_ECE = _gap_form(_equal_width_classes)
"""Calibration error of each condition's probability on inliers, averaged over conditions.

Kull et al. 2019, with 15 equal-width bins. Every condition of the system counts equally, also one
that no case has.
"""

ADAPTIVE_ECE = _gap_form(_equal_mass_classes)
"""Like `CLASSWISE_ECE`, over 15 ranges of each condition with equally many inliers.

The adaptive calibration error (ACE) of Nixon et al. 2019. Ranges are fixed by the unweighted cases
and weigh as much as the cases in them: the paper's plain mean wherever they hold equally many.
"""
