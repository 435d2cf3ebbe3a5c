"""What an audit asks, stated before the data are read."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from triage.errors import UsageError
from triage.evaluation.metrics import find_metric


class Limit(BaseModel):
    """A metric and the value it must reach: at least so much, or at most.

    Exactly one of `at_least` and `at_most` is given, on the metric's good side.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _fits_the_metric(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        try:
            larger_is_better = find_metric(self.metric).larger_is_better
        except UsageError as error:
            raise ValueError(str(error)) from error
        if larger_is_better is not None and larger_is_better != (self.at_least is not None):
            side = "at_least" if larger_is_better else "at_most"
            raise ValueError(f"{self.metric} takes {side}")
        return self


class AuditPlan(BaseModel):
    """The limits a system is held to, overall and in every subgroup.

    Parameters
    ----------
    source : str
        Who set the limits.
    limits : tuple of Limit
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    limits: tuple[Limit, ...]


DEFAULT_PLAN = AuditPlan(
    source="our default, not a clinical standard",
    limits=(
        Limit(metric="accuracy", at_least=0.70),
        Limit(metric="ood_auroc", at_least=0.70),
        Limit(metric="urgent_at_observation_rate", at_most=0.05),
        Limit(metric="abstained_under_triage_rate", at_most=0.20),
    ),
)
"""Used where no plan is given."""
