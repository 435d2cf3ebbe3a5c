"""What a page of the worklist shows: a part of the list and the numbers above it."""

from __future__ import annotations

from datetime import datetime

from triage.accounts import Action, Actor, require
from triage.review.worklist import PAGE_SIZE, page_of, require_time_zone
from triage.review.worklist_counts import counts_of
from triage.review.worklist_filter import EVERY_CASE, WorklistFilter
from triage.review.worklist_items import WorklistCounts, WorklistPage
from triage.review.worklist_query import selection
from triage.store import Store


def worklist_overview(
    store: Store,
    actor: Actor,
    now: datetime,
    *,
    wanted: WorklistFilter = EVERY_CASE,
    after: str | None = None,
) -> tuple[WorklistPage, WorklistCounts]:
    """Return what `worklist_page` and `worklist_counts` return, of one state of the database.

    A text is looked for in the names of all cases once for both.

    Raises
    ------
    UsageError
        If `after` is not what an earlier page gave in the same order, or the time has no time zone.
    PermissionDenied
        If the actor may not see cases.
    """
    require(actor, Action.VIEW_CASES)
    require_time_zone(now)
    with store.reading() as session:
        chosen = selection(session, wanted)
        page = page_of(session, actor, now, chosen, after, PAGE_SIZE)
        return page, counts_of(session, actor, now, chosen)
