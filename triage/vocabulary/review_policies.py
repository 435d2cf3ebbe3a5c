"""Words of a site's review policy."""

from __future__ import annotations

from enum import StrEnum


class ReadingMode(StrEnum):
    """When a reader sees the AI's opinion of a case."""

    BLIND = "blind"
    """After the first read is locked."""
    CONCURRENT = "concurrent"
    """From the beginning; there is no first read."""
    AI_OFF = "ai_off"
    """Never; what the AI would have said can be compared afterwards."""


class ReadKind(StrEnum):
    """What a read of a case was given as."""

    FIRST = "first"
    FINAL = "final"
    SECOND = "second"
    ADJUDICATION = "adjudication"


class SecondReadRule(StrEnum):
    """Why a decided case goes to a second reader."""

    CONFLICT = "conflict"
    """The decision is at least as many urgency levels from the AI's as the policy says."""
    SHOULD_ABSTAIN = "should_abstain"
    """The reader stated that the AI should have abstained."""
    ABSTENTION_LOWERED = "abstention_lowered"
    """The decision is below the priority at which the abstained case was queued."""
    SUBGROUP = "subgroup"
    """The case belongs to a subgroup that the policy names."""
    RANDOM = "random"
    """The case belongs to the random share."""
    PLANTED = "planted"
    """The case is one whose answer is known."""


class SignatureMeaning(StrEnum):
    """What a signature states."""

    AUTHORSHIP = "authorship"
    REVIEW = "review"
    APPROVAL = "approval"
