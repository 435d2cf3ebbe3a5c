"""Whether the columns that order the worklist follow from the tables."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.store.tables import Case
from triage.store.worklist_order import class_rank, due_time, is_waiting

_MOST = 100  # of one column; a table that was changed as a whole is one finding more


def order_findings(session: Session) -> list[str]:
    """Compare class and due time of waiting cases with what they follow from; one line a case.

    Other checks compare with the events what they follow from: predictions, bundles, planted cases
    and policies.
    """
    findings = []
    for column, value in ((Case.queue_rank, class_rank()), (Case.due_at, due_time(session))):
        query = select(Case.id).where(is_waiting(), column.is_distinct_from(value))
        numbers = session.scalars(query.limit(_MOST + 1)).all()
        findings += [
            f"case {number}: {column.key} is not what follows from its opinions, its receipt and "
            "the policy of its site"
            for number in numbers[:_MOST]
        ]
        if len(numbers) > _MOST:
            findings.append(f"case: {column.key} of more cases is not what follows")
    return findings
