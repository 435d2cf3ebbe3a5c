"""Keys of a data spec that state costs and capacity; see `triage.data.spec`.

Defaults and structure are our own; `triage.decisions.cost_matrix` makes one matrix of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from triage.data.spec_rows import Name, SpecModel

Cost = Annotated[float, Field(ge=0.0, le=1e9, allow_inf_nan=False, strict=True)]
Factor = Annotated[float, Field(gt=0.0, le=1e3, allow_inf_nan=False, strict=True)]


class OutcomeCosts(SpecModel):
    """Cost of each outcome of an opinion; outcomes and values are our default."""

    wrong_inlier: Cost = 1.0
    abstain_inlier: Cost = 0.5
    miss_outlier: Cost = 1.0
    abstain_outlier: Cost = 0.0


class UrgencyCosts(SpecModel):
    """Cost per step of urgency given too low or too high (ours); under-triage costs more."""

    under_triage: Cost = 2.0
    over_triage: Cost = 1.0


class UrgencyPrices(SpecModel):
    """One row of a full matrix: cost of recommending each urgency for one condition."""

    urgent: Cost
    semi_urgent: Cost
    routine: Cost
    observation: Cost


class CostByRisk(SpecModel):
    """One cost for each risk of a condition."""

    low: Cost
    medium: Cost
    high: Cost


class FactorByRisk(SpecModel):
    """One factor for each risk of a condition."""

    low: Factor
    medium: Factor
    high: Factor


class AbstainCosts(SpecModel):
    """Cost of no opinion, by risk, without what the urgency of the queue costs."""

    known: CostByRisk
    unknown: CostByRisk


class Multipliers(SpecModel):
    """Factors on costs, by risk of the condition and by subgroup of the case."""

    _LATER = ("risk",)

    risk: FactorByRisk | None = Field(
        None,
        description="multiplies the costs of urgency of conditions of that risk; with `matrix` 1 "
        "by default, else 4 for high risk",
    )
    subgroups: dict[Name, dict[Name, Factor]] = Field(
        default_factory=dict,
        description="column of a subgroup, then level: multiplies every cost of these cases where "
        "costs are measured and the threshold is set, never a decision on one case",
    )


class Costs(SpecModel):
    """The clinical cost matrix, in units of one wrong label on a known condition."""

    _LATER = ("urgency_weight", "matrix", "abstain", "multipliers")

    outcomes: OutcomeCosts = OutcomeCosts()
    urgency: UrgencyCosts = UrgencyCosts()
    urgency_weight: Cost | None = Field(
        None,
        description="units of `outcomes` in one unit of `urgency`, where no `matrix` is given; "
        "0.25 by default",
    )
    matrix: dict[Name, UrgencyPrices] | None = Field(
        None, description="cost of recommending each urgency, for every condition of the spec"
    )
    abstain: AbstainCosts | None = Field(
        None, description="cost of no opinion by risk; by default that of `outcomes` for each"
    )
    multipliers: Multipliers | None = None
    source: str = "our default"

    @model_validator(mode="after")
    def _one_source_of_urgency_costs(self) -> Self:
        if self.matrix is not None and self.urgency_weight is not None:
            raise ValueError("`urgency_weight` has no effect beside a full `matrix`: give one")
        return self

    def completed(self) -> list[str]:
        """Costs that a partly given section does not state, with the default that was taken."""
        return list(self._completed())

    def _completed(self) -> Iterator[str]:
        for name in ("outcomes", "urgency"):
            part = getattr(self, name)
            missing = type(part).model_fields.keys() - part.model_fields_set
            if part.model_fields_set and missing:
                for key in sorted(missing):
                    yield f"costs.{name}.{key} = {getattr(part, key):g}"
        if self.matrix is not None and self.abstain is None:
            outcomes = self.outcomes
            yield (
                f"costs.abstain = {outcomes.abstain_inlier:g} for known and "
                f"{outcomes.abstain_outlier:g} for unknown conditions of every risk"
            )


class Capacity(SpecModel):
    """Places of a day, which the thresholds keep to on validation; no run changes a case by it."""

    _LATER = ("abstentions_a_day", "urgent_a_day")

    cases_a_day: int = Field(ge=1, strict=True, description="cases expected in a day")
    abstentions_a_day: int | None = Field(
        None, ge=0, strict=True, description="at most so many abstentions"
    )
    urgent_a_day: int | None = Field(
        None, ge=0, strict=True, description="at most so many urgent cases"
    )

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.abstentions_a_day is None and self.urgent_a_day is None:
            raise ValueError("give abstentions_a_day or urgent_a_day")
        return self
