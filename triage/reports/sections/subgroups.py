"""Performance by group: chart, tables, worst level, differences, every verdict."""

from __future__ import annotations

from triage.auditing.audit_plan import Axis
from triage.auditing.measurement import AuditFinding, LevelComparison
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
from triage.reports.sections.analysis import analyses
from triage.reports.sections.cells import (
    count_cell,
    estimate_cell,
    group,
    limit_text,
    metric_key,
    verdict_cell,
    words,
)
from triage.reports.sections.group_tables import (
    OTHER_METRICS,
    axis_tables,
    levels_by_axis,
    metrics_of,
)

_SHOWN = (
    "accuracy", "sensitivity_urgent", "specificity_urgent", "under_triage_rate",
    "over_triage_rate", "clinical_cost", "balanced_accuracy", "auroc_urgent",
)  # fmt: skip
"""Metrics that are shown of each group beside those with a limit and those of the user's own."""
_PANELS, _ROWS = 3, 44
"""Panels of a chart, and rows of one that fits a page."""
_MOST_LEVELS = 70
"""Levels of an axis that is drawn; one of more would be too small to read."""
_SHORT = {"Holm": "Holm", "Benjamini-Hochberg": "BH"}
_CORRECTED = (
    "Below each corrected p-value is the method: Holm within the primary set, BH for Benjamini and "
    "Hochberg elsewhere."
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
            f"Scale: {axis.skin_tone.scale}. Method: {axis.skin_tone.method}. "
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
            Cell(each.level or "none with enough evidence", weak=each.level is None),
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
    shown = [each for each in report.comparisons if not planned or each.metric in planned]
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
    note += _rest(len(report.comparisons) - len(shown), "comparisons")
    table = Table("Each level against its reference", columns, rows, note, "comparisons")
    return Heading("Differences and ratios between groups"), table


def _difference(each: LevelComparison, with_margin: bool) -> tuple[Cell, ...]:
    weak = each.evidence == "not enough"
    judged = Cell("")
    if each.verdict is not None:
        judged = verdict_cell(each.verdict, f"margin {number(each.margin, '')}")
    return (
        Cell(group(each.axis, each.level), f"against {each.reference}"),
        Cell(each.title),
        Cell(number(each.difference, ""), span(each.difference_low, each.difference_high, ""),
             weak=weak, value=each.difference),
        Cell(number(each.ratio, ""), span(each.ratio_low, each.ratio_high, ""), weak=weak,
             value=each.ratio),
        Cell(p_value(each.p_value), value=each.p_value),
        Cell(p_value(each.p_adjusted), _SHORT[each.correction], value=each.p_adjusted),
        *((judged,) if with_margin else ()),
    )  # fmt: skip


def _verdicts(report: AuditReport) -> tuple[Block, ...]:
    if not report.findings:
        return ()
    columns = (
        Column("Group"), Column("Metric"), Column("Limit"), Column("Estimate", "number"),
        Column("n", "number"), Column("p", "number"), Column("p corrected", "number"),
        Column("Verdict"),
    )  # fmt: skip
    note = f"p: two-sided, that the true value is the limit. {_CORRECTED}"
    rows = tuple(_finding(each) for each in report.findings)
    table = Table("Each limit on each set of cases", columns, rows, note, "findings")
    return Heading("Every verdict"), table


def _finding(each: AuditFinding) -> tuple[Cell, ...]:
    return (
        Cell(group(each.axis, each.level)),
        Cell(each.title),
        Cell(limit_text(each, each.unit)),
        estimate_cell(each),
        count_cell(each.n),
        Cell(p_value(each.p_value), value=each.p_value),
        Cell(p_value(each.p_adjusted), _SHORT[each.correction], value=each.p_adjusted),
        verdict_cell(each.verdict),
    )
