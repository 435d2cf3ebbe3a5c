"""The alarm where the cases of a run exceed the places of a day; it changes no case."""

from __future__ import annotations

import pandas as pd

from triage.data.spec import Capacity
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency


def capacity_alarms(capacity: Capacity | None, decisions: pd.DataFrame) -> list[str]:
    """Return a sentence for each limit of a day that the decisions of one run exceed.

    The cases of a run count as those of one day. The sentences hold counts only.

    Parameters
    ----------
    capacity : Capacity or None
        Of the data spec.
    decisions : DataFrame
        As `Policy.decide` returns it.
    """
    return alarms_of_counts(
        capacity,
        len(decisions),
        int((decisions["recommendation"] == NO_AI_OPINION).sum()),
        int((decisions["queue_urgency"] == Urgency.URGENT).sum()),
    )


def alarms_of_counts(
    capacity: Capacity | None, cases: int, no_opinion: int, urgent: int
) -> list[str]:
    """Return the same sentences from counts, such as those of many shards.

    Parameters
    ----------
    capacity : Capacity or None
    cases, no_opinion, urgent : int
        Scored cases in all, those without an opinion, and those that wait as urgent.
    """
    if capacity is None:
        return []
    counted = (
        ("cases without an opinion", no_opinion, capacity.abstentions_a_day),
        ("urgent cases", urgent, capacity.urgent_a_day),
    )
    return [
        f"over capacity: {found} {what} in this run of {cases}, where the data spec has "
        f"places for {most} a day; no decision was changed"
        for what, found, most in counted
        if most is not None and found > most
    ]
