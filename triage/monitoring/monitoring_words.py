"""Words of charts, streams and alarms as people read them, and the order in which they stand."""

from __future__ import annotations

from collections.abc import Iterable

from triage.monitoring.monitoring_plan import FALL
from triage.monitoring.monitoring_result import AlarmSummary, ChartPoint, ChartSeries
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.monitoring import AlarmState, ChartKind, ChartVerdict, ClosingReason

CHARTS = {
    ChartKind.OOD_RATE: "Out-of-distribution rate",
    ChartKind.ABSTENTION_RATE: "Abstention",
    ChartKind.OVERRIDE_RATE: "Overrides",
    ChartKind.UNDER_CALL_ON_ABSTAINED: "Under-call on abstained cases",
    ChartKind.INPUT_DRIFT: "Input drift",
    ChartKind.EMBEDDING_DRIFT: "Embedding drift",
    ChartKind.ESTIMATED_ACCURACY: "Accuracy estimated without labels",
    ChartKind.CALIBRATION: "Calibration",
}
"""Title of each kind of chart."""

CLOSING_REASONS = {
    ClosingReason.ACTED_ON: "Real, and acted on",
    ClosingReason.DATA_PROBLEM: "A problem of the data",
    ClosingReason.EXPECTED_CHANGE: "An expected change",
    ClosingReason.FALSE_ALARM: "A false alarm",
    ClosingReason.DUPLICATE: "A duplicate of another alarm",
}

STATES = {
    AlarmState.OPEN: "Open, no owner",
    AlarmState.ASSIGNED: "Assigned",
    AlarmState.CLOSED: "Closed",
}

ALL_CASES = "All cases"

CANNOT_SEE = (
    "Whether an answered case is right: until labels arrive, accuracy is an estimate from the "
    "confidence of the system, and it fails where the confidence shifts without the accuracy, or "
    "the accuracy without the confidence.",
    "Errors that the system and its readers share: no override is recorded for them.",
    "Changes that are smaller than those a chart is made to find, or that pass before enough cases "
    "have come.",
    "Groups that no column records, and sites or groups with too few cases: their verdict is "
    "“not enough evidence”, which does not mean “in control”.",
    "Cases that were never sent to the system.",
    "Causes: a chart says that something changed, and not why.",
    "The number of false alarms over all charts: each chart has a probability of its own, and many "
    "charts together give a false alarm more often than one.",
)
"""What holds of every run, stated in each report and on the page."""

_VERDICTS = (
    ChartVerdict.ALARM,
    ChartVerdict.NOT_ENOUGH,
    ChartVerdict.IN_CONTROL,
    ChartVerdict.NOT_AVAILABLE,
)


def stream_name(axis: str, level: str) -> str:
    """Name the cases of a chart: `All cases`, `Site: clinic 7`, `Skin type: VI`."""
    if not axis:
        return ALL_CASES
    words = axis.replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}: {level}"


def by_urgency(charts: Iterable[ChartSeries]) -> list[ChartSeries]:
    """Return charts with alarms first, then without enough evidence, in control, not available.

    Within a verdict the order stays, charts of all cases before those of sites and subgroups.
    """
    return sorted(charts, key=lambda one: (_VERDICTS.index(one.verdict), bool(one.axis)))


def has_cases(series: ChartSeries) -> bool:
    """Whether there is anything to draw: a point with a case behind it."""
    return any(one.n_cases for one in series.points)


def newest_value(series: ChartSeries) -> ChartPoint | None:
    """Return the last point that has a value; None where none has."""
    return next((one for one in reversed(series.points) if one.value is not None), None)


def newest_alarm(series: ChartSeries) -> ChartPoint | None:
    """Return the last point that went beyond the limit; None where none did."""
    return next((one for one in reversed(series.points) if one.alarm), None)


def open_first(alarms: Iterable[AlarmSummary]) -> list[AlarmSummary]:
    """Return alarms without an owner first, then assigned ones, then closed ones; newest first."""
    order = tuple(AlarmState)
    newest = sorted(alarms, key=lambda one: (one.crossed_at, one.id), reverse=True)
    return sorted(newest, key=lambda one: order.index(one.state))


def sentence(text: str) -> str:
    """Return a note as a sentence: its first letter large, a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    return f"{text[:1].upper()}{text[1:]}{'' if text[-1] in '.?!' else '.'}"


def lack(series: ChartSeries) -> str:
    """Return why a chart has no verdict; '' where it has one, whatever its note says."""
    lacks = (ChartVerdict.NOT_ENOUGH, ChartVerdict.NOT_AVAILABLE)
    return sentence(series.note) if series.verdict in lacks else ""


def alarm_name(alarm: AlarmSummary) -> str:
    """Name what an alarm watches: `Input drift: age`, `Abstention: A2 (…)` with its sentence."""
    known = alarm.chart is ChartKind.ABSTENTION_RATE and alarm.key in tuple(AbstainReason)
    why = f" ({AbstainReason(alarm.key).sentence.rstrip('.')})" if known else ""
    return watched_name(alarm.chart, alarm.key) + why


def watched_name(chart: ChartKind, key: str) -> str:
    """Name a chart in few words: `Input drift: age`, `Abstention: A2`, `Abstention: a fall`."""
    if not key:
        return CHARTS[chart]
    return f"{CHARTS[chart]}: {'a fall' if key == FALL else key}"


def facts_in_words(alarm: AlarmSummary) -> str:
    """Return the facts of an alarm on one line: `statistic 4.6, limit 4.2, n 100`."""
    return ", ".join(
        f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}"
        for name, value in alarm.facts.items()
        if value is not None
    )
