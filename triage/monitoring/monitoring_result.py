"""What a run of monitoring found: charts with their points, and alarms."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from triage.vocabulary.monitoring import AlarmState, ChartKind, ChartVerdict, ClosingReason


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChartPoint(_Frozen):
    """One day or one window of a chart.

    Parameters
    ----------
    at : datetime
        Its end, in UTC.
    n_cases : int
        Cases behind it; shown beside every point.
    value : float, optional
        What is watched, in the unit of the chart; None where there are too few cases.
    low, high : float, optional
        95 % interval of the value.
    statistic : float, optional
        What is compared with the limit, such as the sum of a CUSUM at the end of the day.
    alarm : bool
        Whether it went beyond the limit.
    after_gap : bool
        Whether no case came for longer than the plan allows before it.
    """

    at: datetime
    n_cases: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    statistic: float | None = None
    alarm: bool = False
    after_gap: bool = False

    @property
    def last_day(self) -> datetime:
        """A moment of its last UTC day, which people read; `at` is the first one after it."""
        return self.at - timedelta(microseconds=1)


class ChartSeries(_Frozen):
    """One control chart of one stream.

    Parameters
    ----------
    chart : ChartKind
    key : str
        What is watched beside the kind: a reason of abstention, a column; '' where nothing is.
    axis, level : str
        The site or subgroup; '' and '' of all cases.
    title, unit : str
        In words, for people. The unit `proportion` is shown in percent; '' is a number without one.
    n_cases : int
    baseline : float, optional
        The value in control.
    baseline_n : int, optional
        Cases that it was estimated from; None where it was given.
    changed : float, optional
        The value that the chart is made to find.
    limit : float, optional
        Of the statistic.
    false_alarm : float, optional
        Probability of a false alarm within the horizon of the plan, as designed.
    verdict : ChartVerdict
    note : str
        Why there is no answer, or what to know of it; '' where nothing is.
    points : tuple of ChartPoint
    """

    chart: ChartKind
    key: str = ""
    axis: str = ""
    level: str = ""
    title: str
    unit: str = ""
    n_cases: int
    baseline: float | None = None
    baseline_n: int | None = None
    changed: float | None = None
    limit: float | None = None
    false_alarm: float | None = None
    verdict: ChartVerdict
    note: str = ""
    points: tuple[ChartPoint, ...] = ()


class AlarmSummary(_Frozen):
    """An alarm as it is shown; `facts` are numbers by name, such as value, limit and n."""

    id: int
    chart: ChartKind
    key: str
    axis: str
    level: str
    crossed_at: datetime
    raised_at: datetime
    state: AlarmState
    owner: str | None = None
    closing_reason: ClosingReason | None = None
    comment: str | None = None
    closed_at: datetime | None = None
    facts: dict[str, float | int | str | None] = {}


class MonitoringResult(_Frozen):
    """What a run of monitoring found.

    Parameters
    ----------
    version : str
        Of the software.
    plan_sha256, bundle : str
        Hash of the plan, digest of the bundle that it is for.
    since, until : datetime, optional
        First and last case.
    n_cases : int
    last_event : int
        Number of the last event that was read.
    charts : tuple of ChartSeries
    alarms : tuple of AlarmSummary
    notes : tuple of str
        What holds for all charts, such as gaps of the stream or a database that was restored.
    """

    version: str
    plan_sha256: str
    bundle: str
    since: datetime | None = None
    until: datetime | None = None
    n_cases: int
    last_event: int
    charts: tuple[ChartSeries, ...] = ()
    alarms: tuple[AlarmSummary, ...] = ()
    notes: tuple[str, ...] = ()
