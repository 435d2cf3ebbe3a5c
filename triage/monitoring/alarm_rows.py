"""Alarms as they are shown, and whether one is still as it was shown."""

from __future__ import annotations

from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.monitoring.monitoring_result import AlarmSummary
from triage.store.monitoring_tables import AlarmRow
from triage.vocabulary.monitoring import AlarmState, ChartKind, ClosingReason


def alarm_summary(row: AlarmRow) -> AlarmSummary:
    """Return a stored alarm as it is shown."""
    return AlarmSummary(
        id=row.id,
        chart=ChartKind(row.chart),
        key=row.key,
        axis=row.axis,
        level=row.level,
        crossed_at=row.crossed_at,
        raised_at=row.raised_at,
        state=AlarmState(row.state),
        owner=row.owner,
        closing_reason=None if row.closing_reason is None else ClosingReason(row.closing_reason),
        comment=row.comment,
        closed_at=row.closed_at,
        facts=dict(row.facts),
    )


def require_unchanged(session: Session, seen: AlarmSummary) -> None:
    """Check, in the transaction of a change, that an alarm is as the person saw it.

    A second sending of the same form, or a change by somebody else meanwhile, is refused so.

    Raises
    ------
    StoreError
        If its state or owner is another one now, or there is no such alarm.
    """
    row = session.get(AlarmRow, seen.id, with_for_update=True)
    if row is None:
        raise StoreError("There is no such alarm.", where=f"alarm {seen.id}")
    if (row.state, row.owner) == (seen.state, seen.owner):
        return
    now = row.state if row.owner is None else f"{row.state}, owner {row.owner}"
    raise StoreError(
        f"The alarm has changed since it was shown: it is {now}.",
        where=f"alarm {seen.id}",
        hint="Look at it again before you change it.",
    )
