"""What the panel of a case sends with each step, as pydantic checks it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from triage.review import Certainty, FollowUp, FollowUpKind, OverrideReason
from triage.vocabulary.clinical import Urgency

_MOST_CONDITIONS = 50
_MOST_FEATURES = 50
_LONGEST_NAME = 500
Name = Annotated[str, Field(max_length=_LONGEST_NAME)]


class StepBody(BaseModel):
    """What every step has: the version of the case that the reader saw."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[int, Field(ge=0)]


class UndoBody(StepBody):
    """A decision is taken back."""


class ReadBody(StepBody):
    """A first read."""

    conditions: Annotated[tuple[Name, ...], Field(max_length=_MOST_CONDITIONS)]
    urgency: Urgency
    certainty: Certainty


class FollowUpBody(BaseModel):
    """What is to follow where the AI abstained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FollowUpKind
    by: Name | None = None
    text: str = ""

    def value(self) -> FollowUp:
        """Return it as the decision takes it."""
        return FollowUp(self.kind, self.by, self.text)


class DecisionBody(ReadBody):
    """A decision."""

    reason: OverrideReason | None = None
    comment: str = ""
    follow_up: FollowUpBody | None = None


class SecondReadBody(ReadBody):
    """A second read."""

    comment: str = ""


class AdjudicationBody(SecondReadBody):
    """An answer in an adjudication."""

    rubric: Annotated[dict[Name, Name], Field(max_length=_MOST_FEATURES)]


class SkipBody(StepBody):
    """A case is left to others."""

    reason: str


class CannotGradeBody(StepBody):
    """The images cannot be read."""

    reason: str
    next_action: str


class HandOverBody(StepBody):
    """A case is given to another reader."""

    to: Name


class AddendumBody(StepBody):
    """A text is added to a signed case."""

    text: str


class DraftBody(BaseModel):
    """What a reader has answered and not sent, and in which form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Name
    answers: dict[str, Any]


class ActivityBody(BaseModel):
    """The reader is at work; there is nothing more to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)
