"""The control charts on the page of monitoring, chosen by kind and by stream in the address."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st
from markupsafe import Markup

from triage.charts.chart_values import shown_interval, shown_value
from triage.charts.control_chart import control_chart, description
from triage.charts.standalone import standalone
from triage.monitoring.monitoring_result import ChartPoint, ChartSeries
from triage.monitoring.monitoring_words import ALL_CASES, CHARTS, stream_name
from triage.vocabulary.monitoring import ChartKind
from ui import html_table
from ui.html_table import Cell, Column
from ui.page_paths import PagePath
from ui.words import escape, plural

_CHART, _STREAM = "chart", "stream"
"""Parameters of the address, and keys of the choices."""
_EVERY = "every"
_BESIDE = 2
"""Charts beside each other where the window is wide enough."""
_MOST = 12
"""So many charts are drawn; the choices narrow them."""
_LISTED = 30
"""So many points of a chart are listed as a table, the newest."""
_STYLE = """
<style>
  .control-chart { overflow-x: auto; margin: 0 0 0.25rem; background: #fff;
    border: 1px solid #d5dde4; border-radius: 0.5rem; padding: 0.5rem; }
  .st-key-control-charts [data-testid="stHorizontalBlock"] { flex-wrap: wrap; }
  .st-key-control-charts [data-testid="stColumn"] { min-width: min(100%, 40rem); }
  .control-chart:focus-visible { outline: 3px solid #164a6f; outline-offset: 2px; }
  .control-chart img { display: block; width: 100%; min-width: 38rem; max-width: 51rem; }
</style>
"""
_POINTS = (
    Column("Until"),
    Column("Cases", "number"),
    Column("Value", "number"),
    Column("95 % interval", "number"),
    Column("Statistic", "number"),
    Column("Alarm"),
)


def show_style() -> None:
    """Draw the style of the charts; once at the beginning of a page that has some."""
    st.html(_STYLE)


def address_of(series: ChartSeries) -> str:
    """Return the address of the page that shows one chart."""
    chosen = {_CHART: series.chart.value, _STREAM: _stream(series)}
    return f"/{PagePath.MONITORING}?{urlencode(chosen)}"


def show(charts: Sequence[ChartSeries]) -> None:
    """Draw the choice of charts and of the stream, and the charts that are chosen."""
    st.header("Charts", anchor=False)
    drawn = [one for one in charts if one.points]
    if not drawn:
        st.info("No chart has a point yet.", icon=":material/show_chart:")
        return
    kinds = {one.value: CHARTS[one] for one in ChartKind if any(x.chart is one for x in drawn)}
    streams = {_stream(one): stream_name(one.axis, one.level) for one in drawn if one.axis}
    left, right = st.columns(2)
    with left:
        kind = _choice("Chart", _CHART, {_EVERY: "Every chart", **kinds})
    with right:
        listed = {"": ALL_CASES, _EVERY: "Every site and group", **streams}
        stream = _choice("Cases", _STREAM, listed)
    chosen = [
        one
        for one in drawn
        if kind in (_EVERY, one.chart.value) and stream in (_EVERY, _stream(one))
    ]
    if not chosen:
        st.info("There is no such chart of these cases.", icon=":material/show_chart:")
    with st.container(key="control-charts"):
        shown = chosen[:_MOST]
        for start in range(0, len(shown), _BESIDE):
            columns = st.columns(_BESIDE, gap="large")
            for at, series in enumerate(shown[start : start + _BESIDE], start):
                with columns[at - start]:
                    _show_chart(series, f"control-{at}")
    if len(chosen) > _MOST:
        st.caption(
            f"The first {_MOST} of {len(chosen)} charts: choose one kind, or one site or group."
        )


def _stream(series: ChartSeries) -> str:
    return f"{series.axis}:{series.level}" if series.axis else ""


def _choice(label: str, key: str, options: dict[str, str]) -> str:
    """Let one of several be chosen; the address keeps the choice."""
    keys = list(options)
    wanted = st.query_params.get(key, keys[0])
    return st.selectbox(
        label,
        keys,
        keys.index(wanted) if wanted in options else 0,
        key=f"monitoring-{key}",
        format_func=options.__getitem__,
        on_change=_keep,
        args=(key,),
    )


def _keep(key: str) -> None:
    st.query_params[key] = st.session_state[f"monitoring-{key}"]


def _show_chart(series: ChartSeries, key: str) -> None:
    title = f"{series.title}. {stream_name(series.axis, series.level)}"
    st.subheader(escape(title), anchor=False)
    said = f"{plural(series.n_cases, 'case', 'cases')}, {series.verdict.value}."
    if series.false_alarm is not None:
        said += (
            f" Designed for a false alarm in {100 * series.false_alarm:g} of 100 periods of the "
            "plan's length without a change."
        )
    st.caption(f"{said} {escape(series.note)}".strip())
    picture = base64.b64encode(standalone(control_chart(series, key)).svg.encode()).decode()
    # Streamlit takes SVG out of HTML, so the chart is a picture; its text stands in `alt`.
    shown = Markup(
        '<div class="control-chart" role="group" tabindex="0" aria-label="{}">'
        '<img src="data:image/svg+xml;base64,{}" alt="{}"></div>'
    ).format(title, picture, description(series))
    html_table.show_markup(st, shown)
    with st.expander("The points as a table"):
        points = series.points[-_LISTED:]
        rows = [_point(one, series.unit) for one in reversed(points)]
        html_table.show_table(f"Points: {title}", _POINTS, rows)
        if len(series.points) > _LISTED:
            st.caption(f"The newest {_LISTED} of {len(series.points)}; charts.csv has all.")


def _point(point: ChartPoint, unit: str) -> tuple[Cell, ...]:
    none = html_table.weak("–")
    value: Cell = html_table.weak("too few cases")
    if point.value is not None:
        value = shown_value(point.value, unit)
    interval: Cell = none
    if point.low is not None and point.high is not None:
        interval = shown_interval(point.low, point.high, unit)
    day = f"{point.at:%Y-%m-%d %H:%M}"
    return (
        html_table.lines(day, "after a gap without cases") if point.after_gap else day,
        str(point.n_cases),
        value,
        interval,
        none if point.statistic is None else shown_value(point.statistic, ""),
        html_table.tag("Alarm", strong=True) if point.alarm else "",
    )
