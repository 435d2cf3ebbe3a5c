"""The clinical cost matrix: what a recommendation or an abstention costs, by true condition.

The one source of costs of policy, threshold, metric, benchmark, report and promotion gate. Every
default is ours; that a clinical cost should compare such systems is known to us of Roy et al. 2022.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.data.spec import Costs, DataSpec, UrgencyCosts
from triage.errors import UsageError, unknown_name
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, Risk, Urgency

URGENCY_WEIGHT = 0.25
"""Units of a wrong name in one unit of the urgency step prices (ours): with the default prices one
step of under-triage costs half a wrong name, a step of over-triage a quarter."""
UNDER_TRIAGE_STEPS = (0.0, 1.0, 4.0, 9.0)
"""Price of 0 to 3 steps of under-triage, in that of one step: squares, as in the quadratic weights
of Cohen's kappa (Cohen 1968). docs/decisions.md has what it and the factors were chosen by."""
RISK_FACTORS = {Risk.LOW: 1.0, Risk.MEDIUM: 1.0, Risk.HIGH: 4.0}
"""Factor on the urgency costs of the default matrix (ours); a full matrix has none by default."""

_Amount = Annotated[float, Field(ge=0.0)]
_Row = tuple[_Amount, _Amount, _Amount, _Amount]


class CostMatrix(BaseModel):
    """Costs with everything resolved, in units of one wrong name of a known condition.

    The cost of an opinion is that of the urgency recommended plus that of a wrong name; of no
    opinion, that of abstaining plus that of the urgency in which the case waits.

    Parameters
    ----------
    conditions : tuple of str, length C
    urgency : tuple of C rows of 4
        Cost of recommending, or queueing in, each urgency, most urgent first.
    abstain_known, abstain_unknown : tuple of float, length C
        Cost of no opinion where the system knows the condition, and where it does not.
    wrong_name : float
        A known condition gets another's name.
    named_unknown : float
        An unknown condition gets any name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    conditions: tuple[str, ...] = Field(min_length=1)
    urgency: tuple[_Row, ...]
    abstain_known: tuple[_Amount, ...]
    abstain_unknown: tuple[_Amount, ...]
    wrong_name: _Amount
    named_unknown: _Amount

    @model_validator(mode="after")
    def _has_a_row_for_each(self) -> Self:
        rows = {len(self.urgency), len(self.abstain_known), len(self.abstain_unknown)}
        if rows != {len(self.conditions)}:
            raise ValueError("costs are needed for each condition")
        if len({*self.conditions}) < len(self.conditions):
            raise ValueError("a condition is named twice")
        return self

    def rows(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Row of each condition, int [len(names)].

        Raises
        ------
        UnknownName
            If the matrix has no row of that name.
        """
        place = {name: row for row, name in enumerate(self.conditions)}
        for name in names:
            if name not in place:
                raise unknown_name("condition", name, self.conditions, where="cost matrix")
        return np.array([place[name] for name in names], dtype=np.int64)

    @property
    def of_urgency(self) -> NDArray[np.float64]:
        """Cost of each urgency for each condition, float [C, 4]."""
        return np.array(self.urgency, dtype=np.float64)

    @property
    def largest(self) -> float:
        """Largest cost that a case can have before factors of subgroups."""
        table = self.of_urgency
        named = table.max() + max(self.wrong_name, self.named_unknown)
        queued = table[:, : ABSTAINED_PRIORITY.rank + 1].max(axis=1)
        abstained = queued + np.maximum(self.abstain_known, self.abstain_unknown)
        return float(max(named, abstained.max()))


def cost_matrix(spec: DataSpec) -> CostMatrix:
    """Resolve the costs of a data spec.

    Without `costs.matrix` an urgency costs by its steps from the condition's own, priced by
    `costs.urgency`, times `urgency_weight`, times the factor of the condition's risk. Steps of
    under-triage count as `UNDER_TRIAGE_STEPS` says, those of over-triage in proportion.

    Parameters
    ----------
    spec : DataSpec
    """
    costs = spec.costs
    factors = _risk_factors(costs)
    if costs.matrix is None:
        weight = URGENCY_WEIGHT if costs.urgency_weight is None else costs.urgency_weight
        steps = _urgency_steps(costs.urgency) * weight
        table = np.array([steps[one.urgency.rank] for one in spec.conditions])
    else:
        table = np.array(
            [
                [getattr(costs.matrix[one.name], urgency.value) for urgency in Urgency]
                for one in spec.conditions
            ]
        )
    table = table * np.array([[factors[one.risk]] for one in spec.conditions])
    outcomes, by_risk = costs.outcomes, costs.abstain
    return CostMatrix(
        conditions=tuple(one.name for one in spec.conditions),
        urgency=tuple((a, b, c, d) for a, b, c, d in table.tolist()),
        abstain_known=tuple(
            getattr(by_risk.known, one.risk.value) if by_risk else outcomes.abstain_inlier
            for one in spec.conditions
        ),
        abstain_unknown=tuple(
            getattr(by_risk.unknown, one.risk.value) if by_risk else outcomes.abstain_outlier
            for one in spec.conditions
        ),
        wrong_name=outcomes.wrong_inlier,
        named_unknown=outcomes.miss_outlier,
    )


def _urgency_steps(prices: UrgencyCosts) -> NDArray[np.float64]:
    """Cost of recommending the column's urgency when the row's is true, float [4, 4]."""
    ranks = np.arange(len(Urgency))
    too_low = ranks[None, :] - ranks[:, None]
    steps = np.array(UNDER_TRIAGE_STEPS)[np.maximum(too_low, 0)]
    found: NDArray[np.float64] = np.where(
        too_low > 0, steps * prices.under_triage, -too_low * prices.over_triage
    )
    return found


def _risk_factors(costs: Costs) -> dict[Risk, float]:
    given = costs.multipliers.risk if costs.multipliers else None
    if given is not None:
        return {risk: getattr(given, risk.value) for risk in Risk}
    return dict.fromkeys(Risk, 1.0) if costs.matrix is not None else RISK_FACTORS


def case_costs(
    matrix: CostMatrix,
    labels: Sequence[str],
    is_outlier: NDArray[np.bool_],
    is_correct: NDArray[np.bool_],
    urgency: NDArray[np.int64],
    abstained: NDArray[np.bool_],
    factors: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Cost of what was done with each case, float [N].

    Parameters
    ----------
    matrix : CostMatrix
    labels : sequence of str, length N
        True condition of each case.
    is_outlier, is_correct, abstained : bool array [N]
        Whether the system knows the true condition, whether it names it (read for known ones
        only), and whether it gives no opinion.
    urgency : int array [N]
        Rank of the urgency recommended, or of the queue of a case without an opinion.
    factors : float array [N], optional
        See `subgroup_factors`.

    Raises
    ------
    UnknownName
        If the matrix has no row for a condition.
    """
    rows = matrix.rows(labels)
    wrong = np.where(is_outlier, matrix.named_unknown, np.where(is_correct, 0, matrix.wrong_name))
    abstain = np.where(
        is_outlier,
        np.array(matrix.abstain_unknown)[rows],
        np.array(matrix.abstain_known)[rows],
    )
    cost: NDArray[np.float64] = matrix.of_urgency[rows, urgency] + np.where(
        abstained, abstain, wrong
    )
    return cost if factors is None else cost * factors


def subgroup_factors(costs: Costs, subgroups: pd.DataFrame) -> NDArray[np.float64]:
    """Factor on every cost of each case by its subgroups, float [N]; of several their product.

    Factors count where costs are measured and where the threshold is set. A decision on a case
    does not read its subgroups.

    Parameters
    ----------
    costs : Costs
    subgroups : DataFrame, N rows
        A column of levels for each subgroup; a level without a factor has 1.
    """
    found = np.ones(len(subgroups))
    given = costs.multipliers.subgroups if costs.multipliers else {}
    for column, factors in given.items():
        if column not in subgroups:
            raise UsageError(
                "costs.multipliers names a subgroup that the cases do not have", where=column
            )
        found *= subgroups[column].map(factors).fillna(1.0).to_numpy(dtype=np.float64)
    return found


def largest_cost(spec: DataSpec) -> float:
    """Largest cost that a case of a spec can have: the bound of intervals of mean costs."""
    given = spec.costs.multipliers.subgroups if spec.costs.multipliers else {}
    factor = float(np.prod([max(1.0, *levels.values()) for levels in given.values() if levels]))
    return cost_matrix(spec).largest * factor


def unknown_conditions(spec: DataSpec, names: Collection[str]) -> tuple[str, ...]:
    """Return the conditions among `names`, in the spec's order: a stable row of the unknown."""
    return tuple(one.name for one in spec.conditions if one.name in names)
