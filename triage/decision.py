"""The frozen `Decision`: what a system's policy decided on one case.

The policy makes it, the predictions table holds one a row, the case database keeps it as it is, and
page, report and export read it. A new field is added here, in the policy that fills it, and where
it is shown; nothing between spells the fields out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from triage.errors import PredictionsError
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, NO_AI_OPINION, Urgency

ROUNDING = 1e-6
"""How far outside [0, 1] a probability may lie, for what was averaged in floating point."""
Probability = Annotated[float, Field(ge=-ROUNDING, le=1 + ROUNDING)]
Doubt = Annotated[FiniteFloat, Field(ge=0)]


class RankedCondition(BaseModel):
    """A condition with its probability, given that the condition is one the system knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    condition: str
    probability: Probability


class Decision(BaseModel):
    """What a system decided on one case.

    Parameters
    ----------
    condition : str, optional
        The most probable condition that the system knows, also where it abstains. None where the
        case could not be read.
    p_condition : float, optional
        Its probability, given that the condition is one the system knows.
    p_outlier : float, optional
        Probability that it is none of those.
    ood_score : float, optional
        Out-of-distribution score; larger is more out-of-distribution.
    aleatoric, epistemic : float, optional
        The doubt between the known conditions in nats: that of each member, and what the
        disagreement of members adds. The second is None where there is one member.
    recommendation : str
        An `Urgency`, or `NO_AI_OPINION`.
    queue_urgency : Urgency
        The class in which the case waits; never below semi-urgent for an abstention.
    reason_code : AbstainReason, optional
        Given exactly when the recommendation is to abstain.
    reason, next_action : str
        Sentences for the reader.
    expected_cost : float, optional
        Expected clinical cost of the recommendation.
    differential : tuple of RankedCondition
        The most probable conditions first.
    prediction_set : tuple of str
        Conditions that hold the true one with probability `set_coverage`, if it is a known one;
        the most probable first. It may be empty, and is where the system gives no sets.
    set_coverage : float, optional
        Nominal coverage of the set, over all cases of known conditions; None where there is no set.
    most_severe : str, optional
        The most severe of the plausible conditions (`triage.decisions.most_severe`), which readers
        see however improbable; None where none is plausible, and of earlier releases.
    p_most_severe : float, optional
        Its probability, given that the condition is one the system knows.

    Raises
    ------
    ValidationError
        If the fields contradict each other or a number is out of its domain.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    condition: str | None = None
    p_condition: Probability | None = None
    p_outlier: Probability | None = None
    ood_score: FiniteFloat | None = None
    aleatoric: Doubt | None = None
    epistemic: Doubt | None = None
    recommendation: str
    queue_urgency: Urgency
    reason_code: AbstainReason | None = None
    reason: str = ""
    next_action: str = ""
    expected_cost: FiniteFloat | None = None
    differential: tuple[RankedCondition, ...] = ()
    prediction_set: tuple[str, ...] = ()
    set_coverage: Probability | None = None
    most_severe: str | None = None
    p_most_severe: Probability | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.recommendation not in (*Urgency, NO_AI_OPINION):
            raise ValueError(f"{self.recommendation!r} is not a recommendation")
        if self.epistemic is not None and self.aleatoric is None:
            raise ValueError("one part of the doubt is missing: aleatoric")
        if self.prediction_set and self.set_coverage is None:
            raise ValueError("a prediction set needs its coverage")
        if (self.most_severe is None) != (self.p_most_severe is None):
            raise ValueError("the most severe condition and its probability come together")
        if self.abstained != (self.reason_code is not None):
            raise ValueError("an abstention needs a reason code, and only an abstention has one")
        if self.abstained and self.queue_urgency.rank > ABSTAINED_PRIORITY.rank:
            raise ValueError("an abstained case may not queue below semi-urgent")
        return self

    @property
    def abstained(self) -> bool:
        """Whether the system gave no opinion."""
        return self.recommendation == NO_AI_OPINION

    @property
    def urgency(self) -> Urgency | None:
        """The recommended urgency; None where the system abstained."""
        return None if self.abstained else Urgency(self.recommendation)

    def for_reader(self) -> Decision:
        """Return what a reader may see: of an abstention, its reason and next action only.

        A condition or a probability beside an abstention would be read as an opinion.
        """
        if not self.abstained:
            return self
        return Decision(**{name: getattr(self, name) for name in _OF_ABSTENTIONS})

    def to_row(self) -> dict[str, Any]:
        """Return one row of a predictions table; None is NaN, or '' where the cell is text."""
        row: dict[str, Any] = self.model_dump(mode="json")
        row |= {name: json.dumps(row[name]) for name in _LISTS}
        absent = {name: "" if name in _TEXTS else math.nan for name in row if row[name] is None}
        return row | absent

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Decision:
        """Read one row of a predictions table; NaN and '' are None.

        Raises
        ------
        PredictionsError
            If the row is no decision.
        """
        given = {name: _cell(row[name]) for name in cls.model_fields if name in row}
        for name in _LISTS:
            try:
                given[name] = json.loads(given.get(name) or "[]")
            except (ValueError, TypeError) as error:
                raise PredictionsError("a row holds no decision", where=name) from error
        try:
            return cls.model_validate({k: v for k, v in given.items() if v is not None})
        except (ValidationError, ValueError, TypeError) as error:
            raise PredictionsError("a row holds no decision", where=_places(error)) from error


_TEXTS = ("condition", "reason_code", "most_severe")
"""Fields that may be None and are text in a table."""
_LISTS = ("differential", "prediction_set")
"""Fields that are JSON in a table."""
_OF_ABSTENTIONS = ("recommendation", "queue_urgency", "reason_code", "reason", "next_action")


def _cell(value: Any) -> Any:
    """A cell of a table as a field: what a table writes for None is None."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if isinstance(value, str) and not value else value


def _places(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "recommendation"
    fields = {str(found["loc"][0]) for found in error.errors() if found["loc"]}
    return ", ".join(sorted(fields)) or "recommendation"
