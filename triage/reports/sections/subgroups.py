"""Performance by group: chart, tables, worst level, differences, every verdict."""

from __future__ import annotations

from triage.auditing.audit_plan import Axis
from triage.auditing.measurement import AuditFinding, LevelComparison
from triage.charts.level_forest import level_forest
from triage.charts.number_format import MISSING, number, span
from triage.reports.audit_report import AuditReport
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
from triage.reports.sections.abstention import ABSTENTION_METRICS
from triage.reports.sections.analysis import analyses
from triage.reports.sections.calibration import CALIBRATION_METRICS
from triage.reports.sections.cells import (
    count_cell,
    estimate_cell,
    group,
    limit_text,
    p_text,
    unless_empty,
    verdict_cell,
    words,
)
from triage.reports.sections.group_tables import axis_tables, levels_by_axis, metrics_of

_PANELS, _ROWS = 3, 44
"""Panels of a chart, and rows of one that fits a page."""
_SHORT = {"Holm": "Holm", "Benjamini-Hochberg": "BH"}
_CORRECTED = (
    "Below each corrected p-value is the method: Holm within the primary set, BH for Benjamini and "
    "Hochberg elsewhere."
)
_SIGNS = "✓ meets its limit, ✗ fails it, ? not enough evidence; metrics without a limit have no sign."


def subgroups(report: AuditReport) -> Section:
    """Everything that was measured of groups."""
    axes = levels_by_axis(report)
    if not axes:
        reason = "the plan names no axis of groups, or no group has cases"
        return Section("subgroups", "Performance by group", unavailable=reason)
    judged = list(dict.fromkeys(limit.metric for limit in report.plan.limits))
    elsewhere = {*judged, *CALIBRATION_METRICS, *ABSTENTION_METRICS}
    metrics = [*judged, *(key for key in metrics_of(report) if key not in elsewhere)]
    by_name = {axis.name: axis for axis in report.plan.axes}
    blocks: list[Block] = [*_forest(report, judged or metrics), Paragraph(_SIGNS, "note")]
    for axis in axes:
        planned = by_name.get(axis)
        blocks.append(Heading(words(axis)))
        blocks += [] if planned is None else _stated(planned)
        blocks += axis_tables(report, axis, metrics)
    blocks += [
        Heading("Worst levels"), *unless_empty(_worst(report)),
        *_differences(report),
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
        "line: all cases. Solid line: limit of the plan. Panels with a limit draw the interval "
        "that the verdict rests on; panels without draw Wilson's interval of proportions."
    )
    title = f"Groups: {', '.join(known[key].title for key in shown)}"
    return tuple(
        Figure(level_forest(report, shown, axes, f"forest-{number}"), title, caption)
        for number, axes in enumerate(_pages(levels_by_axis(report)), 1)
    )


def _pages(levels: dict[str, list[str]]) -> list[list[str]]:
    """Divide the axes into charts of at most a page, one axis undivided."""
    pages: list[list[str]] = []
    rows = _ROWS
    for axis, names in levels.items():
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


def _worst(report: AuditReport) -> Table:
    units = {key: found.unit for key, found in metrics_of(report).items()}
    rows = tuple(
        (
            Cell(each.title),
            Cell(words(each.axis)),
            Cell(each.level or "none with enough evidence", weak=each.level is None),
            Cell(number(each.value, units.get(each.metric, "")), value=each.value),
            Cell(MISSING if each.low is None else span(each.low, each.high, units[each.metric])),
        )
        for each in report.worst
    )
    columns = (
        Column("Metric"), Column("Axis"), Column("Worst level"), Column("Estimate", "number"),
        Column("Interval", "number"),
    )  # fmt: skip
    note = "The worst level is chosen after looking: its estimate tends to be worse than its truth."
    return Table("Worst level of each axis", columns, rows, note, "worst")


def _differences(report: AuditReport) -> tuple[Block, ...]:
    if not report.comparisons:
        return ()
    with_margin = any(each.margin is not None for each in report.comparisons)
    rows = tuple(_difference(each, with_margin) for each in report.comparisons)
    columns = (
        Column("Level, against"), Column("Metric"), Column("Difference", "number"),
        Column("Ratio", "number"), Column("p", "number"), Column("p corrected", "number"),
        *((Column("Margin", "number"), Column("Verdict")) if with_margin else ()),
    )  # fmt: skip
    note = f"Differences in the unit of the metric, proportions as fractions of one. {_CORRECTED}"
    table = Table("Each level against its reference", columns, rows, note, "comparisons")
    return Heading("Differences and ratios between groups"), table


def _difference(each: LevelComparison, with_margin: bool) -> tuple[Cell, ...]:
    weak = each.evidence == "not enough"
    judged = (
        Cell(number(each.margin, "") if each.margin is not None else "", value=each.margin),
        Cell("") if each.verdict is None else verdict_cell(each.verdict),
    )
    return (
        Cell(group(each.axis, each.level), f"against {each.reference}"),
        Cell(each.title),
        Cell(number(each.difference, ""), span(each.difference_low, each.difference_high, ""),
             weak=weak, value=each.difference),
        Cell(number(each.ratio, ""), span(each.ratio_low, each.ratio_high, ""), weak=weak,
             value=each.ratio),
        Cell(p_text(each.p_value), value=each.p_value),
        Cell(p_text(each.p_adjusted), _SHORT[each.correction], value=each.p_adjusted),
        *(judged if with_margin else ()),
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
        Cell(p_text(each.p_value), value=each.p_value),
        Cell(p_text(each.p_adjusted), _SHORT[each.correction], value=each.p_adjusted),
        verdict_cell(each.verdict),
    )
