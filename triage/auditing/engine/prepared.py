"""What the tasks of an audit share: the table, the plan, and what is made of both once.

A task names it by the path and the content of a file. The process that has the table in memory
offers it under that name, and no file is written; another process reads the file, once for all of
its tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.planned_metrics import PlannedMetrics, planned_metrics
from triage.auditing.engine.scope import Scopes
from triage.auditing.engine.table_file import read_table_file
from triage.auditing.engine.user_metrics import UserMetric, planned_user_metrics

Name = tuple[str, str]
"""Path and content of a table's file."""


@dataclass(frozen=True)
class Prepared:
    """A table and its plan, ready to be measured.

    Parameters
    ----------
    table : AuditTable
    planned : PlannedMetrics
    scopes : Scopes
    threads : int
        Levels measured at once. Each is measured by itself, so their number changes no number.
    """

    table: AuditTable
    planned: PlannedMetrics
    scopes: Scopes
    threads: int = 1

    @classmethod
    def of(
        cls,
        table: AuditTable,
        plan: AuditPlan,
        own: Sequence[UserMetric] = (),
        threads: int = 1,
    ) -> Prepared:
        """Prepare a table; raises UsageError where the plan names what there is not."""
        planned = planned_metrics(table, plan, [*planned_user_metrics(plan), *own])
        return cls(table, planned, Scopes(table, plan), threads)

    @cached_property
    def numbered(self) -> AuditTable:
        """The table, its patients numbered in an order that depends only on their cases."""
        return replace(self.table, cluster=self.scopes.number[self.table.cluster])


_offered: dict[Name, list[Prepared]] = {}
_read: dict[Name, Prepared] = {}
"""At most one: a worker measures one audit at a time."""


@contextmanager
def offered(name: Name, prepared: Prepared) -> Iterator[None]:
    """Let the tasks of this process use what is in memory already."""
    _offered.setdefault(name, []).append(prepared)
    try:
        yield
    finally:
        # Two threads may audit the same table; each takes away one of the equal entries.
        _offered[name].pop()
        if not _offered[name]:
            del _offered[name]


def prepared_of(name: Name, plan: dict[str, Any]) -> Prepared:
    """Return what a task measures.

    Parameters
    ----------
    name : (path, content)
    plan : dict
        The plan as JSON.

    Raises
    ------
    EngineError
        If the file cannot be read here.
    """
    if held := _offered.get(name):
        return held[-1]
    if name not in _read:
        _read.clear()
        table = read_table_file(Path(name[0]), name[1])
        _read[name] = Prepared.of(table, AuditPlan.model_validate(plan))
    return _read[name]
