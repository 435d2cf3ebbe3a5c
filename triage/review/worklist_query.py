"""Queries over the waiting cases: the conditions of a filter, and rows in the order of an index."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    collate,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
)
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

_MANY = 500
"""From so many cases with a text on, they are met soon in any order."""

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


class SearchedText(NamedTuple):
    """The condition that a case has a text in its names, in the forms that are fast."""

    of_first: ColumnElement[bool]
    """For the first cases in some order: each case is looked at by itself."""
    of_all: ColumnElement[bool]
    """For all cases: the patients with the text are found once."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The waiting cases that a filter wants, as conditions of queries over `Case`.

    Parameters
    ----------
    sources : tuple of str
        Empty for all.
    conditions : tuple
        All but those on the source and the text.
    text : SearchedText, optional
    """

    sources: tuple[str, ...] = ()
    conditions: tuple[ColumnElement[bool], ...] = ()
    text: SearchedText | None = None

    def parts(self) -> tuple[Selection, ...]:
        """Return one selection a source where there are few, since indexes have one order each."""
        if 1 < len(self.sources) <= _FEW:
            return tuple(replace(self, sources=(source,)) for source in self.sources)
        return (self,)

    def of(self, query: Select[Any]) -> Select[Any]:
        """Narrow a query that looks at the first cases in some order to these cases."""
        return self._narrowed(query, self.text and self.text.of_first)

    def counted(self, query: Select[Any]) -> Select[Any]:
        """Narrow a query that looks at every case to these cases."""
        return self._narrowed(query, self.text and self.text.of_all)

    def _narrowed(self, query: Select[Any], text: ColumnElement[bool] | None) -> Select[Any]:
        query = query.where(is_waiting(), *self.conditions)
        if text is not None:
            query = query.where(text)
        if len(self.sources) == 1:
            return query.where(Case.source == self.sources[0])
        return query.where(Case.source.in_(self.sources)) if self.sources else query


def selection(session: Session, wanted: WorklistFilter) -> Selection:
    """Return the cases that a filter wants."""
    conditions: list[ColumnElement[bool]] = []
    sources = tuple(sorted({name for name in wanted.sources if _can_be_stored(name)}))
    if wanted.sources and not sources:
        conditions.append(false())
    if wanted.modality is not None:
        conditions.append(Case.modality == wanted.modality)
    if wanted.state is not None:
        conditions.append(Case.state.in_(wanted.state.case_states))
    if wanted.received_from is not None:
        conditions.append(Case.received_at >= _midnight(wanted.received_from))
    if wanted.received_to is not None and wanted.received_to < date.max:
        conditions.append(Case.received_at < _midnight(wanted.received_to + timedelta(days=1)))
    text = wanted.text.strip()
    searched = _has_text(text, session) if text else None
    return Selection(sources, tuple(conditions), searched)


def rows_in_order(
    session: Session,
    columns: Sequence[Any],
    chosen: Selection,
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
    query = select(*columns).where(*conditions).order_by(*columns).limit(size)
    walks = [_walk(session, columns, part.of(query), after, size) for part in chosen.parts()]
    return heapq.merge(*walks)


def _walk(
    session: Session,
    columns: Sequence[Any],
    query: Select[Any],
    after: Sequence[Any] | None,
    size: int,
) -> Iterator[OrderedRow]:
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


def _can_be_stored(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _has_text(text: str, session: Session) -> SearchedText:
    """Whether the name of a case, its patient or its source has a text in it."""
    if len(text) > _LONGEST_TEXT or not _can_be_stored(text):
        return SearchedText(false(), false())
    in_case = _contains(Case.external_id, text, session)
    in_patient = and_(
        _contains(Patient.external_id, text, session),
        ~Patient.external_id.startswith(CASE_PREFIX, autoescape=True),
    )
    sources = [one for one in waiting_sources(session) if text.casefold() in one.casefold()]
    if not sources:
        # Few cases are found faster by a look at all names than by a look at each case in order.
        of_patient = select(Case.id).join(Patient, Case.patient_id == Patient.id).where(in_patient)
        numbers = {
            number
            for query in (select(Case.id).where(in_case), of_patient)
            for number in session.scalars(query.limit(_MANY))
        }
        if len(numbers) < _MANY:
            return SearchedText(Case.id.in_(numbers), Case.id.in_(numbers))
    of_source = Case.source.in_(sources)
    patient = select(Patient.id).where(Patient.id == Case.patient_id, in_patient).exists()
    patients = Case.patient_id.in_(select(Patient.id).where(in_patient))
    return SearchedText(or_(of_source, in_case, patient), or_(of_source, in_case, patients))


def _contains(column: Any, text: str, session: Session) -> ColumnElement[bool]:
    """Whether a column has a text in it, without regard to letter case."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    if on_sqlite and not text.isascii():
        # LIKE of SQLite knows the case of letters of ASCII only.
        return func.instr(func.triage_casefold(column, type_=Text), text.casefold()) > 0
    escaped = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in text)
    if not on_sqlite and text.isascii():  # a third of the time that ILIKE takes
        lowered: ColumnElement[str] = func.lower(collate(column, "C"), type_=Text)
        return lowered.like(f"%{escaped.lower()}%", escape="\\")
    compared = column.like if on_sqlite else column.ilike
    found: ColumnElement[bool] = compared(f"%{escaped}%", escape="\\")
    return found
