"""What a reader states beside a condition: how certain, and why a decision departs.

The four levels and the codes are our own convention.
"""

from __future__ import annotations

from enum import StrEnum

NOT_LISTED = "not_listed"
"""A reader's condition when none of the system's conditions fits."""


class Certainty(StrEnum):
    """How certain a reader is, from least to most."""

    GUESS = "guess"
    UNSURE = "unsure"
    FAIRLY_SURE = "fairly_sure"
    SURE = "sure"


class FollowUpKind(StrEnum):
    """What a reader has follow where the AI abstained."""

    RETAKE = "retake"
    SPECIALIST = "specialist"
    NONE = "none"


class OverrideReason(StrEnum):
    """Why a decision departs from the AI's opinion or from the reader's own first read."""

    MISSED_FINDING = "R1"
    FALSE_FINDING = "R2"
    QUALITY = "R3"
    HISTORY = "R4"
    WRONG_SITE = "R5"
    FALSE_ALARM = "R6"
    SHOULD_ABSTAIN = "R7"
    LOCAL_POLICY = "R8"
    PREFERENCE = "R9"
    OTHER = "R10"

    @property
    def sentence(self) -> str:
        """What the code means, for the reader."""
        return _SENTENCES[self]


_SENTENCES = {
    OverrideReason.MISSED_FINDING: "A finding was missed",
    OverrideReason.FALSE_FINDING: "A finding is not there",
    OverrideReason.QUALITY: "The quality of the images",
    OverrideReason.HISTORY: "The clinical history",
    OverrideReason.WRONG_SITE: "Wrong patient, eye or body site",
    OverrideReason.FALSE_ALARM: "The AI abstained needlessly",
    OverrideReason.SHOULD_ABSTAIN: "The AI should have abstained",
    OverrideReason.LOCAL_POLICY: "Local policy",
    OverrideReason.PREFERENCE: "The patient's preference",
    OverrideReason.OTHER: "Other (say which in the comment)",
}
