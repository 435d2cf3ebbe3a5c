"""Whether a reader may give a blind first read of a case in this browser session."""

from __future__ import annotations

from collections.abc import Iterable

from triage.review import open_case, taken_up
from triage.store import Store
from triage.store.records import ReviewRecord
from ui.session import was_revealed


def review_here(store: Store, case_id: int, reader: str) -> ReviewRecord | None:
    """Begin or resume a reader's review; None where their first read would not be blind here.

    Called before every step, so that a form left open in another tab is refused too.
    """
    if refused_here(store, case_id, reader):
        return None
    return open_case(store, case_id, reader)


def refused_here(store: Store, case_id: int, reader: str) -> bool:
    """Whether a case is refused: its opinion was shown here and this reader has no first read.

    Parameters
    ----------
    store : Store
    case_id : int
    reader : str
        A name.
    """
    if not was_revealed(case_id):
        return False
    review = taken_up(store, case_id, reader)
    return review is None or review.first is None


def refused_among(store: Store, case_ids: Iterable[int], reader: str) -> frozenset[int]:
    """Return which of some cases are refused here; none of them without a reader's name."""
    if not reader:
        return frozenset()
    return frozenset(number for number in case_ids if refused_here(store, number, reader))
