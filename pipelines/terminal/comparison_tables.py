"""What the terminal says of two audits compared."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from pipelines.terminal.audit_tables import MOST_ROWS, numbers_whole
from pipelines.terminal.tables import plain_table
from triage.auditing.comparison_result import MetricChange
from triage.auditing.measurement import OVERALL
from triage.charts.number_format import p_value
from triage.reports.comparison_report import ComparisonReport
from triage.reports.names import group, words
from triage.reports.sections.cells import metric_key

SIGNIFICANT = 0.05
"""Corrected p-value below which a metric counts as changed."""


def comparison_lines(report: ComparisonReport) -> list[str | Table]:
    """Return tables and lines: all cases, groups that changed, HEAL, plans and data.

    The tables have the metrics that the first plan has a limit for; all where it has none.
    """
    limited = {metric_key(one) for one in report.plan.limits}
    shown = [one for one in report.changes if one.metric in limited or not limited]
    overall = [one for one in shown if one.axis == OVERALL]
    changed = [one for one in shown if one.axis != OVERALL and _is_changed(one)]
    lines: list[str | Table] = [f"first:  {report.first}", f"second: {report.second}"]
    if overall:
        lines.append(_table("All cases", overall, ["metric"]))
    if changed:
        lines.append(_table("Groups that changed", changed, ["group", "metric"]))
    n_changed = sum(map(_is_changed, report.changes))
    lines.append(
        f"{report.kind}: {report.n_first} and {report.n_second}; {n_changed} of "
        f"{len(report.changes)} rows of the report changed (corrected p < {SIGNIFICANT})"
    )
    lines += [
        f"Pareto condition on {words(one.axis)}: {one.pareto} ({one.reason})" for one in report.heal
    ]
    for name, audit in (("first", report), ("second", report.against)):
        lines.append(f"{name}: plan {audit.registration.sentence}")
        lines += [f"{name}: excluded: {n} cases {why}" for why, n in audit.excluded.items()]
        lines += [f"{name}: deviation: {each}" for each in audit.deviations]
    return [*lines, *(f"note: {each}" for each in report.notes)]


def _is_changed(one: MetricChange) -> bool:
    return one.p_adjusted is not None and one.p_adjusted < SIGNIFICANT


def _table(title: str, changes: Sequence[MetricChange], first: Sequence[str]) -> Table:
    rows = [
        [
            *([group(one.axis, one.level), one.title][-len(first) :]),
            "-" if one.first is None else f"{one.first:.3f}",
            "-" if one.second is None else f"{one.second:.3f}",
            _difference(one),
            "-" if one.p_adjusted is None else p_value(one.p_adjusted),
        ]
        for one in changes[:MOST_ROWS]
    ]
    more = len(changes) - len(rows)
    note = f"and {more} more in the report" if more else ""
    columns = [*first, "first", "second", "difference", "corrected p"]
    numbers = range(len(first), len(first) + 3)
    return numbers_whole(plain_table(title, columns, rows, note), *numbers)


def _difference(one: MetricChange) -> str:
    if one.difference is None:
        return "-"
    if one.low is None or one.high is None:
        return f"{one.difference:+.3f}"
    return f"{one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
