"""Performance by group: chart, tables, worst level, differences, every verdict."""

from __future__ import annotations

from triage.auditing.audit_plan import Axis
from triage.auditing.measurement import OVERALL, AuditFinding, LevelComparison
from triage.charts.number_format import MISSING, number, p_value, span
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS
from triage.reports.audit_report import AuditReport
from triage.reports.charts.level_forest import level_forest
from triage.reports.document import (
    Block,
    Cell,
    Column,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
)
from triage.reports.names import group, level_name, words
from triage.reports.sections.analysis import analyses
from triage.reports.sections.cells import (
    count,
    count_cell,
    estimate_cell,
    limit_text,
    metric_key,
    verdict_cell,
)
from triage.reports.sections.group_tables import (
    OTHER_METRICS,
    axis_tables,
    levels_by_axis,
    metrics_of,
)

_SHOWN = (
    "accuracy", "sensitivity_urgent", "specificity_urgent", "under_triage_rate",
    "over_triage_rate", "clinical_cost",
)  # fmt: skip
"""Metrics that are shown of each group beside those with a limit and those of the user's own."""
_PANELS, _ROWS = 3, 44
"""Panels of a chart, and rows of one that fits a page."""
_MOST_LEVELS = 70
"""Levels of an axis that is drawn; one of more would be too small to read."""
_CORRECTED = (
    "P-values of the primary set are corrected by Holm's method and marked so, all others by that "
    "of Benjamini and Hochberg."
)
_SIGNS = (
    "✓ meets its limit, ✗ fails it, ? not enough evidence; metrics without a limit have no sign."
)


def subgroups(report: AuditReport) -> Section:
    """Everything that was measured of groups."""
    axes = levels_by_axis(report)
    if not axes:
        reason = "the plan names no axis of groups, or no group has cases"
        return Section("subgroups", "Performance by group", unavailable=reason)
    judged = list(dict.fromkeys(metric_key(limit) for limit in report.plan.limits))
    own = (key for key in metrics_of(report) if key not in AUDIT_METRICS)
    metrics = list(dict.fromkeys([*judged, *_SHOWN, *own]))
    by_name = {axis.name: axis for axis in report.plan.axes}
    blocks: list[Block] = [*_forest(report, judged or metrics), Paragraph(_SIGNS, "note")]
    if not set(metrics_of(report)) <= set(metrics):
        blocks.append(Paragraph(OTHER_METRICS))
    for axis in axes:
        planned = by_name.get(axis)
        blocks.append(Heading(words(axis)))
        blocks += [] if planned is None else _stated(planned)
        blocks += axis_tables(report, axis, metrics)
    blocks += [
        *_worst(report, judged), *_differences(report, judged),
        *_verdicts(report),
        *analyses(report, "equalised_odds", "heal", "skin_tone_misclassification"),
    ]  # fmt: skip
    return Section("subgroups", "Performance by group", tuple(blocks))


def _forest(report: AuditReport, metrics: list[str]) -> tuple[Block, ...]:
    known = metrics_of(report)
    shown = [key for key in metrics if key in known][:_PANELS]
    if not shown:
        return ()
    caption = (
        "Estimates with intervals, one row a group. Hollow and dashed: not enough evidence. Dashed "
        "line: all cases. Solid line: limit of the plan. Panels with a limit draw the intervals "
        "of the tables; panels without draw Wilson's interval of proportions."
    )
    title = f"Groups: {', '.join(known[key].title for key in shown)}"
    return tuple(
        Figure(level_forest(report, shown, axes, f"forest-{number}"), title, caption)
        for number, axes in enumerate(_pages(levels_by_axis(report)), 1)
    )


def _pages(levels: dict[str, list[str]]) -> list[list[str]]:
    """Divide the axes into charts of about a page; an axis of very many levels is in none."""
    pages: list[list[str]] = []
    rows = _ROWS
    for axis, names in levels.items():
        if len(names) > _MOST_LEVELS:
            continue
        rows += 1 + len(names)
        if rows > _ROWS:
            pages.append([])
            rows = 1 + len(names)
        pages[-1].append(axis)
    return pages


def _stated(axis: Axis) -> tuple[Block, ...]:
    sentences = []
    if axis.of is not None:
        sentences.append(
            f"Intersection of {words(axis.of[0]).lower()} and {words(axis.of[1]).lower()}, "
            "planned before the data were read."
        )
    if axis.skin_tone is not None:
        raters = axis.skin_tone.raters
        sentences.append(
            f"Scale: {axis.skin_tone.scale.capitalize()}. Method: {axis.skin_tone.method}. "
            f"Raters: {'not stated' if raters is None else raters}. A rated skin type is not the "
            "colour of the skin; the ratings have errors of their own."
        )
    return (Paragraph(" ".join(sentences), "note"),) if sentences else ()


def _worst(report: AuditReport, judged: list[str]) -> tuple[Block, ...]:
    shown = [each for each in report.worst if not judged or each.metric in judged]
    if not shown:
        return ()
    units = {key: found.unit for key, found in metrics_of(report).items()}
    rows = tuple(
        (
            Cell(each.title),
            Cell(words(each.axis)),
            Cell("none with enough evidence", weak=True) if each.level is None
            else Cell(level_name(each.level)),
            Cell(number(each.value, units.get(each.metric, "")), value=each.value),
            Cell(MISSING if each.low is None else
                 span(each.low, each.high, units.get(each.metric, ""))),
        )
        for each in shown
    )  # fmt: skip
    columns = (
        Column("Metric"), Column("Axis"), Column("Worst level"), Column("Estimate", "number"),
        Column("Interval", "number"),
    )  # fmt: skip
    note = "The worst level is chosen after looking: its estimate tends to be worse than its truth."
    note += _rest(len(report.worst) - len(shown), "worst")
    return Heading("Worst levels"), Table("Worst level of each axis", columns, rows, note, "worst")


def _rest(left: int, name: str) -> str:
    """Say where the rows of metrics without a limit are."""
    return f" {left} rows of metrics without a limit are in tables/{name}.csv." if left else ""


def _differences(report: AuditReport, judged: list[str]) -> tuple[Block, ...]:
    planned = {*judged, *(metric_key(margin) for margin in report.plan.margins)}
    crossed = {axis.name for axis in report.plan.axes if axis.of is not None}
    shown = [
        each
        for each in report.comparisons
        if (each.metric in planned or not planned)
        and (each.margin is not None or (each.axis not in crossed and each.evidence == "enough"))
    ]
    if not shown:
        return ()
    with_margin = any(each.margin is not None for each in shown)
    rows = tuple(_difference(each, with_margin) for each in shown)
    columns = (
        Column("Level, against"), Column("Metric"), Column("Difference", "number"),
        Column("Ratio", "number"), Column("p", "number"), Column("p corrected", "number"),
        *((Column("Verdict, margin"),) if with_margin else ()),
    )  # fmt: skip
    note = f"Differences in the unit of the metric, proportions as fractions of one. {_CORRECTED}"
    left = len(report.comparisons) - len(shown)
    if left:
        note += (
            f" {left} more are in tables/comparisons.csv: of intersections, of metrics without a "
            "limit or margin, and without enough evidence for an interval."
        )
    table = Table("Each level against its reference", columns, rows, note, "comparisons")
    return Heading("Differences and ratios between groups"), table


def _difference(each: LevelComparison, with_margin: bool) -> tuple[Cell, ...]:
    weak = each.evidence == "not enough"
    judged = Cell("")
    if each.verdict is not None:
        judged = verdict_cell(each.verdict, f"margin {number(each.margin, '')}")
    return (
        Cell(group(each.axis, each.level), f"against {level_name(each.reference)}"),
        Cell(each.title),
        Cell(number(each.difference, ""), span(each.difference_low, each.difference_high, ""),
             weak=weak, value=each.difference),
        Cell(number(each.ratio, ""), span(each.ratio_low, each.ratio_high, ""), weak=weak,
             value=each.ratio),
        Cell(p_value(each.p_value), value=each.p_value),
        _corrected(each),
        *((judged,) if with_margin else ()),
    )  # fmt: skip


def _corrected(each: LevelComparison | AuditFinding) -> Cell:
    mark = " (Holm)" if each.correction == "Holm" and each.p_adjusted is not None else ""
    return Cell(p_value(each.p_adjusted) + mark, value=each.p_adjusted)


def _verdicts(report: AuditReport) -> tuple[Block, ...]:
    """Return a table of each limit; sets of cases without a value are counted below it."""
    by_limit: dict[tuple[str, float | None, float | None], list[AuditFinding]] = {}
    for each in report.findings:
        by_limit.setdefault((each.metric, each.at_least, each.at_most), []).append(each)
    if not by_limit:
        return ()
    note = (
        "p: two-sided, that the true value is the limit. More cases: how many more it would take "
        "to meet the limit, none of them wrong, and with errors as often as seen; a dash where no "
        "number would do, or where the metric is no proportion."
    )
    tables = [_limit_verdicts(rows) for rows in by_limit.values()]
    return (
        Heading("Every verdict"),
        Paragraph(f"{note} {_CORRECTED}"),
        *tables,
    )


def _limit_verdicts(found: list[AuditFinding]) -> Table:
    columns = (
        Column("Group"), Column("Estimate", "number"), Column("Interval", "number"),
        Column("n", "number"), Column("p", "number"), Column("p corrected", "number"),
        Column("Verdict"), Column("More cases", "number"),
    )  # fmt: skip
    shown = [each for each in found if each.value is not None or each.axis == OVERALL]
    left = len(found) - len(shown)
    note = (
        f"Not printed, without a value: {count(left, 'group')} that has no case of a kind that "
        "the metric needs, or where it is suppressed; the verdict is not enough evidence."
        if left
        else ""
    )
    title = f"{found[0].title}, {limit_text(found[0], found[0].unit)}"
    return Table(title, columns, tuple(_finding(each) for each in shown), note)


def _finding(each: AuditFinding) -> tuple[Cell, ...]:
    value = estimate_cell(each)
    more = [n for n in (each.more_without_error, each.more_at_this_rate) if n is not None]
    return (
        Cell(group(each.axis, each.level)),
        Cell(value.text, weak=value.weak, value=each.value),
        Cell(MISSING if each.low is None else span(each.low, each.high, each.unit)),
        count_cell(each.n),
        Cell(p_value(each.p_value), value=each.p_value),
        _corrected(each),
        verdict_cell(each.verdict),
        Cell(" to ".join(str(n) for n in dict.fromkeys(more)) or MISSING),
    )
