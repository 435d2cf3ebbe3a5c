"""The plan of an audit: everything that is decided before the data are read.

A plan is one YAML file. Its hash is that of its content, not of its spelling, and the report names
it. Keys that a later release adds are optional and are not written where they are not given.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from triage.decisions.cost_matrix import CostMatrix
from triage.hashing import hash_json
from triage.vocabulary.clinical import Risk, Urgency

Name = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]

UNKNOWN_STATEMENT = "not stated"


class PlanModel(BaseModel):
    """What every part of a plan shares: unknown keys are errors, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Period(PlanModel):
    """Cases of which time are audited: first and last day, both included.

    `column` has the time of each case in a table; a case database has its own.
    """

    first: datetime
    last: datetime
    column: Name | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise ValueError("the period ends before it begins")
        return self


class PlannedCondition(PlanModel):
    """One condition: whether the system knows it, and its clinical meaning where it is stated.

    `frequency` is a word such as `common` or `rare`, for the axis of condition frequency.
    """

    name: Name
    known: bool = True
    urgency: Urgency | None = None
    risk: Risk | None = None
    frequency: Name | None = None


class Columns(PlanModel):
    """Which column of the table holds what. What is not named is not read.

    Parameters
    ----------
    label : str
        True condition of a case.
    probabilities : dict of str, optional
        Class to column.
    predicted : str, optional
        The named condition, where there are no probabilities.
    case, patient : str, optional
        Identifiers. Cases of one patient are resampled together.
    recommendation : str, optional
        An urgency, or a word for no opinion (`no_ai_opinion`, `abstain`, empty).
    queue_urgency : str, optional
        In which urgency the case waits; by default the recommendation.
    abstained : str, optional
        Whether there was no opinion; by default from the recommendation.
    true_urgency : str, optional
        By default the urgency of the true condition.
    ood_score, cost : str, optional
    first_read, final_decision : str, optional
        Condition that the person named before and after they saw the system's opinion.
    first_urgency, final_urgency : str, optional
    seconds : str, optional
        Time of the person on the case.
    source : str, optional
        Place that a case comes from, for the plan's cohorts.
    ai_shown : str, optional
        Whether the person was shown the system's output, be it an abstention.
    """

    label: Name = "label"
    probabilities: dict[Name, Name] | None = None
    predicted: Name | None = None
    case: Name | None = None
    patient: Name | None = None
    recommendation: Name | None = None
    queue_urgency: Name | None = None
    abstained: Name | None = None
    true_urgency: Name | None = None
    ood_score: Name | None = None
    cost: Name | None = None
    first_read: Name | None = None
    final_decision: Name | None = None
    first_urgency: Name | None = None
    final_urgency: Name | None = None
    seconds: Name | None = None
    ai_shown: Name | None = None
    source: Name | None = None


class SkinTone(PlanModel):
    """How skin types were determined; printed beside every table of the axis."""

    scale: Literal["fitzpatrick", "monk", "other"]
    method: Name = UNKNOWN_STATEMENT
    raters: int | None = Field(None, ge=1)


class Axis(PlanModel):
    """One subgroup axis.

    Exactly one of `column` (of the table), `of` (an intersection of two other axes by name) and
    `property` (of the true condition) is given.

    Parameters
    ----------
    name : str
    column : str, optional
    of : pair of str, optional
    property : {'risk', 'urgency', 'frequency', 'condition'}, optional
    bands : tuple of float, optional
        Edges that cut numbers into [b0, b1), [b1, b2), ...; a value outside is unknown.
    skin_tone : SkinTone, optional
    burden : dict of float, optional
        Health burden of each level, larger = worse, for HEAL; `burden_source` names it.
    confusion : dict of dict of float, optional
        P(observed level | true level), for the analysis of misclassified levels.
    """

    name: Name
    column: Name | None = None
    of: tuple[Name, Name] | None = None
    property: Literal["risk", "urgency", "frequency", "condition"] | None = None
    bands: tuple[float, ...] | None = Field(None, min_length=2)
    skin_tone: SkinTone | None = None
    burden: dict[Name, float] | None = None
    burden_source: str = ""
    confusion: dict[Name, dict[Name, float]] | None = None

    @model_validator(mode="after")
    def _says_where_levels_come_from(self) -> Self:
        given = [self.column, self.of, self.property]
        if sum(each is not None for each in given) != 1:
            raise ValueError("give exactly one of column, of and property")
        if self.bands and any(a >= b for a, b in zip(self.bands, self.bands[1:], strict=False)):
            raise ValueError("bands must increase")
        if self.burden and not self.burden_source:
            raise ValueError("a burden needs its burden_source: table and date")
        return self


class Limit(PlanModel):
    """A metric and the value it must reach: at least so much, or at most.

    Parameters
    ----------
    metric : str
    at_least, at_most : float
        Exactly one, on the metric's good side.
    scope : {'everywhere', 'overall', 'groups'}
        Where it is judged.
    primary : bool
        Whether the row belongs to the primary set, which Holm's method corrects.
    """

    metric: Name
    at_least: float | None = None
    at_most: float | None = None
    scope: Literal["everywhere", "overall", "groups"] = "everywhere"
    primary: bool = True

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self

    @property
    def bound(self) -> float:
        """The value that must be reached."""
        found = self.at_least if self.at_most is None else self.at_most
        assert found is not None
        return found


class Margin(PlanModel):
    """The largest tolerated difference of a metric between the levels of an axis.

    `reference` is the level compared with; by default the one with the most labelled cases.
    """

    metric: Name
    axis: Name
    at_most: float = Field(gt=0.0)
    reference: Name | None = None


class IntervalSettings(PlanModel):
    """How intervals are made.

    Parameters
    ----------
    confidence : float
    replicates : int
        Resamples of patients.
    seed : int
    min_patients : int
        With fewer patients of a kind that a metric needs no interval is printed.
    max_bootstrap_patients : int
        With more patients intervals are made from influence functions.
    strata : str, optional
        Name of an axis within whose levels patients are resampled.
    """

    confidence: float = Field(0.95, gt=0.5, lt=1.0)
    replicates: int = Field(1000, ge=100, le=100_000)
    seed: int = Field(0, ge=0, lt=2**32)
    min_patients: int = Field(10, ge=2)
    max_bootstrap_patients: int = Field(5000, ge=100)
    strata: Name | None = None


class AuditPlan(PlanModel):
    """The plan of an audit.

    Parameters
    ----------
    title : str
    source : str
        Who set the limits.
    created_at : datetime
        The date that every rendering of the report carries.
    system : str
        Name and version of what is audited, as it shall read.
    bundle : str, optional
        Digest of the bundle whose predictions are audited.
    spec, spec_sha256 : str, optional
        The data spec that conditions and costs were taken from.
    conditions : tuple of PlannedCondition
        Empty where only the table names them: each class is then known, and no urgency stated.
    outliers : tuple of str
        Labels that are out-of-distribution, beside the conditions that are not known.
    unlabelled : {'refuse', 'exclude'}
        What is done with cases without a label. `exclude` reports the share that was verified and
        estimates weighted by the inverse of its probability.
    metrics : tuple of str
        Keys; empty means all whose columns there are.
    metrics_file, metrics_sha256 : str, optional
        A Python file with further metrics, and its hash.
    limits : tuple of Limit
    margins : tuple of Margin
    costs : CostMatrix, optional
    largest_cost : float, optional
        Bound of the cost of a case.
    outlier_prevalence : float, optional
        Share of outliers that rates of all cases are given for.
    thresholds : tuple of float
        Probabilities of an urgent condition at which the decision curve is drawn.
    """

    schema_version: Literal["triage-audit-plan-1"] = "triage-audit-plan-1"
    title: Name
    source: Name
    created_at: AwareDatetime
    system: str = ""
    bundle: str | None = None
    spec: str | None = None
    spec_sha256: str | None = None
    period: Period | None = None
    cohorts: tuple[Name, ...] = Field(
        (), description="sources of cases to audit; all where none is named"
    )
    columns: Columns = Columns()
    conditions: tuple[PlannedCondition, ...] = ()
    outliers: tuple[Name, ...] = ()
    unlabelled: Literal["refuse", "exclude"] = "refuse"
    axes: tuple[Axis, ...] = ()
    metrics: tuple[Name, ...] = ()
    metrics_file: str | None = None
    metrics_sha256: str | None = None
    limits: tuple[Limit, ...] = ()
    margins: tuple[Margin, ...] = ()
    intervals: IntervalSettings = IntervalSettings()
    costs: CostMatrix | None = None
    largest_cost: float | None = Field(None, gt=0.0)
    outlier_prevalence: Share | None = None
    thresholds: tuple[Share, ...] = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)

    def sha256(self) -> str:
        """Return the SHA-256 of the plan's content."""
        return hash_json(self.model_dump(mode="json"))

    @property
    def urgency_of(self) -> dict[str, Urgency]:
        """Urgency of each condition that states one."""
        return {one.name: one.urgency for one in self.conditions if one.urgency is not None}
