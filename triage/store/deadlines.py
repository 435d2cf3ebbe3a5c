"""How long a case of each urgency class may wait for a decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.vocabulary.clinical import Urgency

_LONGEST = timedelta(days=3650)
Allowed = Annotated[timedelta, Field(gt=timedelta(), le=_LONGEST)]


class Deadlines(BaseModel):
    """Time from receipt to decision for each class; the values are our defaults.

    A clinic sets its own. They are whole seconds, at most ten years, and a more urgent class is
    never allowed more time than a less urgent one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    urgent: Allowed = timedelta(days=1)
    semi_urgent: Allowed = timedelta(days=7)
    routine: Allowed = timedelta(days=28)
    observation: Allowed = timedelta(days=90)

    @model_validator(mode="after")
    def _check(self) -> Self:
        times = [self.of(urgency) for urgency in Urgency]
        if any(time.microseconds for time in times):
            raise ValueError("a deadline is no whole number of seconds")
        if times != sorted(times):
            raise ValueError("a more urgent class is allowed more time than a less urgent one")
        return self

    def of(self, urgency: Urgency) -> timedelta:
        """Return the time that a class allows."""
        allowed: timedelta = getattr(self, urgency.value)
        return allowed
