"""What an audit measured, as JSON-ready models; every rendering of the report shows them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from triage.vocabulary.verdicts import Verdict

OVERALL, ALL = "overall", "all"
"""Axis and level of the set of all cases."""


class ResultModel(BaseModel):
    """What every result shares: unknown keys are errors, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AuditEstimate(ResultModel):
    """One metric on one set of cases.

    Parameters
    ----------
    axis, level : str
        "overall" and "all" for all cases.
    metric, title, unit : str
    value : float, optional
        None where it is undefined.
    low, high : float, optional
        Interval at the plan's confidence; None where no interval is printed.
    display_low, display_high : float, optional
        Wilson's interval, of proportions only; for charts, never for a verdict.
    n : int, optional
        Cases that the metric is taken of; None where it is suppressed.
    n_patients : int, optional
        Patients of the scarcest kind that it needs; None where it is suppressed.
    n_positive : int, optional
        Of a proportion, the cases that count in its numerator.
    interval : str
        How the interval was made: "Clopper-Pearson", "Korn-Graubard", "Gaffke", "BCa bootstrap",
        "mirrored bootstrap", "influence function", or "none".
    evidence : {'enough', 'not enough'}
    undefined_replicates : int
    note : str
        Such as the error bound of a histogram; empty where there is nothing to say.
    """

    axis: str
    level: str
    metric: str
    title: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    display_low: float | None = None
    display_high: float | None = None
    n: int | None
    n_patients: int | None
    n_positive: int | None = None
    interval: str
    evidence: Literal["enough", "not enough"]
    undefined_replicates: int = 0
    note: str = ""


class AuditFinding(AuditEstimate):
    """An estimate judged against a limit of the plan.

    Parameters
    ----------
    at_least, at_most : float, optional
        The limit; exactly one.
    verdict : Verdict
    p_value, p_adjusted : float, optional
        Two-sided, that the true value is the limit; adjusted by `correction` over its set.
    primary : bool
    correction : {'Holm', 'Benjamini-Hochberg'}
    more_without_error, more_at_this_rate : int, optional
        Of a proportion without enough evidence: how many more cases it would take to meet the
        limit if none of them is an error, and with errors at the rate seen. None where no number
        of cases would do, or it is no proportion.
    """

    at_least: float | None
    at_most: float | None
    verdict: Verdict
    p_value: float | None
    p_adjusted: float | None
    primary: bool
    correction: Literal["Holm", "Benjamini-Hochberg"]
    more_without_error: int | None = None
    more_at_this_rate: int | None = None


class LevelComparison(ResultModel):
    """One level of an axis against its reference level, on one metric.

    `margin` and `verdict` are there where the plan states a margin for the difference.
    """

    axis: str
    level: str
    reference: str
    metric: str
    title: str
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    p_value: float | None
    p_adjusted: float | None
    correction: Literal["Holm", "Benjamini-Hochberg"]
    evidence: Literal["enough", "not enough"]
    margin: float | None = None
    verdict: Verdict | None = None


class LevelSummary(ResultModel):
    """Size of one set of cases; None where a number is suppressed or not known."""

    axis: str
    level: str
    n_cases: int | None
    n_patients: int | None
    n_labelled: int | None
    n_outliers: int | None
    n_urgent: int | None = None
    n_abstained: int | None = None


class WorstLevel(ResultModel):
    """The level of an axis with the worst estimate of a metric, among those with evidence."""

    axis: str
    metric: str
    title: str
    level: str | None
    value: float | None
    low: float | None
    high: float | None


class NamedNumber(ResultModel):
    """A number of an analysis beyond the table of metrics, with its interval where it has one."""

    key: str
    title: str
    axis: str = OVERALL
    level: str = ALL
    unit: str = "proportion"
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    n_patients: int | None = None
    interval: str = "none"
    note: str = ""


class CurvePoint(ResultModel):
    """A point of a curve, with its pointwise interval where there is one."""

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None


class Curve(ResultModel):
    """One line of a chart."""

    name: str
    axis: str = OVERALL
    level: str = ALL
    points: list[CurvePoint]


class Analysis(ResultModel):
    """An analysis beyond the table of metrics: numbers, curves, and what has to be said of them.

    Parameters
    ----------
    key : str
        Such as `equalised_odds`, `heal`, `decision_curve`, `team`, `selective_labels`,
        `skin_tone_misclassification`, `cost_sensitivity`.
    title : str
    available : bool
    reason : str
        Why it is not available.
    numbers : list of NamedNumber
    curves : list of Curve
    x_title, y_title : str
        Of the curves.
    notes : list of str
    """

    key: str
    title: str
    available: bool
    reason: str = ""
    numbers: list[NamedNumber] = []
    curves: list[Curve] = []
    x_title: str = ""
    y_title: str = ""
    notes: list[str] = []


class AuditMeasurement(ResultModel):
    """All that an audit measured.

    Parameters
    ----------
    facts : dict of str
        Hashes and versions of what was read.
    excluded : dict of int
        Rows left out, by reason.
    deviations : list of str
        Where the run departs from the plan.
    levels : list of LevelSummary
        All cases first.
    estimates : list of AuditEstimate
        Every metric on every set of cases, all cases first.
    findings : list of AuditFinding
        The estimates that the plan has a limit for.
    """

    plan_sha256: str
    facts: dict[str, str]
    excluded: dict[str, int]
    deviations: list[str]
    n_cases: int | None
    n_patients: int | None
    n_labelled: int | None
    patients_known: bool
    classes: list[str]
    levels: list[LevelSummary]
    estimates: list[AuditEstimate]
    findings: list[AuditFinding]
    comparisons: list[LevelComparison]
    worst: list[WorstLevel]
    analyses: list[Analysis]

    def estimate(self, axis: str, level: str, metric: str) -> AuditEstimate | None:
        """Return one estimate, or None where it was not measured."""
        for each in self.estimates:
            if (each.axis, each.level, each.metric) == (axis, level, metric):
                return each
        return None
