"""Every urgent case that was queued below urgent."""

from __future__ import annotations

import numpy as np

from triage.auditing.analyses.group_sums import every_axis, group_sums
from triage.auditing.analyses.numbers import Name, missing_columns, share_number, unavailable
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import Analysis, NamedNumber
from triage.vocabulary.clinical import Urgency

KEY, TITLE = "error_list", "Urgent cases queued below urgent"
MOST_LISTED = 200


def error_list(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Count the urgent cases queued below urgent by level, and list them.

    Returns
    -------
    Analysis
        `urgent_missed` by level (share of urgent cases); `urgent_miss`, one for each case, whose
        value is its number: that of the case database, else its row, counted from 1. At most
        `MOST_LISTED`, those with the least urgent queue first.
    """
    reason = missing_columns(
        {"true urgency": table.true_urgency, "urgency of the queue": table.queue_urgency}
    )
    if reason:
        return unavailable(KEY, TITLE, reason)
    assert table.true_urgency is not None
    assert table.queue_urgency is not None
    urgent = (table.true_urgency == Urgency.URGENT.rank) & (table.queue_urgency >= 0)
    if not urgent.any():
        return unavailable(KEY, TITLE, "no case is urgent")
    missed = urgent & (table.queue_urgency > Urgency.URGENT.rank)
    numbers = []
    for axis, levels in every_axis(table):
        sums = group_sums(table, levels, (missed, urgent), urgent)
        for place, level in enumerate(levels.levels):
            if sums.totals[place, 1]:
                name = Name("urgent_missed", "urgent cases queued below urgent", axis, level)
                numbers.append(share_number(name, sums, (place, 0, 1), plan.intervals))
    rows = np.flatnonzero(missed)
    rows = rows[np.argsort(-table.queue_urgency[rows], kind="stable")]
    numbers += [_listed(table, int(row)) for row in rows[:MOST_LISTED]]
    numbered = "rows of the audited table, from 1" if table.case_numbers is None else "case numbers"
    notes = [f"Cases are named by {numbered}, those with the least urgent queue first."]
    if len(rows) > MOST_LISTED:
        notes.append(f"{len(rows) - MOST_LISTED} more cases are not listed.")
    return Analysis(key=KEY, title=TITLE, available=True, numbers=numbers, notes=notes)


def _listed(table: AuditTable, row: int) -> NamedNumber:
    assert table.queue_urgency is not None
    queue = list(Urgency)[table.queue_urgency[row]]
    words = f"queued as {str(queue).replace('_', '-')}"
    if table.abstained is not None and table.abstained[row]:
        words += ", no opinion"
    number = row + 1 if table.case_numbers is None else int(table.case_numbers[row])
    return NamedNumber(key="urgent_miss", title=words, unit="case number", value=float(number))
