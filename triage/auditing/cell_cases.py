"""The cases behind one cell of an audit: those that count as errors of its metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_table import MISSING, AuditTable
from triage.auditing.measurement import ALL, OVERALL
from triage.errors import UsageError, nearest_name
from triage.vocabulary.clinical import Urgency

_Flags = NDArray[np.bool_]
_Column = TypeVar("_Column")


def failing_cases(table: AuditTable, axis: str, level: str, metric: str) -> NDArray[np.int64]:
    """Return the places of the cases of a cell that count against its metric.

    Parameters
    ----------
    table : AuditTable
    axis, level : str
        `OVERALL` and `ALL` for all cases.
    metric : str
        One of `CELL_METRICS`.

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
    if metric not in CELL_METRICS:
        raise UsageError(
            "No single case is an error of this metric, so there are none to list.", where=metric
        )
    return np.flatnonzero(_in_cell(table, axis, level) & CELL_METRICS[metric](table))


def _in_cell(table: AuditTable, axis: str, level: str) -> _Flags:
    if (axis, level) == (OVERALL, ALL):
        return np.ones(len(table), dtype=np.bool_)
    if axis not in table.axes:
        raise _unknown("axis", axis, table.axes)
    found = table.axes[axis]
    if level not in found.levels:
        raise _unknown(f"level of the axis {axis}", level, found.levels)
    return np.asarray(found.codes == found.levels.index(level))


def _unknown(kind: str, name: str, known: Mapping[str, object] | tuple[str, ...]) -> UsageError:
    near = nearest_name(name, list(known))
    return UsageError(
        f"There is no such {kind}.", where=name, hint=f"Did you mean {near}?" if near else None
    )


def _needed(column: _Column | None, name: str) -> _Column:
    if column is None:
        raise UsageError("The audited cases do not have this column.", where=name)
    return column


def _wrong(table: AuditTable) -> _Flags:
    """Inliers whose named condition is not the true one."""
    predicted = _needed(table.predicted, "predicted")
    return np.asarray((table.truth >= 0) & (predicted != table.truth))


def _abstained(table: AuditTable) -> _Flags:
    return _needed(table.abstained, "abstained")


def _answered_wrong(table: AuditTable) -> _Flags:
    return (_wrong(table) | table.is_outlier) & ~_abstained(table)


def _urgencies(table: AuditTable) -> tuple[NDArray[np.int8], NDArray[np.int8], _Flags]:
    """True rank, rank in the queue, and whether both are known."""
    true = _needed(table.true_urgency, "true_urgency")
    queue = _needed(table.queue_urgency, "queue_urgency")
    return true, queue, np.asarray((true != MISSING) & (queue != MISSING))


def _missed(table: AuditTable, rank: int) -> _Flags:
    """Cases at least as urgent as a rank that wait as less urgent than it."""
    true, queue, known = _urgencies(table)
    return known & (true <= rank) & (queue > rank)


def _false_alarms(table: AuditTable, rank: int) -> _Flags:
    """Cases less urgent than a rank that wait as at least as urgent."""
    true, queue, known = _urgencies(table)
    return known & (true > rank) & (queue <= rank)


def _under_triaged(table: AuditTable) -> _Flags:
    true, queue, known = _urgencies(table)
    return known & (queue > true)


def _over_triaged(table: AuditTable) -> _Flags:
    true, queue, known = _urgencies(table)
    return known & (queue < true)


def _first_read_wrong(table: AuditTable) -> _Flags:
    return table.labelled & (_needed(table.first_right, "first_right") == 0)


def _final_wrong(table: AuditTable) -> _Flags:
    return table.labelled & (_needed(table.final_right, "final_right") == 0)


def _shown(table: AuditTable) -> _Flags:
    """Cases whose reader was shown the system's output; all where that is not recorded."""
    if table.ai_shown is None:
        return np.ones(len(table), dtype=np.bool_)
    return np.asarray(table.ai_shown != 0)


def _harmful_switch(table: AuditTable) -> _Flags:
    return _final_wrong(table) & (_needed(table.first_right, "first_right") == 1) & _shown(table)


def _decided(table: AuditTable) -> tuple[NDArray[np.int8], NDArray[np.int8], _Flags]:
    """True rank, rank of the final decision, and whether both are known."""
    true = _needed(table.true_urgency, "true_urgency")
    final = _needed(table.final_urgency, "final_urgency")
    return true, final, np.asarray((true != MISSING) & (final != MISSING))


def _urgent_not_decided_so(table: AuditTable) -> _Flags:
    true, final, known = _decided(table)
    return known & (true == Urgency.URGENT.rank) & (final != Urgency.URGENT.rank)


def _under_called(table: AuditTable) -> _Flags:
    """Urgent and semi-urgent cases decided as less urgent where an abstention was shown."""
    true, final, known = _decided(table)
    pressing = known & (true <= Urgency.SEMI_URGENT.rank)
    return pressing & _abstained(table) & _shown(table) & (final > true)


_RANKS = {each.value: each.rank for each in (Urgency.URGENT, Urgency.SEMI_URGENT, Urgency.ROUTINE)}

CELL_METRICS: Mapping[str, Callable[[AuditTable], _Flags]] = MappingProxyType(
    {
        "accuracy": _wrong,
        "selective_accuracy": lambda table: _wrong(table) & ~_abstained(table),
        "selective_risk": _answered_wrong,
        "abstention_rate": _abstained,
        "coverage": lambda table: (table.truth >= 0) & _abstained(table),
        "outlier_abstention_rate": lambda table: table.is_outlier & ~_abstained(table),
        "under_triage_rate": _under_triaged,
        "over_triage_rate": _over_triaged,
        "first_read_accuracy": _first_read_wrong,
        "final_accuracy": _final_wrong,
        "harmful_switch_rate": _harmful_switch,
        "final_sensitivity_urgent": _urgent_not_decided_so,
        "abstention_under_call_rate": _under_called,
        **{f"sensitivity_{name}": partial(_missed, rank=rank) for name, rank in _RANKS.items()},
        **{
            f"specificity_{name}": partial(_false_alarms, rank=rank)
            for name, rank in _RANKS.items()
        },
    }
)
"""Metrics of which single cases are errors, and which of a table's cases those are, bool [N]."""
