"""Clinical vocabulary: risk of a condition and urgency of a referral."""

from __future__ import annotations

from enum import StrEnum


class Risk(StrEnum):
    """How much harm a missed condition can do."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Urgency(StrEnum):
    """Referral urgency, in the four classes of De Fauw et al. 2018, most urgent first."""

    URGENT = "urgent"
    SEMI_URGENT = "semi_urgent"
    ROUTINE = "routine"
    OBSERVATION = "observation"

    @property
    def rank(self) -> int:
        """Position in the order of urgency: 0 is the most urgent."""
        return _RANKS[self]


_RANKS = {urgency: rank for rank, urgency in enumerate(Urgency)}

NO_AI_OPINION = "no_ai_opinion"
"""The fifth recommendation: the system abstains and a specialist decides."""

ABSTAINED_PRIORITY = Urgency.SEMI_URGENT
"""Abstaining never lowers a priority: such a case queues here or above."""

PLAUSIBLE = 0.05
"""Joint probability from which a condition counts as plausible, so that readers see it; ours."""
