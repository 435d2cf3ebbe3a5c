"""What two audits compared say, as JSON-ready models."""

from __future__ import annotations

from typing import Literal

from triage.auditing.measurement import ResultModel
from triage.vocabulary.verdicts import Verdict


class MetricChange(ResultModel):
    """A metric of the second audit against the first, on one set of cases.

    Parameters
    ----------
    axis, level : str
        "overall" and "all" for all cases.
    metric, title, unit : str
    larger_is_better : bool, optional
    first, second : float, optional
        None where it is undefined.
    n_first, n_second : int
        Cases that it is taken of.
    n_patients : int
        Of the audit with fewer, of the scarcest kind.
    difference, low, high : float, optional
        Second less first, with its interval.
    interval, test : str
        How the interval and the p-value were made.
    only_first, only_second : int, optional
        Of 0/1 values of the same cases: cases that had the property in one audit only.
    p_value, p_adjusted : float, optional
        That the difference is zero; adjusted by `correction` over its set.
    """

    axis: str
    level: str
    metric: str
    title: str
    unit: str
    larger_is_better: bool | None
    first: float | None
    second: float | None
    n_first: int
    n_second: int
    n_patients: int
    difference: float | None
    low: float | None
    high: float | None
    interval: str
    test: str
    only_first: int | None = None
    only_second: int | None = None
    p_value: float | None
    p_adjusted: float | None = None
    primary: bool
    correction: Literal["Holm", "Benjamini-Hochberg"]
    evidence: Literal["enough", "not enough"]


class HealChange(ResultModel):
    """HEAL of the second audit against the first on one axis, and the Pareto condition.

    Parameters
    ----------
    axis, source : str
        The source of the burden.
    groups : list of str
        Levels compared.
    first, second : float
        HEAL, 0 to 1.
    margin : float
        Largest loss of accuracy of a group that counts as none.
    pareto : Verdict
        Meets: HEAL is no lower, and the interval of every group's change of accuracy lies above
        minus the margin. Fails: HEAL is lower, or the interval of a group lies below. Else not
        enough evidence.
    reason : str
    """

    axis: str
    source: str
    groups: list[str]
    first: float
    second: float
    margin: float
    pareto: Verdict
    reason: str


class AuditComparison(ResultModel):
    """Two audits compared.

    Parameters
    ----------
    kind : {'same cases', 'different cases'}
        Two systems on the same cases, or two periods.
    first, second : str
        What is compared, in the words of the plans.
    first_plan, second_plan : str
        Hashes of the plans.
    n_first, n_second : int
        Cases compared.
    left_out : dict of int
        Cases left out, by reason.
    notes : list of str
    changes : list of MetricChange
        All cases first.
    heal : list of HealChange
    """

    schema_version: Literal["triage-audit-comparison-1"] = "triage-audit-comparison-1"
    kind: Literal["same cases", "different cases"]
    first: str
    second: str
    first_plan: str
    second_plan: str
    n_first: int
    n_second: int
    left_out: dict[str, int]
    notes: list[str]
    changes: list[MetricChange]
    heal: list[HealChange]
