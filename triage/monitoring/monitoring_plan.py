"""The plan of monitoring: what is watched, from which baseline on, and how many false alarms."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from triage.hashing import hash_json
from triage.monitoring.bernoulli_cusum import LEAST_RATE
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.monitoring import ChartKind

SITE = "site"
"""The axis of the sources of cases; every other axis is a group of the cases."""
OVERALL = ("", "")
"""Axis and level of all cases."""
RATE_CHARTS = (ChartKind.OOD_RATE, ChartKind.ABSTENTION_RATE, ChartKind.OVERRIDE_RATE)
"""Charts of a share of cases, which are CUSUMs."""
FALL = "fall"
"""The key of a chart that watches for a fall of a rate: a gate that no longer finds anything."""
FALL_CHARTS = (ChartKind.OOD_RATE, ChartKind.ABSTENTION_RATE)
"""Charts that watch for a fall of the rate of all cases as well."""
OOD_REASONS = (
    AbstainReason.WRONG_MODALITY,
    AbstainReason.UNSEEN_DEVICE,
    AbstainReason.UNFAMILIAR,
)
"""Reasons for abstaining that say that a case is unlike those that the system was made for."""

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=LEAST_RATE, le=1 - LEAST_RATE)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BaselineCases(_Frozen):
    """The cases in control: those received in a period, as they were stored at one moment.

    Parameters
    ----------
    begin, end : datetime
        `end` is the first moment after it.
    stored_until : datetime
        Cases whose prediction was stored later are no part of it.
    n_cases : int
    """

    begin: AwareDatetime
    end: AwareDatetime
    stored_until: AwareDatetime
    n_cases: Count

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("the baseline ends before it begins")
        return self


class StreamRate(_Frozen):
    """The rate in control of one chart of one stream, and how many cases a day it has.

    Parameters
    ----------
    chart : ChartKind
        One of `RATE_CHARTS`.
    key : str
        A reason of abstention; 'fall' where the chart watches for a fall; else ''.
    axis, level : str
        '' and '' of all cases.
    p0 : float
        What the chart is designed with; of an estimate, its upper confidence limit, of a fall the
        lower one.
    p1 : float, optional
        Rate that the chart is made to find; else by
        `triage.monitoring.baseline_rate.default_alternative`.
    per_day : float
        Cases a day; with the horizon it gives the cases that the budget is for.
    estimate : float, optional
        The rate itself.
    n_cases : int, optional
        That it was estimated from; None where it was given.
    """

    chart: ChartKind
    key: str = ""
    axis: str = ""
    level: str = ""
    p0: Rate
    p1: Rate | None = None
    per_day: Annotated[float, Field(gt=0)]
    estimate: Share | None = None
    n_cases: Count | None = None

    @model_validator(mode="after")
    def _of_a_chart_of_rates(self) -> Self:
        if self.chart not in RATE_CHARTS:
            raise ValueError(f"{self.chart} is no chart of a rate")
        if self.key == FALL:
            if self.chart not in FALL_CHARTS or self.axis:
                raise ValueError("only the OOD and the abstention rate of all cases have a 'fall'")
            if self.p1 is not None and self.p1 > self.p0:
                raise ValueError("p1 of a 'fall' is above p0")
        elif self.key and (
            self.chart is not ChartKind.ABSTENTION_RATE or self.key not in [*AbstainReason]
        ):
            raise ValueError(f"{self.key!r} is no reason of abstention")
        if bool(self.axis) != bool(self.level):
            raise ValueError("axis and level come together")
        if self.p1 is not None and self.p1 == self.p0:
            raise ValueError("p0 and p1 are equal, so that there is nothing to find")
        return self

    @property
    def stream(self) -> tuple[ChartKind, str, str, str]:
        """What identifies it."""
        return self.chart, self.key, self.axis, self.level


class OodRule(_Frozen):
    """When a case counts as out of distribution; frozen, since charts need it to stay the same.

    Parameters
    ----------
    reasons : tuple of AbstainReason
        The system abstained for one of these.
    score_threshold : float, optional
        Or its `ood_score` is at least this.
    """

    reasons: tuple[AbstainReason, ...] = OOD_REASONS
    score_threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.reasons and self.score_threshold is None:
            raise ValueError("neither a reason nor a threshold is given")
        return self


class DriftPlan(_Frozen):
    """Windows and sizes of the tests of input, embeddings, accuracy, calibration and under-calls.

    Parameters
    ----------
    window_days : int
        A window is so many whole UTC days, from the start of monitoring on; it is judged when a
        case of a later day has come.
    columns : tuple of str
        `age`, `modality`, `n_images`, `image_flags` or a group of the cases.
    max_reference, max_window : int
        Vectors that are drawn of the baseline and of a window.
    n_permutations : int
    review_window_days : int
        The same of charts that need labels.
    under_call_margin : float
        Largest tolerated excess of missed positives of abstained cases over the arm without AI.
    """

    window_days: Count = 7
    columns: tuple[str, ...] = ("age", "modality", "n_images", "image_flags")
    max_reference: Annotated[int, Field(ge=50, le=5000)] = 500
    max_window: Annotated[int, Field(ge=50, le=5000)] = 500
    n_permutations: Annotated[int, Field(ge=99, le=100_000)] = 999
    review_window_days: Count = 30
    under_call_margin: Share = 0.0

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({*self.columns}) < len(self.columns):
            raise ValueError("a column is named twice")
        return self


class MonitoringPlan(_Frozen):
    """What is watched of one bundle.

    Parameters
    ----------
    bundle : str
        Its digest. A new bundle in use needs a new plan: its rates are others.
    baseline : BaselineCases, optional
        Without it there are no drift tests.
    start : datetime, optional
        Cases received before it are not watched; without it all are. A plan that was made from the
        database begins after its baseline.
    charts : tuple of ChartKind
    rates : tuple of StreamRate
        A chart of a level without a rate of its own uses that of all cases.
    ood : OodRule
    axes : tuple of str
        `site` is the source of the cases, every other a group of them.
    false_alarm : float
        Probability of a false alarm within the horizon, of each chart.
    horizon_days : int
    min_cases : int
        A stream with fewer has "not enough evidence"; its points are shown.
    min_window : int
        The same of a window.
    max_levels : int
        Levels of an axis that are watched, those with most cases first.
    gap_days : float
        Points after a longer time without a case are marked.
    after_gap : {'keep', 'restart'}
        Whether the sum of a CUSUM goes on after a gap or begins at 0.
    drift : DriftPlan
    urgencies : mapping of str to Urgency
        Of conditions, for labels that state none, such as imported histology.
    high_risk : tuple of str
        Conditions that a decision must not leave out.
    seed : int
    """

    version: Literal[1] = 1
    bundle: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    baseline: BaselineCases | None = None
    start: AwareDatetime | None = None
    charts: tuple[ChartKind, ...] = tuple(ChartKind)
    rates: tuple[StreamRate, ...] = ()
    ood: OodRule = OodRule()
    axes: tuple[str, ...] = (SITE,)
    false_alarm: Probability = 0.05
    horizon_days: Count = 90
    min_cases: Count = 30
    min_window: Annotated[int, Field(ge=10)] = 20
    max_levels: Annotated[int, Field(ge=1, le=200)] = 20
    gap_days: Annotated[float, Field(gt=0)] = 7
    after_gap: Literal["keep", "restart"] = "keep"
    drift: DriftPlan = DriftPlan()
    urgencies: dict[str, Urgency] = {}
    high_risk: tuple[str, ...] = ()
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what, names in (
            ("charts", self.charts),
            ("axes", self.axes),
            ("rates", [one.stream for one in self.rates]),
        ):
            for name, times in Counter(names).items():
                if times > 1:
                    raise ValueError(f"{what}: {name!r} is given twice")
        if not self.charts:
            raise ValueError("charts: there is none")
        if unknown := [one.axis for one in self.rates if one.axis and one.axis not in self.axes]:
            raise ValueError(f"rates: there is no axis {unknown[0]!r}")
        return self

    def content(self) -> dict[str, object]:
        """Return the plan as JSON: what is stored, and hashed."""
        return self.model_dump(mode="json")

    def sha256(self) -> str:
        """Return the hash of the plan."""
        return hash_json(self.content())

    def rate_of(self, chart: ChartKind, key: str, axis: str, level: str) -> StreamRate | None:
        """Return the rate of a stream, else that of all cases of its chart; None without either."""
        known = {one.stream: one for one in self.rates}
        return known.get((chart, key, axis, level)) or known.get((chart, key, *OVERALL))
