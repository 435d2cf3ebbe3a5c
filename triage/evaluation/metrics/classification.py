"""Accuracy: how often the most probable inlier condition is the true one."""

from __future__ import annotations

import numpy as np

from triage.evaluation.metrics.cases import BoolColumn, Cases
from triage.evaluation.metrics.sums import Entry, SumForm, Sums, Terms
from triage.evaluation.metrics.weighted import CaseValues, FloatArray, ratio, share_of


def correct(cases: Cases) -> BoolColumn:
    """Whether the most probable condition is the true one, bool [N]; never for outliers."""
    return cases.correct


def accuracy(cases: Cases) -> CaseValues:
    """Whether the most probable condition is the true one, of inliers, abstained on or not."""
    return CaseValues(cases.correct, cases.is_inlier & cases.named)


def _recall_terms(cases: Cases) -> Terms:
    """Cases and right ones of each true condition: the sums 0 to K - 1 and K to 2 K - 1."""
    k = len(cases.classes)
    counted = cases.is_inlier & cases.named
    label = np.where(counted, cases.truth, 0)
    return Terms(2 * k, (Entry(label, counted), Entry(label + k, cases.correct & counted)))


def _balanced_accuracy(sums: Sums) -> FloatArray:
    drawn, hits = np.split(sums.values, 2, axis=1)
    recall = share_of(hits, drawn)
    return ratio(recall.sum(axis=1), (drawn > 0).sum(axis=1).astype(np.float64))


def _balanced_gradient(sums: Sums) -> FloatArray:
    drawn, hits = np.split(sums.values[0], 2)
    present = (drawn > 0).sum()
    inverse = share_of(np.ones_like(drawn), drawn) / present
    return np.concatenate([-share_of(hits, drawn) * inverse, inverse])


BALANCED_ACCURACY = SumForm(_recall_terms, Sums, _balanced_accuracy, _balanced_gradient)
"""Mean over the true inlier conditions of the share classified rightly.

Conditions that a resample does not contain are left out of its mean, as in scikit-learn.
Brodersen et al. 2010, eq. 1, for more than two classes.
"""


def selective_accuracy(cases: Cases) -> CaseValues:
    """Whether the most probable condition is the true one, of inliers with an opinion.

    Geifman & El-Yaniv 2017, eq. 2 (one minus the selective risk under 0/1 loss).
    """
    return CaseValues(cases.correct, cases.is_inlier & cases.named & ~cases.abstained)


def selective_risk(cases: Cases) -> CaseValues:
    """Whether the opinion is wrong, of all cases with one; on an outlier it always is.

    El-Yaniv & Wiener 2010, eq. 2, under 0/1 loss, at the deployed threshold. `aurc` is the mean
    of the same risk over all thresholds.
    """
    return CaseValues(~cases.correct, cases.labelled & cases.named & ~cases.abstained)
