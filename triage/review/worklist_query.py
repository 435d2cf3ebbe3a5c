"""Queries over the waiting cases: the conditions of a filter, and rows in the order of an index."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from triage.review.policies import SitePolicy
from triage.review.worklist_filter import WorklistFilter
from triage.review.worklist_items import WorklistOrder
from triage.store.tables import Case, Patient, SitePolicyRow
from triage.store.worklist_order import is_waiting
from triage.vocabulary.reserved_names import CASE_PREFIX

_LONGEST_TEXT = 200
"""Characters of a text that is looked for; no name is longer."""

_FEW = 20
"""Up to so many sources are walked one by one, each in the order of its own index."""


class OrderedRow(NamedTuple):
    """A waiting case with its place in an order; comparing the places compares the cases."""

    place: tuple[Any, ...]
    case_id: int


def column_order(order: WorklistOrder) -> tuple[Any, ...]:
    """Return the columns of an order, as an index has them."""
    arrival = (Case.received_at, Case.id)
    return arrival if order is WorklistOrder.ARRIVAL else (Case.queue_rank, Case.due_at, *arrival)


def waiting_sources(session: Session) -> list[str]:
    """Return the sources with waiting cases, in alphabetical order, without reading the cases."""
    walk = (
        select(_next_source().label("source")).cte("walk", recursive=True)  # from one to the next
    )
    walk = walk.union_all(
        select(_next_source(Case.source > walk.c.source)).where(walk.c.source.is_not(None))
    )
    found = session.scalars(select(walk.c.source).where(walk.c.source.is_not(None)))
    return sorted(found)


def _next_source(*beyond: ColumnElement[bool]) -> Any:
    query = select(Case.source).where(is_waiting(), *beyond).order_by(Case.source).limit(1)
    return query.correlate_except(Case).scalar_subquery()


def policies_by_source(session: Session) -> dict[str, SitePolicy]:
    """Return the policies that were set; those of other sources are our defaults."""
    rows = session.execute(select(SitePolicyRow.site, SitePolicyRow.policy))
    return {site: SitePolicy.model_validate(policy) for site, policy in rows}


def selected(query: Select[Any], wanted: WorklistFilter, session: Session) -> Select[Any]:
    """Narrow a query over `Case` to the waiting cases that a filter wants."""
    query = query.where(is_waiting())
    if wanted.sources:
        query = query.where(Case.source.in_(_stored(wanted.sources)))
    if wanted.modality is not None:
        query = query.where(Case.modality == wanted.modality)
    if wanted.state is not None:
        query = query.where(Case.state.in_(wanted.state.case_states))
    if wanted.received_from is not None:
        query = query.where(Case.received_at >= _midnight(wanted.received_from))
    if wanted.received_to is not None and wanted.received_to < date.max:
        following = wanted.received_to + timedelta(days=1)
        query = query.where(Case.received_at < _midnight(following))
    if text := wanted.text.strip():
        query = query.join(Patient, Case.patient_id == Patient.id)
        query = query.where(_has_text(text, session))
    return query


def rows_in_order(
    session: Session,
    columns: Sequence[Any],
    wanted: WorklistFilter,
    *conditions: ColumnElement[bool],
    after: Sequence[Any] | None = None,
    size: int,
) -> Iterator[OrderedRow]:
    """Yield waiting cases in the order of some columns, read in parts of `size`.

    Parameters
    ----------
    columns : sequence of columns
        Those of an index, or the end of one whose beginning `conditions` hold constant; the last
        is the number of the case.
    after : sequence, optional
        A place; only what comes after it.
    """
    sources = sorted(set(wanted.sources))
    if not 0 < len(sources) <= _FEW:
        return _walk(session, columns, wanted, conditions, after, size)
    walks = [
        _walk(session, columns, wanted, (Case.source == source, *conditions), after, size)
        for source in _stored(sources)
    ]
    return heapq.merge(*walks)


def _walk(
    session: Session,
    columns: Sequence[Any],
    wanted: WorklistFilter,
    conditions: Sequence[ColumnElement[bool]],
    after: Sequence[Any] | None,
    size: int,
) -> Iterator[OrderedRow]:
    query = selected(select(*columns), wanted, session).where(*conditions)
    query = query.order_by(*columns).limit(size)
    while True:
        part = query if after is None else query.where(_beyond(columns, after))
        rows = [tuple(row) for row in session.execute(part)]
        yield from (OrderedRow(row, row[-1]) for row in rows)
        if len(rows) < size:
            return
        after = rows[-1]


def _beyond(columns: Sequence[Any], place: Sequence[Any]) -> ColumnElement[bool]:
    values = [literal(value, column.type) for column, value in zip(columns, place, strict=True)]
    return tuple_(*columns) > tuple_(*values)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _stored(names: Sequence[str]) -> list[str]:
    """Those names that a database can hold."""
    return [name for name in names if _can_be_stored(name)]


def _can_be_stored(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _has_text(text: str, session: Session) -> ColumnElement[bool]:
    if len(text) > _LONGEST_TEXT or not _can_be_stored(text):
        return false()
    stands_for_a_case = Patient.external_id.startswith(CASE_PREFIX, autoescape=True)
    return or_(
        _contains(Case.external_id, text, session),
        and_(_contains(Patient.external_id, text, session), ~stands_for_a_case),
        _contains(Case.source, text, session),
    )


def _contains(column: Any, text: str, session: Session) -> ColumnElement[bool]:
    """Whether a column has a text in it, without regard to letter case."""
    if session.get_bind().dialect.name == "sqlite" and not text.isascii():
        # LIKE of SQLite takes no other letters than those of ASCII together.
        return func.instr(func.triage_casefold(column, type_=Text), text.casefold()) > 0
    escaped = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in text)
    found: ColumnElement[bool] = column.ilike(f"%{escaped}%", escape="\\")
    return found
