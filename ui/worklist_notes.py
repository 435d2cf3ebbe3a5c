"""What stands below the worklist: its order, how the next case is drawn, and the deadlines."""

from __future__ import annotations

from collections.abc import Sequence

from triage.review import WorklistFilter, WorklistOrder, WorklistSite
from triage.review.policies import SitePolicy, site_policy
from triage.store import Store
from ui.words import URGENCIES, duration

_ORDERS = {
    WorklistOrder.URGENCY: "By urgency, then by the time left, then by arrival.",
    WorklistOrder.ARRIVAL: "In order of arrival: the priority is hidden until the first read.",
}
_SOME_HIDDEN = "In order of arrival: some of these sites hide the priority until the first read."
_MOST_SITES = 50
"""Of more sites the policies are not compared at every look."""


def on_order(
    store: Store,
    order: WorklistOrder,
    sites: Sequence[WorklistSite],
    wanted: WorklistFilter,
    *,
    can_read: bool,
) -> str:
    """Return sentences on the order of the list.

    Parameters
    ----------
    store : Store
    order : WorklistOrder
        Of the list that is shown.
    sites : sequence of WorklistSite
        All that have waiting cases.
    wanted : WorklistFilter
        What the list shows.
    can_read : bool
        Whether the person can be handed a case.
    """
    listed = [site for site in sites if not wanted.sources or site.source in wanted.sources]
    mixed = len({site.shows_priority for site in listed}) > 1
    sentences = [_SOME_HIDDEN if order is WorklistOrder.ARRIVAL and mixed else _ORDERS[order]]
    policies = _policies(store, listed)
    if can_read:
        sentences.append(_drawing(policies))
    sentences.append(_deadlines(policies))
    return " ".join(sentences)


def _policies(store: Store, sites: Sequence[WorklistSite]) -> list[SitePolicy]:
    if len(sites) > _MOST_SITES:
        return []
    with store.reading() as session:
        return [site_policy(session, site.source) for site in sites]


def _drawing(policies: Sequence[SitePolicy]) -> str:
    text = (
        "“Next case” gives the most urgent one, then the one with the least time left; one past "
        "its deadline counts as urgent"
    )
    shares = {policy.random_next_share for policy in policies}
    if len(shares) != 1:
        return f"{text}. A part, set for each site, is drawn at random from all that wait."
    share = shares.pop()
    if not share:
        return f"{text}."
    return f"{text}. About {share * 100:.0f} in 100 are drawn at random from all that wait."


def _deadlines(policies: Sequence[SitePolicy]) -> str:
    limits = {policy.deadlines for policy in policies}
    if len(limits) != 1:
        return "Deadlines are set for each site."
    deadlines = limits.pop()
    named = ", ".join(
        f"{name.lower()} {duration(deadlines.of(urgency))}" for urgency, name in URGENCIES.items()
    )
    return f"Time from receipt to decision: {named}."
