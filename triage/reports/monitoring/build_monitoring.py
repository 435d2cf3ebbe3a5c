"""The document of a run of monitoring: verdicts first, then alarms, charts, and what it is of."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from triage.charts.chart_values import percent_only, shown_interval, shown_value
from triage.charts.control_chart import MOST_POINTS, control_chart
from triage.charts.number_format import MISSING
from triage.hashing import hash_json
from triage.monitoring.monitoring_result import AlarmSummary, ChartSeries, MonitoringResult
from triage.monitoring.monitoring_words import (
    CANNOT_SEE,
    CHARTS,
    CLOSING_REASONS,
    STATES,
    alarm_name,
    by_urgency,
    facts_in_words,
    has_cases,
    lack,
    newest_alarm,
    newest_value,
    open_first,
    sentence,
    stream_name,
)
from triage.reports.document import (
    Block,
    Cell,
    Column,
    Document,
    Facts,
    Figure,
    Heading,
    Items,
    Paragraph,
    Section,
    Table,
)
from triage.vocabulary.monitoring import AlarmState, ChartKind, ChartVerdict

KIND = "Monitoring report"
_ID = 12
_COUNTED = {
    ChartVerdict.IN_CONTROL: "in control",
    ChartVerdict.ALARM: "with an alarm",
    ChartVerdict.NOT_ENOUGH: "without enough evidence",
    ChartVerdict.NOT_AVAILABLE: "not available",
}
_CAPTION = (
    "Dots are values with their 95 % intervals, hollow ones have too few cases for a value; a "
    "triangle is a point beyond the limit, after which a sum begins again. Lines are broken where "
    "no case came, and a long pause is drawn shorter than it was. The bars below are the number of "
    "cases of each point."
)


def build_monitoring(result: MonitoringResult) -> Document:
    """Return the document of a run; the same result gives the same document."""
    counts = Counter(one.verdict for one in result.charts)
    said = ", ".join(f"{counts[one]} {_COUNTED[one]}" for one in ChartVerdict if counts[one])
    unfinished = sum(one.state is not AlarmState.CLOSED for one in result.alarms)
    waiting = f"{unfinished} {'alarm is' if unfinished == 1 else 'alarms are'} not closed."
    return Document(
        title="Monitoring of the system in use",
        report_id=hash_json(result.model_dump(mode="json"))[:_ID],
        date=MISSING if result.until is None else f"{result.until:%Y-%m-%d}",
        lead=f"{len(result.charts)} charts of {result.n_cases} cases: {said or 'none'}. {waiting}",
        sections=(
            _verdicts(result),
            _alarms(result),
            *(_charts(kind, result) for kind in ChartKind),
            _about(result),
            Section("cannot_see", "What this monitoring cannot see", (Items(CANNOT_SEE),)),
        ),
        kind=KIND,
    )


def _verdicts(result: MonitoringResult) -> Section:
    columns = (
        Column("Chart and stream"), Column("Verdict"), Column("Baseline", "number"),
        Column("Last value", "number"), Column("Cases", "number"), Column("Last alarm", "number"),
        Column("Note"),
    )  # fmt: skip
    rows = tuple(_verdict(series) for series in by_urgency(result.charts))
    note = (
        "“In control” says that no change as large as the one that a chart is made to find has "
        "shown itself. “Not enough evidence” says that too few cases came to tell."
    )
    blocks: list[Block] = [Table("Verdict of each chart", columns, rows, note)]
    if result.notes:
        blocks = [Items(tuple(map(sentence, result.notes))), *blocks]
    return Section(
        "verdicts", "Verdicts", tuple(blocks), "" if result.charts else "the run made no chart"
    )


def _verdict(series: ChartSeries) -> tuple[Cell, ...]:
    newest, alarm = newest_value(series), newest_alarm(series)
    of = "" if series.baseline_n is None else f"n = {series.baseline_n}"
    value = Cell(MISSING, weak=True)
    if newest is not None:
        shown = f"n = {newest.n_cases}"
        if newest.low is not None and newest.high is not None:
            shown = f"{shown_interval(newest.low, newest.high, series.unit)}; {shown}"
        value = Cell(shown_value(newest.value, series.unit), shown, value=newest.value)
    return (
        Cell(series.title, stream_name(series.axis, series.level)),
        Cell("", verdict=series.verdict),
        Cell(
            shown_value(series.baseline, percent_only(series.unit)),
            of,
            weak=series.baseline is None,
        ),
        value,
        Cell(str(series.n_cases)),
        Cell(MISSING, weak=True) if alarm is None else Cell(_day(alarm.last_day)),
        Cell(lack(series)),
    )


def _alarms(result: MonitoringResult) -> Section:
    columns = (
        Column("Alarm", "number"), Column("Chart"), Column("Stream"), Column("Since"),
        Column("Found"), Column("State"), Column("Owner"),
    )  # fmt: skip
    waiting = [one for one in open_first(result.alarms) if one.state is not AlarmState.CLOSED]
    closed = [one for one in open_first(result.alarms) if one.state is AlarmState.CLOSED]
    blocks: list[Block] = []
    if waiting:
        blocks.append(Table("Alarms that are not closed", columns, tuple(map(_alarm, waiting))))
    else:
        blocks.append(Paragraph("No alarm is open."))
    if closed:
        ended = (*columns[:5], Column("Closed"), Column("Why"), Column("Owner"))
        blocks.append(Table("Closed alarms", ended, tuple(map(_closed, closed))))
    return Section("alarms", "Alarms", tuple(blocks))


def _what(alarm: AlarmSummary) -> tuple[Cell, ...]:
    return (
        Cell(str(alarm.id)),
        Cell(alarm_name(alarm)),
        Cell(stream_name(alarm.axis, alarm.level)),
        Cell(_day(alarm.crossed_at)),
        Cell(facts_in_words(alarm)),
    )


def _alarm(alarm: AlarmSummary) -> tuple[Cell, ...]:
    owner = Cell("nobody", weak=True) if alarm.owner is None else Cell(alarm.owner)
    return (*_what(alarm), Cell(STATES[alarm.state]), owner)


def _closed(alarm: AlarmSummary) -> tuple[Cell, ...]:
    why = "" if alarm.closing_reason is None else CLOSING_REASONS[alarm.closing_reason]
    day = MISSING if alarm.closed_at is None else _day(alarm.closed_at)
    return (*_what(alarm), Cell(day), Cell(why, alarm.comment or ""), Cell(alarm.owner or MISSING))


def _charts(kind: ChartKind, result: MonitoringResult) -> Section:
    mine = [(at, one) for at, one in enumerate(result.charts) if one.chart is kind]
    mine.sort(key=lambda item: (bool(item[1].axis), item[1].axis, item[1].level))
    blocks: list[Block] = []
    for at, series in mine:
        blocks += _chart(series, f"chart-{at}", caption="" if blocks else _CAPTION)
    reason = "the run made no such chart"
    return Section(kind.value, CHARTS[kind], tuple(blocks), "" if mine else reason)


def _chart(series: ChartSeries, key: str, caption: str) -> list[Block]:
    title = f"{series.title}. {stream_name(series.axis, series.level)}"
    said = f"{_sentence(series.verdict)} {series.n_cases} cases."
    if series.false_alarm is not None:
        said += (
            f" Designed for a false alarm in {100 * series.false_alarm:.2g} of 100 periods of the "
            "plan's length without a change."
        )
    blocks: list[Block] = [Heading(title), Paragraph(said)]
    if series.note:
        blocks.append(Paragraph(sentence(series.note), "note"))
    if has_cases(series):
        cut = len(series.points) - MOST_POINTS
        earlier = f" {cut} earlier points stand in charts.csv only." if cut > 0 else ""
        shown = f"{caption}{earlier}".strip()
        blocks.append(Figure(control_chart(series, key), title, shown))
    return blocks


def _sentence(verdict: ChartVerdict) -> str:
    return f"{verdict.value[:1].upper()}{verdict.value[1:]}."


def _about(result: MonitoringResult) -> Section:
    facts = Facts(
        (
            ("First case", None if result.since is None else _minute(result.since)),
            ("Last case", None if result.until is None else _minute(result.until)),
            ("Cases", str(result.n_cases)),
            ("Last event that was read", str(result.last_event)),
            ("Plan, SHA-256", result.plan_sha256),
            ("Bundle, SHA-256", result.bundle),
            ("Version of the software", result.version),
        )
    )
    use = Paragraph(
        "For use inside the institution: the report shows numbers of cases of small groups, which "
        "the charts need, and nothing of single patients. It is not made to be published.",
        "note",
    )
    return Section("about", "What this report is of", (facts, use))


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
