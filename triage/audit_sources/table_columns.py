"""Columns that a plan names, looked for in a table before a row is read."""

from __future__ import annotations

from triage.audit_sources.table_file import TableFile
from triage.auditing.audit_plan import AuditPlan
from triage.errors import UsageError, nearest_name


def named_columns(plan: AuditPlan) -> dict[str, str]:
    """Return every column that a plan reads, and which part of the plan names it."""
    found: dict[str, str] = {}
    for role, name in plan.columns.model_dump(exclude_none=True).items():
        if role == "probabilities":
            found |= {column: f"columns.probabilities.{key}" for key, column in name.items()}
        else:
            found[name] = f"columns.{role}"
    found |= {axis.column: f"axes.{axis.name}" for axis in plan.axes if axis.column is not None}
    if plan.period is not None and plan.period.column is not None:
        found[plan.period.column] = "period.column"
    return found


def check_columns(plan: AuditPlan, table: TableFile) -> None:
    """Check that a table has every column that a plan names.

    Raises
    ------
    UsageError
        If one is absent, with the nearest name; the first of several is told, and how many.
    """
    absent = {
        name: where for name, where in named_columns(plan).items() if name not in table.columns
    }
    if not absent:
        return
    name, where = next(iter(absent.items()))
    near = nearest_name(name, table.columns)
    listed = ", ".join(table.columns[:20]) + (", ..." if len(table.columns) > 20 else "")
    more = f", and {len(absent) - 1} more columns of the plan are absent" if len(absent) > 1 else ""
    raise UsageError(
        f"the table has no column {name!r}{more}",
        where=where,
        hint=f"Did you mean {near!r}?" if near else f"There are {listed}.",
    )
