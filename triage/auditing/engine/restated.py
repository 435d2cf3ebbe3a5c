"""Metrics of all cases at a stated prevalence of outliers, as functions of sums over cases.

The same as weighing cases by `triage.evaluation.prevalence.at_prevalence`: the sums over outliers
and over inliers are kept apart and put together in the stated proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from triage.evaluation.metrics.cases import Cases
from triage.evaluation.metrics.sums import Entry, SumForm, Sums, Terms
from triage.evaluation.metrics.weighted import FloatArray, ratio


@dataclass(frozen=True)
class KindSums(Sums):
    """The P sums over inliers, the P over outliers, and the numbers of both."""


def at_prevalence_form(form: SumForm, prevalence: float) -> SumForm:
    """Return the form of a metric at a stated share of outliers, between 0 and 1."""
    shares, bound = np.array([1 - prevalence, prevalence]), form.bound
    return SumForm(
        partial(_terms, form),
        KindSums,
        lambda sums: form.value(_together(form, sums, shares)),
        lambda sums: _gradient(form, sums, shares),
        None if bound is None else lambda sums: bound(_together(form, sums, shares)),
    )


def _terms(form: SumForm, cases: Cases) -> Terms:
    plain, outlier, known = form.terms(cases), cases.is_outlier, cases.labelled
    p = plain.size
    entries = [Entry(place + p * outlier, value * known) for place, value in plain.entries]
    counts = (Entry(2 * p, cases.is_inlier), Entry(2 * p + 1, outlier))
    return Terms(2 * p + 2, (*entries, *counts), plain.centres, plain.binned)


def _together(form: SumForm, sums: KindSums, shares: FloatArray) -> Sums:
    p = sums.terms.size // 2 - 1
    plain = Terms(p, (), sums.terms.centres, sums.terms.binned)
    factor = shares * ratio(np.ones_like(sums.values[:, -2:]), sums.values[:, -2:])
    parts = sums.values[:, :-2].reshape(-1, 2, p)
    found: Sums = form.sums((parts * factor[:, :, None]).sum(axis=1), plain)
    return found


def _gradient(form: SumForm, sums: KindSums, shares: FloatArray) -> FloatArray:
    inner, counts = form.gradient(_together(form, sums, shares)), sums.values[0, -2:]
    parts = sums.values[0, :-2].reshape(2, -1)
    by_part = (shares / counts)[:, None] * inner
    return np.concatenate([by_part.ravel(), -(parts * by_part).sum(axis=1) / counts])
