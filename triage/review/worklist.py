"""The worklist: waiting cases in the order in which to read them, a page at a time.

Where every site shows its priority the order is by urgency class, then by the time that is left,
then by arrival. The class is the AI's: where a site hides it, the order is that of arrival, and
nothing of the AI is in an item of that site. A case that was not scored looks like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, require
from triage.errors import UsageError
from triage.review.policies import SitePolicy
from triage.review.worklist_cursor import cursor_text, place_of
from triage.review.worklist_filter import EVERY_CASE, WorklistFilter
from triage.review.worklist_items import (
    Pressure,
    WorklistItem,
    WorklistOrder,
    WorklistPage,
    WorklistSite,
)
from triage.review.worklist_query import (
    Selection,
    column_order,
    policies_by_source,
    rows_in_order,
    selection,
    waiting_sources,
)
from triage.store import Store
from triage.store.tables import Case, CaseLock, Draft, Image, Patient
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.modality import Modality
from triage.vocabulary.reserved_names import CASE_PREFIX

PAGE_SIZE = 25
"""Cases of one page, where no other number is asked for."""
LARGEST_PAGE = 200

_NEAR = 0.25  # the last quarter of a class's time; our default
_CLASSES = {urgency.rank: urgency for urgency in Urgency}


def worklist_page(
    store: Store,
    actor: Actor,
    now: datetime,
    *,
    wanted: WorklistFilter = EVERY_CASE,
    after: str | None = None,
    size: int = PAGE_SIZE,
) -> WorklistPage:
    """Return a part of the worklist.

    A case that waits unchanged from the first page to the last is on exactly one of them, whatever
    arrives or leaves meanwhile.

    Parameters
    ----------
    now : datetime
        With a time zone; waiting times and reservations are measured against it.
    wanted : WorklistFilter
    after : str, optional
        `WorklistPage.next` of the part before.
    size : int
        Most cases of the part, 1 to 200.

    Raises
    ------
    UsageError
        If `after` is not what an earlier page gave in the same order, the size is not 1 to 200 or
        the time has no time zone.
    PermissionDenied
        If the actor may not see cases.
    """
    require(actor, Action.VIEW_CASES)
    require_time_zone(now)
    if not 1 <= size <= LARGEST_PAGE:
        raise UsageError(f"a page has 1 to {LARGEST_PAGE} cases", where="size")
    with store.reading() as session:
        return page_of(session, actor, now, selection(session, wanted), after, size)


def page_of(
    session: Session, actor: Actor, now: datetime, chosen: Selection, after: str | None, size: int
) -> WorklistPage:
    """Return a part of the worklist of some cases; see `worklist_page`."""
    policies = policies_by_source(session)
    order = order_of(session, chosen, policies)
    place = None if after is None else place_of(after, order)
    rows = rows_in_order(session, column_order(order), chosen, after=place, size=size + 1)
    found = list(islice(rows, size + 1))
    shown = found[:size]
    items = _items(session, [row.case_id for row in shown], actor, now, policies)
    more = len(found) > size
    return WorklistPage(items, cursor_text(order, shown[-1].place) if more else None, order)


def worklist_sites(store: Store) -> tuple[WorklistSite, ...]:
    """Return the sources with waiting cases, in alphabetical order."""
    with store.reading() as session:
        policies = policies_by_source(session)
        return tuple(
            WorklistSite(source, policies.get(source, SitePolicy()).priority_visible)
            for source in waiting_sources(session)
        )


def require_time_zone(now: datetime) -> None:
    """Check that a time has a time zone.

    Raises
    ------
    UsageError
        If it has none.
    """
    if now.tzinfo is None:
        raise UsageError("the time has no time zone", where="now", hint="Give one, such as UTC.")


def order_of(
    session: Session, chosen: Selection, policies: Mapping[str, SitePolicy]
) -> WorklistOrder:
    """Return the order of a list: by urgency only where every site of it shows its priority."""
    covered = chosen.sources or waiting_sources(session)
    shown = [policies.get(source, SitePolicy()).priority_visible for source in covered]
    if shown and all(shown):
        return WorklistOrder.URGENCY
    return WorklistOrder.ARRIVAL


def _items(
    session: Session,
    numbers: Sequence[int],
    actor: Actor,
    now: datetime,
    policies: Mapping[str, SitePolicy],
) -> tuple[WorklistItem, ...]:
    images = (
        select(func.count(Image.id)).where(Image.case_id == Case.id).correlate(Case)
    ).scalar_subquery()
    draft = select(Draft.id).where(Draft.case_id == Case.id, Draft.reader == actor.name).exists()
    query = (
        select(Case, Patient.external_id.label("patient"), images.label("images"))
        .add_columns(draft.label("has_draft"), CaseLock.owner)
        .join(Patient, Case.patient_id == Patient.id)
        .outerjoin(CaseLock, (CaseLock.case_id == Case.id) & (CaseLock.until > now))
        .where(Case.id.in_(numbers))
    )
    rows = {row.Case.id: row for row in session.execute(query)}
    return tuple(
        _item(rows[number], now, policies.get(rows[number].Case.source, SitePolicy()))
        for number in numbers
        if number in rows
    )


def _item(
    row: Row[tuple[Case, str, int, bool, str]], now: datetime, policy: SitePolicy
) -> WorklistItem:
    case, visible = row.Case, policy.priority_visible
    allowed = case.due_at - case.received_at
    return WorklistItem(
        case_id=case.id,
        external_id=case.external_id,
        patient=None if row.patient.startswith(CASE_PREFIX) else row.patient,
        source=case.source,
        modality=Modality(case.modality),
        groups=case.groups,
        laterality=None if case.laterality is None else Laterality(case.laterality),
        age=case.age,
        images=row.images,
        state=CaseState(case.state),
        has_draft=row.has_draft,
        received_at=case.received_at,
        waiting=now - case.received_at,
        reserved_by=row.owner,
        band=_CLASSES[case.queue_rank] if visible else None,
        deadline=case.due_at if visible else None,
        pressure=_pressure(case.due_at - now, allowed) if visible else None,
    )


def _pressure(left: timedelta, allowed: timedelta) -> Pressure:
    if left < timedelta():
        return Pressure.OVERDUE
    return Pressure.NEAR if left <= allowed * _NEAR else Pressure.IN_TIME
