"""What a worklist shows of each waiting case, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from triage.store.records import GroupValue
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.modality import Modality
from triage.vocabulary.reader_names import reader_key


class Pressure(StrEnum):
    """How a case stands to its deadline."""

    IN_TIME = "in_time"
    NEAR = "near"
    OVERDUE = "overdue"


class WorklistOrder(StrEnum):
    """In which order a worklist shows its cases."""

    URGENCY = "urgency"
    """The most urgent class first, then the least time left, then arrival."""
    ARRIVAL = "arrival"
    """The longest wait first; of every worklist with a site that hides the priority."""


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """One waiting case, with nothing of the AI but its class, and that only where it is shown.

    Parameters
    ----------
    case_id : int
    external_id : str
        The name of the case in its source.
    patient : str or None
        The patient's pseudonym; None where the case came without one.
    source : str
    modality : Modality
    groups : mapping
        Subgroup columns, such as age band, sex, body site or skin type; None where unknown.
    laterality : Laterality or None
    age : float or None
        In years.
    images : int
        How many it has.
    state : CaseState
    has_draft : bool
        Whether something is kept of what this reader typed.
    received_at : datetime
    waiting : timedelta
    reserved_by : str or None
        The reader who has the case now.
    band : Urgency or None
        None, as are `deadline` and `pressure`, where the policy of the site hides the priority.
    deadline : datetime or None
    pressure : Pressure or None
    """

    case_id: int
    external_id: str
    patient: str | None
    source: str
    modality: Modality
    groups: Mapping[str, GroupValue]
    laterality: Laterality | None
    age: float | None
    images: int
    state: CaseState
    has_draft: bool
    received_at: datetime
    waiting: timedelta
    reserved_by: str | None = None
    band: Urgency | None = None
    deadline: datetime | None = None
    pressure: Pressure | None = None

    def is_free_for(self, reader: str) -> bool:
        """Whether a reader can open the case now."""
        return self.reserved_by is None or reader_key(self.reserved_by) == reader_key(reader)


@dataclass(frozen=True, slots=True)
class WorklistPage:
    """A part of a worklist.

    Parameters
    ----------
    items : tuple of WorklistItem
    next : str or None
        Where the next part begins, to be given back as it is; None of the last part.
    order : WorklistOrder
    """

    items: tuple[WorklistItem, ...]
    next: str | None
    order: WorklistOrder


COUNTED_TO = 10_000
"""Cases are counted up to here: of longer worklists the number is not needed at every look."""


@dataclass(frozen=True, slots=True)
class WorklistCounts:
    """Numbers above a worklist.

    Parameters
    ----------
    waiting : int
        Cases that the filter wants.
    overdue : int
        Cases past their deadline, over all sites; see `worklist_counts`.
    in_work_by_others : int
        Of those, cases that other readers have reserved.
    done_today : int
        Cases that the reader decided, read second or adjudicated since midnight of `now`, whatever
        the filter.
    capped : bool
        Whether there may be more: a number that is `COUNTED_TO` then means at least as many.
    """

    waiting: int
    overdue: int
    in_work_by_others: int
    done_today: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class WorklistSite:
    """A source with waiting cases, and whether its policy shows their priority."""

    source: str
    shows_priority: bool
