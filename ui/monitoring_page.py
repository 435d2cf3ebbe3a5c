"""Monitoring of the systems in use: verdicts first, alarms with their owners, control charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from triage.accounts import Action, require
from triage.accounts.sessions import Session
from triage.charts.chart_values import percent_only, shown_interval, shown_value
from triage.monitoring.monitored_systems import LastRun, MonitoredSystem, monitored_systems
from triage.monitoring.monitoring_result import ChartSeries, MonitoringResult
from triage.monitoring.monitoring_words import (
    CANNOT_SEE,
    by_urgency,
    has_cases,
    lack,
    newest_alarm,
    newest_value,
    sentence,
    stream_name,
)
from triage.store import Store
from triage.store.base import utc_now
from triage.vocabulary.monitoring import ChartVerdict
from ui import frame, html_table, monitoring_alarms, monitoring_charts
from ui.html_table import Cell, Column
from ui.words import date_of, escape, grouped, plural, time_of

RUN_COMMAND = "`triage monitor run --db URL --out DIR`"
PLAN_COMMAND = "`triage monitor plan`"
VERDICTS = {
    ChartVerdict.ALARM: "▼ Alarm",
    ChartVerdict.NOT_ENOUGH: "? Not enough evidence",
    ChartVerdict.IN_CONTROL: "✓ In control",
    ChartVerdict.NOT_AVAILABLE: "– Not available",
}
_OLD = timedelta(days=2)
"""A run that is older is said to be old: changes are to be found within days."""
_SYSTEM = "system"
_COLUMNS = (
    Column("Chart"),
    Column("Verdict"),
    Column("Baseline", "number"),
    Column("Last value", "number"),
    Column("Cases", "number"),
    Column("Last alarm", "number"),
)
_FEW = 15
"""With more charts, those without an alarm stand in parts that can be opened."""
_GROUPS = (
    (ChartVerdict.ALARM, "with an alarm", "with an alarm"),
    (ChartVerdict.NOT_ENOUGH, "without enough evidence", "without enough evidence"),
    (ChartVerdict.IN_CONTROL, "in control", "in control"),
    (ChartVerdict.NOT_AVAILABLE, "that is not available", "that are not available"),
)


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    require(session.actor, Action.MONITOR)
    frame.name_window("Monitoring")
    html_table.show_style()
    monitoring_charts.show_style()
    st.title("Monitoring", anchor=False)
    st.caption(
        "Whether the cases, the system and its readers are still as they were when the plan of "
        "monitoring was made."
    )
    with st.spinner("Looking up the last run…", show_time=False), store.reading() as reading:
        systems = monitored_systems(reading)
    if not systems:
        st.info(
            "No system is in use and none has a plan of monitoring. An engineer or governance sets "
            f"one for a registered system: {PLAN_COMMAND}.",
            icon=":material/inbox:",
        )
        return
    _show_system(store, session, _chosen(systems))


def _chosen(systems: Sequence[MonitoredSystem]) -> MonitoredSystem:
    """Let one of several systems be chosen; the address keeps the choice."""
    by_digest = {one.digest: one for one in systems}
    if len(systems) == 1:
        return systems[0]
    digests = list(by_digest)
    wanted = st.query_params.get(_SYSTEM, "")
    chosen = st.selectbox(
        "System",
        digests,
        digests.index(wanted) if wanted in by_digest else 0,
        key=_SYSTEM,
        format_func=lambda digest: _system_name(by_digest[digest]),
        on_change=_keep_system,
    )
    return by_digest[chosen]


def _system_name(system: MonitoredSystem) -> str:
    return f"{system.name} · {system.digest[:12]}{' · in use' if system.in_use else ''}"


def _keep_system() -> None:
    st.query_params[_SYSTEM] = st.session_state[_SYSTEM]


def _show_system(store: Store, session: Session, system: MonitoredSystem) -> None:
    monitoring_alarms.show_done()
    state = "in use" if system.in_use else "not in use"
    st.markdown(f"**{escape(system.name)}** (`{system.digest[:12]}`), {state}.")
    if system.planned_at is None:
        st.warning(
            f"No plan of monitoring is set for this system, so nothing watches it. Set one with "
            f"{PLAN_COMMAND}, then run {RUN_COMMAND}.",
            icon=":material/warning:",
        )
        return
    planned = f"Plan set by {escape(system.planned_by)}, {date_of(system.planned_at)}."
    if system.run is None:
        st.caption(planned)
        st.warning(
            f"Monitoring has never run with the plan that holds. Run it with {RUN_COMMAND}.",
            icon=":material/warning:",
        )
        monitoring_alarms.show(store, session, system.alarms)
        return
    _run_state(system.run, planned)
    result = system.run.result
    if result is None:
        st.error(
            "The result of the last run is of another version of the software and cannot be shown "
            f"here. Run monitoring again: {RUN_COMMAND}.",
            icon=":material/error:",
        )
        monitoring_alarms.show(store, session, system.alarms)
        return
    _tally(result)
    for note in result.notes:
        st.caption(escape(sentence(note)))
    _verdicts(result, system.digest)
    monitoring_alarms.show(store, session, system.alarms)
    monitoring_charts.show(result.charts)
    _limits()


def _run_state(run: LastRun, planned: str) -> None:
    age = utc_now() - run.at
    days = "today" if age < timedelta(days=1) else f"{plural(age.days, 'day', 'days')} ago"
    period = ""
    if run.result is not None:
        period = f"{plural(run.result.n_cases, 'case', 'cases')}"
        if run.result.since is not None and run.result.until is not None:
            period += f", {date_of(run.result.since)} to {date_of(run.result.until)}"
        period += ". "
    st.caption(
        f"{period}Last run {days}, {time_of(run.at)}, by {escape(run.run_by)}; "
        f"{plural(run.events_since, 'event', 'events')} recorded since. {planned}"
    )
    if age > _OLD:
        st.warning(
            f"The last run is {plural(age.days, 'day', 'days')} old: what has happened since is "
            f"not on this page. Run {RUN_COMMAND}.",
            icon=":material/schedule:",
        )


def _tally(result: MonitoringResult) -> None:
    counts = Counter(one.verdict for one in result.charts)
    alarmed, few = counts[ChartVerdict.ALARM], counts[ChartVerdict.NOT_ENOUGH]
    rest = [
        f"{counts[one]} {words}"
        for one, words in (
            (ChartVerdict.NOT_ENOUGH, "without enough evidence"),
            (ChartVerdict.IN_CONTROL, "in control"),
            (ChartVerdict.NOT_AVAILABLE, "not available"),
        )
        if counts[one]
    ]
    if alarmed:
        said = f"**{plural(alarmed, 'chart has', 'charts have')} an alarm**"
        st.error("; ".join([said, *rest]) + ".", icon=":material/notifications_active:")
    elif few or not counts[ChartVerdict.IN_CONTROL]:
        said = "; ".join(rest) or "The run made no chart"
        st.warning(f"No chart has an alarm. {said}.", icon=":material/help:")
    else:
        st.success(f"No chart has an alarm. {'; '.join(rest)}.", icon=":material/task_alt:")


def _verdicts(result: MonitoringResult, system: str) -> None:
    st.header("Verdicts", anchor=False)
    st.caption("Those of the last run. An alarm that is closed below counts from the next run on.")
    charts = by_urgency(result.charts)
    if len(charts) <= _FEW:
        _table("Verdict of each chart", charts, system)
        return
    for verdict, one, several in _GROUPS:
        found = [each for each in charts if each.verdict is verdict]
        if not found:
            continue
        title = plural(len(found), f"chart {one}", f"charts {several}")
        if verdict is ChartVerdict.ALARM:
            _table(title, found, system)
        else:
            with st.expander(title):
                _table(title, found, system)


def _table(caption: str, charts: Sequence[ChartSeries], system: str) -> None:
    rows = [_verdict(one, system) for one in charts]
    html_table.show_table(caption, _COLUMNS, rows, stacked=True)


def _verdict(series: ChartSeries, system: str) -> tuple[Cell, ...]:
    newest, alarm = newest_value(series), newest_alarm(series)
    none = html_table.weak("–")
    value: Cell = none
    if newest is not None:
        of = f"n = {newest.n_cases}"
        if newest.low is not None and newest.high is not None:
            of = f"{shown_interval(newest.low, newest.high, series.unit)}; {of}"
        value = html_table.lines(shown_value(newest.value, series.unit), of)
    strong = series.verdict is ChartVerdict.ALARM
    verdict: Cell = html_table.tag(VERDICTS[series.verdict], strong=strong)
    if why := lack(series):
        verdict = html_table.lines(verdict, why)
    name: Cell = series.title
    if has_cases(series):
        name = html_table.link(series.title, monitoring_charts.address_of(series, system))
    baseline: Cell = none
    if series.baseline is not None:
        baseline = shown_value(series.baseline, percent_only(series.unit))
    return (
        html_table.lines(name, stream_name(series.axis, series.level)),
        verdict,
        baseline,
        value,
        grouped(series.n_cases),
        none if alarm is None else date_of(alarm.last_day),
    )


def _limits() -> None:
    with st.expander("What this monitoring cannot see"):
        st.markdown("\n".join(f"- {escape(one)}" for one in CANNOT_SEE))
