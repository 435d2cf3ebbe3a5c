"""Definition of a metric: its name, unit, needs, interval and function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.cases import Cases
from triage.evaluation.metrics.clinical import URGENT
from triage.evaluation.metrics.sums import SumForm, mean_form
from triage.evaluation.metrics.weighted import CaseValues, FloatArray
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.prevalence import at_prevalence


class Need(StrEnum):
    """A kind of case without which a metric is undefined."""

    ALL = "all cases"
    INLIERS = "inliers"
    EVERY_CONDITION = "inliers of every condition"
    OUTLIERS = "outliers"
    ANSWERED = "cases with an opinion"
    ANSWERED_INLIERS = "inliers with an opinion"
    ABSTAINED = "abstained cases"
    URGENT = "urgent cases"

    LESS_URGENT = "cases that are not urgent"

    def masks(self, cases: Cases) -> list[NDArray[np.bool_]]:
        """Return the groups of cases that must each be there, bool [N] each."""
        match self:
            case Need.ALL:
                return [np.ones(len(cases), dtype=np.bool_)]
            case Need.INLIERS:
                return [cases.is_inlier]
            case Need.EVERY_CONDITION:
                present = np.unique(cases.truth[cases.is_inlier])
                return [cases.truth == label for label in present] or [cases.is_inlier]
            case Need.OUTLIERS:
                return [cases.is_outlier]
            case Need.ANSWERED:
                return [~cases.abstained]
            case Need.ANSWERED_INLIERS:
                return [cases.is_inlier & ~cases.abstained]
            case Need.ABSTAINED:
                return [cases.abstained]
            case Need.URGENT:
                return [cases.true_urgency == URGENT]
            case Need.LESS_URGENT:
                return [cases.true_urgency > URGENT]


class Interval(StrEnum):
    """How a metric's interval is made; see `triage.evaluation.bootstrap_intervals`."""

    GAFFKE = "Gaffke"
    KORN_GRAUBARD = "Korn-Graubard"
    PERCENTILE = "percentile"
    BASIC = "basic"


@dataclass(frozen=True)
class Metric:
    """One metric with its description for tables and reports.

    Parameters
    ----------
    key : str
        Stable name in files.
    title : str
        Name for people.
    unit : str
        "proportion" or "area" for what lies between 0 and 1.
    larger_is_better : bool or None
        None where neither end is a virtue by itself.
    needs : tuple of Need
        Kinds of case it is undefined without.
    interval : Interval
        How its interval is made.
    definition : str
        One sentence.
    source : str
        Paper, or "our definition".
    compute : callable
        (Outcomes of N cases, weights [B, N]) -> values [B]; NaN where undefined. It takes
        the cases as they are: see `measure`.
    form : SumForm, optional
        The metric as a function of sums over cases, from which `compute` is; None of those that
        only `Outcomes` can have.
    case_values : callable, optional
        Cases -> the values of cases that the metric is the mean of, with their bounds;
        of exactly the metrics with Gaffke's interval.
    of_all_cases : bool
        Whether it depends on how many of the cases are outliers, and is therefore given at
        the stated prevalence where the outcomes state one.
    """

    key: str
    title: str
    unit: str
    larger_is_better: bool | None
    needs: tuple[Need, ...]
    interval: Interval
    definition: str
    source: str
    compute: Callable[[Outcomes, FloatArray], FloatArray]
    case_values: Callable[[Any], CaseValues] | None = None
    of_all_cases: bool = False
    form: SumForm | None = None

    def restated(self, outcomes: Outcomes) -> bool:
        """Whether the metric of these outcomes is given at a stated prevalence."""
        return self.of_all_cases and outcomes.outlier_prevalence is not None

    def measure(self, outcomes: Outcomes, weights: FloatArray) -> FloatArray:
        """Compute at the stated prevalence of outliers where the metric depends on it.

        Parameters
        ----------
        outcomes : Outcomes of N cases
        weights : float array [B, N]
            How often each resample drew each case.

        Returns
        -------
        float array [B]
            NaN where undefined, as for a resample without outliers where a prevalence is stated.
        """
        if self.of_all_cases and outcomes.outlier_prevalence is not None:
            weights = at_prevalence(weights, outcomes.is_outlier, outcomes.outlier_prevalence)
        return self.compute(outcomes, weights)


def sum_metric(
    key: str,
    title: str,
    unit: str,
    larger_is_better: bool | None,
    needs: tuple[Need, ...],
    interval: Interval,
    definition: str,
    source: str,
    form: SumForm,
    *,
    of_all_cases: bool = False,
) -> Metric:
    """Make a metric that is a function of sums over cases; parameters as `Metric`."""
    return Metric(
        key=key,
        title=title,
        unit=unit,
        larger_is_better=larger_is_better,
        needs=needs,
        interval=interval,
        definition=definition,
        source=source,
        compute=form.compute,
        of_all_cases=of_all_cases,
        form=form,
    )


def mean_metric(
    key: str,
    title: str,
    unit: str,
    larger_is_better: bool | None,
    needs: tuple[Need, ...],
    definition: str,
    source: str,
    case_values: Callable[[Any], CaseValues],
    *,
    of_all_cases: bool = False,
) -> Metric:
    """Make a metric that is the mean of a bounded value over cases; parameters as `Metric`."""
    plain = sum_metric(
        key, title, unit, larger_is_better, needs, Interval.GAFFKE, definition, source,
        mean_form(case_values), of_all_cases=of_all_cases,
    )  # fmt: skip
    return replace(plain, case_values=case_values)
