"""A section on some metrics: all cases and each group, then analyses."""

from __future__ import annotations

from collections.abc import Sequence

from triage.auditing.measurement import OVERALL
from triage.reports.audit_report import AuditReport
from triage.reports.document import Block, Heading, Paragraph, Section
from triage.reports.names import words
from triage.reports.sections.analysis import analyses
from triage.reports.sections.group_tables import (
    OTHER_METRICS,
    axis_tables,
    levels_by_axis,
    metrics_of,
)

MOST_METRICS = 5
"""Metrics that are shown of each group."""


def metrics_by_group(
    report: AuditReport,
    key: str,
    title: str,
    metrics: Sequence[str],
    analysis: str,
    absent: str,
) -> Section:
    """Return a section of the tables of some metrics and of one analysis.

    Parameters
    ----------
    report : AuditReport
    key, title : str
        Of the section.
    metrics : sequence of str
        Keys; the first `MOST_METRICS` that were measured are shown.
    analysis : str
        Key of the analysis that follows the tables.
    absent : str
        The reason to give where there is neither metric nor analysis.
    """
    known = metrics_of(report)
    shown = [metric for metric in metrics if metric in known]
    after = analyses(report, analysis)
    if not shown:
        return Section(key, title, after, "" if after else absent)
    crossed = {axis.name for axis in report.plan.axes if axis.of is not None}
    measured = levels_by_axis(report)
    axes = [axis for axis in measured if axis not in crossed]
    further = len(shown) > MOST_METRICS or len(axes) < len(measured)
    blocks: list[Block] = [Paragraph(OTHER_METRICS)] if further else []
    for axis in axes or [OVERALL]:
        blocks += [Heading(words(axis)), *axis_tables(report, axis, shown[:MOST_METRICS])]
    return Section(key, title, (*blocks, *after))
