"""How far a case has come in the case database."""

from __future__ import annotations

from enum import StrEnum


class CaseState(StrEnum):
    """How far a case has come."""

    RECEIVED = "received"
    SCORED = "scored"
    REVIEWED = "reviewed"
