"""How far a case has come: the states of its review."""

from __future__ import annotations

from enum import StrEnum


class CaseState(StrEnum):
    """How far a case has come; `triage.review.states` holds the transitions between them."""

    RECEIVED = "received"
    QUALITY_GATED = "quality_gated"
    """Every image could be decoded."""
    INFERRED = "inferred"
    """At least one system has given a decision."""
    FIRST_READ_LOCKED = "first_read_locked"
    REVEALED = "revealed"
    DECIDED = "decided"
    SECOND_READ = "second_read"
    """Decided, and waiting for a second reader."""
    ADJUDICATION = "adjudication"
    """Readers disagree, and a consensus is looked for."""
    SIGNED = "signed"
    EXPORTED = "exported"
    AMENDED = "amended"
    """Signed, and an addendum that is not signed yet was added."""
    SKIPPED = "skipped"
    UNGRADABLE = "ungradable"
    """A reader could not read the images, and a retake was requested."""


WAITING_STATES = (
    CaseState.RECEIVED,
    CaseState.QUALITY_GATED,
    CaseState.INFERRED,
    CaseState.FIRST_READ_LOCKED,
    CaseState.REVEALED,
    CaseState.SKIPPED,
)
"""States of cases that no reader has decided or reported ungradable: those of the worklist."""
UNFINISHED_STATES = (*WAITING_STATES, CaseState.SECOND_READ, CaseState.ADJUDICATION)
"""States of cases on which a reader still has work."""
