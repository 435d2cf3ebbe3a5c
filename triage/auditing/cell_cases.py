"""The cases behind one cell of an audit: those that count as errors of its metric."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.audit_cases import audit_cases
from triage.auditing.measurement import ALL, OVERALL
from triage.auditing.metric_columns import METRIC_COLUMNS, columns_of
from triage.errors import UsageError, unknown_name
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS


def has_error_cases(metric: str) -> bool:
    """Whether single cases are errors of a metric: whether it is a share of cases."""
    found = AUDIT_METRICS.get(metric)
    return found is not None and found.case_values is not None and found.unit == "proportion"


def failing_cases(
    table: AuditTable, plan: AuditPlan, axis: str, level: str, metric: str
) -> NDArray[np.int64]:
    """Return the places of the cases of a cell that count against its metric.

    Of a metric of which more is better these are the cases that it counts and that lack the
    property; of another those that have it.

    Parameters
    ----------
    table : AuditTable
    plan : AuditPlan
    axis, level : str
        `OVERALL` and `ALL` for all cases.
    metric : str
        Key of a metric for which `has_error_cases` holds.

    Returns
    -------
    int64 array
        Places in the table, increasing.

    Raises
    ------
    UsageError
        If there is no such axis or level, no single case is an error of the metric, or a column
        that it needs is absent.
    """
    if not has_error_cases(metric):
        raise UsageError(
            "No single case is an error of this metric, so there are none to list.", where=metric
        )
    if absent := sorted(METRIC_COLUMNS[metric] - columns_of(table)):
        raise UsageError(
            f"The audited cases do not have what this metric needs: {', '.join(absent)}.",
            where=metric,
        )
    found = AUDIT_METRICS[metric]
    assert found.case_values is not None
    part = found.case_values(audit_cases(table, plan))
    has_property = np.asarray(part.values, dtype=np.bool_)
    is_error = ~has_property if found.larger_is_better else has_property
    return np.flatnonzero(_in_cell(table, axis, level) & part.where & is_error)


def _in_cell(table: AuditTable, axis: str, level: str) -> NDArray[np.bool_]:
    if (axis, level) == (OVERALL, ALL):
        return np.ones(len(table), dtype=np.bool_)
    if axis not in table.axes:
        raise unknown_name("axis", axis, table.axes)
    found = table.axes[axis]
    if level not in found.levels:
        raise unknown_name("level", level, found.levels, where=axis)
    return np.asarray(found.codes == found.levels.index(level))
