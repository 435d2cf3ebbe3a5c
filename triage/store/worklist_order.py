"""The columns that order the worklist: the class of a waiting case, and when it is due.

`case.queue_rank` and `case.due_at` follow from predictions, bundles in use, planted opinions,
policies of sites and the time of receipt. Whatever changes one of these calls `set_order` in the
same transaction. They are right of waiting cases only: a case that comes back to the worklist gets
them anew, and the indexes that order the worklist hold no others.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    case,
    cast,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from triage.store.deadlines import Deadlines
from triage.store.opinion_order import IS_PLANTED, SHOWN_FIRST
from triage.store.tables import IN_WAITING_STATES, Bundle, Case, Prediction, SitePolicyRow
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, Urgency

_LOCK_KEY = 1_206_331_188  # any number but the ledger's, the same in every process of ours


def is_waiting() -> ColumnElement[bool]:
    """Return the condition that a case waits for a decision.

    It is written as in the partial indexes, or they would not be used.
    """
    return literal_column(f'("case".state {IN_WAITING_STATES}) IS TRUE')


def class_rank() -> ColumnElement[int]:
    """Return the place of a case's class in the order of urgency, from what is stored of it.

    A case that no bundle has scored waits like an abstained one: not knowing never lowers a
    priority. A planted case waits in the class of the opinion that its readers are shown, or it
    could be told apart by the difference.
    """
    ranks: dict[Any, ColumnElement[int]] = {
        urgency.value: literal_column(str(urgency.rank)) for urgency in Urgency
    }
    first = (
        select(case(ranks, value=Prediction.queue_urgency))
        .join(Bundle, Prediction.bundle_id == Bundle.id)
        .where(Prediction.case_id == Case.id, Bundle.withdrawn_at.is_(None))
        .order_by(case((IS_PLANTED, 0), else_=1), *SHOWN_FIRST)
        .limit(1)
        .correlate(Case)
        .scalar_subquery()
    )
    return func.coalesce(first, ABSTAINED_PRIORITY.rank)


def due_time(session: Session) -> ColumnElement[datetime]:
    """Return when a case is due: its receipt and the time that its site allows its stored class."""
    sites: dict[Deadlines, list[str]] = defaultdict(list)
    for site, policy in session.execute(select(SitePolicyRow.site, SitePolicyRow.policy)):
        sites[Deadlines.model_validate(policy.get("deadlines", {}))].append(site)
    usual = _seconds(Deadlines())
    own = [
        (Case.source.in_(names), _seconds(deadlines))
        for deadlines, names in sites.items()
        if deadlines != Deadlines()
    ]
    allowed = case(*own, else_=usual) if own else usual
    if session.get_bind().dialect.name == "postgresql":
        return Case.received_at + func.make_interval(0, 0, 0, 0, 0, 0, allowed)
    # The fraction of a second is kept as text: SQLite calculates with milliseconds.
    received = func.substr(Case.received_at, 1, 19)
    whole = func.strftime("%Y-%m-%d %H:%M:%S", received, cast(allowed, String).op("||")(" seconds"))
    return whole.op("||")(func.substr(Case.received_at, 20))


def _seconds(deadlines: Deadlines) -> ColumnElement[int]:
    times: dict[Any, ColumnElement[int]] = {
        urgency.rank: literal_column(str(int(deadlines.of(urgency).total_seconds())))
        for urgency in Urgency
    }
    return case(times, value=Case.queue_rank)


def set_order(session: Session, *which: ColumnElement[bool]) -> None:
    """Bring the class and the due time of some waiting cases to what follows from the tables.

    Parameters
    ----------
    session : Session
        What the order follows from has been flushed. It holds the lock of `share_order` or
        `hold_order`.
    which : conditions on `Case`
    """
    rank = class_rank()
    for column, value in ((Case.queue_rank, rank), (Case.due_at, due_time(session))):
        session.execute(
            update(Case)
            .where(*which, is_waiting(), column.is_distinct_from(value))
            .values({column: value})
            .execution_options(synchronize_session=False)
        )


def set_order_of_bundle(session: Session, *bundles: int) -> None:
    """Bring the order of all cases that some bundles have scored to what follows from the tables.

    The caller has taken the lock of `hold_order` before it changed anything.
    """
    scored = select(Prediction.case_id).where(Prediction.bundle_id.in_(bundles))
    set_order(session, Case.id.in_(scored))


def share_order(session: Session) -> None:
    """Let those wait who change the order of many cases, until this transaction ends.

    Whoever changes one case at a time takes it before locking any row, so that nobody waits in
    turn. A writer of SQLite is alone already.
    """
    _lock(session, "pg_advisory_xact_lock_shared")


def hold_order(session: Session) -> None:
    """Let everyone else who changes the order of a case wait, until this transaction ends."""
    _lock(session, "pg_advisory_xact_lock")


def _lock(session: Session, function: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            text(f"SELECT {function}(:key, CAST(CAST('event' AS regclass) AS int))"),
            {"key": _LOCK_KEY},
        )
