"""Both tables of the gate in one order, refused where they are not of the same cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from triage.auditing.audit_table import AuditTable
from triage.errors import UsageError
from triage.gating.gate_table import GateTable

_SAME = "Score both systems on the same cases, and give each table whole."


def aligned(champion: GateTable, challenger: GateTable) -> tuple[AuditTable, AuditTable]:
    """Return the cases of both, which are in the order of their identifiers.

    An axis that one table has is that of both.

    Raises
    ------
    UsageError
        If cases, labels, patients or groups differ; it counts the rows.
    """
    first, second = champion.cases, challenger.cases
    assert first.case_names is not None
    assert second.case_names is not None
    if not first.case_names.equals(second.case_names):
        missing, more = (
            int(pc.invert(pc.is_in(one.case_names, other.case_names)).to_numpy(
                zero_copy_only=False).sum())
            for one, other in ((first, second), (second, first))
        )  # fmt: skip
        raise UsageError(
            f"the tables hold different cases: {missing} of the champion's {len(first)} rows are "
            f"not among the challenger's, and {more} of the challenger's {len(second)} not among "
            "the champion's",
            where="case_id",
            hint=_SAME,
        )
    _refuse_labels(first, second)
    if champion.cases.patients_known and challenger.cases.patients_known:
        other = int((first.cluster != second.cluster).sum())
        if other:
            raise _differ("patient_id", other, len(first))
    axes = dict(second.axes) | dict(first.axes)
    for name in first.axes.keys() & second.axes.keys():
        one, two = (
            np.array(table.axes[name].levels, dtype=object)[table.axes[name].codes]
            for table in (first, second)
        )
        if other := int((one != two).sum()):
            raise _differ(name, other, len(first))
    known = first if first.patients_known else second
    common = {"axes": axes, "cluster": known.cluster, "patients_known": known.patients_known}
    return replace(first, **common), replace(second, **common)  # type: ignore[arg-type]


def _refuse_labels(first: AuditTable, second: AuditTable) -> None:
    assert first.label_codes is not None
    assert second.label_codes is not None
    one, two = (
        np.array(table.label_names, dtype=object)[table.label_codes] for table in (first, second)
    )
    if other := int((one != two).sum()):
        raise _differ("label", other, len(first))


def _differ(column: str, count: int, total: int) -> UsageError:
    return UsageError(
        f"column {column!r} differs between the tables in {count} of {total} rows",
        where=column,
        hint=_SAME,
    )
