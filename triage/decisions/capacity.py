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
    if capacity is None:
        return []
    counted = (
        (
            "cases without an opinion",
            int((decisions["recommendation"] == NO_AI_OPINION).sum()),
            capacity.abstentions_a_day,
        ),
        (
            "urgent cases",
            int((decisions["queue_urgency"] == Urgency.URGENT).sum()),
            capacity.urgent_a_day,
        ),
    )
    return [
        f"over capacity: {found} {what} in this run of {len(decisions)}, where the data spec has "
        f"places for {most} a day; no decision was changed"
        for what, found, most in counted
        if most is not None and found > most
    ]
