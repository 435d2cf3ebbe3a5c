"""Which waiting cases a worklist shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from triage.vocabulary.case_states import CaseState
from triage.vocabulary.modality import Modality


class WorklistState(StrEnum):
    """How far a waiting case has come."""

    NEW = "new"
    """Nobody has locked a first read or seen the AI's opinion."""
    STARTED = "started"
    """A reader has locked a first read, or was shown the AI's opinion, and has not decided."""
    SKIPPED = "skipped"
    """A reader has left it to others."""

    @property
    def case_states(self) -> tuple[CaseState, ...]:
        """States of a case that are shown as this one."""
        return _CASE_STATES[self]


_CASE_STATES = {
    WorklistState.NEW: (CaseState.RECEIVED, CaseState.QUALITY_GATED, CaseState.INFERRED),
    WorklistState.STARTED: (CaseState.FIRST_READ_LOCKED, CaseState.REVEALED),
    WorklistState.SKIPPED: (CaseState.SKIPPED,),
}


@dataclass(frozen=True, slots=True)
class WorklistFilter:
    """Which waiting cases are wanted; every condition must hold, and the empty filter wants all.

    Parameters
    ----------
    text : str
        Part of the name of the case, the patient or the source, without regard to letter case and
        to blanks around it.
    sources : tuple of str
        Any of them; empty for all.
    modality : Modality, optional
    state : WorklistState, optional
    received_from, received_to : date, optional
        Days in UTC, both included.
    """

    text: str = ""
    sources: tuple[str, ...] = ()
    modality: Modality | None = None
    state: WorklistState | None = None
    received_from: date | None = None
    received_to: date | None = None


EVERY_CASE = WorklistFilter()
"""The filter that wants every waiting case."""
