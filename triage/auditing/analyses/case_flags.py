"""Facts of each case that several analyses count."""

from __future__ import annotations

from triage.auditing.analyses.group_sums import BoolArray
from triage.auditing.audit_table import AuditTable


def known_condition(table: AuditTable) -> BoolArray:
    """Whether the true condition is one that the system knows, bool [N]."""
    return table.truth >= 0


def named_right(table: AuditTable) -> BoolArray:
    """Whether the most probable class is the true condition, bool [N]."""
    assert table.predicted is not None
    found: BoolArray = known_condition(table) & (table.predicted == table.truth)
    return found
