"""How the comparison by cost depends on the prices of the plan.

Each price is halved and doubled with the others as they are; the price of under-triage is moved
along a curve; and the factor on it is given at which the system costs as much as each policy that
needs no system.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.auditing.analyses.case_flags import named_right
from triage.auditing.analyses.cost_components import (
    PRICES,
    component_costs,
    needed_urgency,
    price_matrices,
)
from triage.auditing.analyses.group_sums import BoolArray, FloatArray, GroupSums, group_sums
from triage.auditing.analyses.numbers import (
    Name,
    mean_number,
    measured_ratio,
    missing_columns,
    named_number,
    unavailable,
)
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.auditing.measurement import ALL, Analysis, Curve, CurvePoint, NamedNumber
from triage.decisions.cost_matrix import CostMatrix
from triage.vocabulary.clinical import Urgency

KEY, TITLE = "cost_sensitivity", "Sensitivity to costs"
SYSTEM, FIRST_READ = "this system", "no AI: the first read"
URGENT, SEMI_URGENT = "refer everyone as urgent", "refer everyone as semi-urgent"
ROUTINE = "no AI: everyone queued as routine"
FACTORS = (0.5, 2.0)
RATIOS = tuple(float(each) for each in np.geomspace(1 / 16, 16, 33))
POLICY = "policy"
"""Axis of the numbers; its levels are the policies."""
COST = "cost per case"
_UNDER = list(PRICES).index("under_triage")


@dataclass(frozen=True)
class PolicyCost:
    """Parts of the mean cost of a policy.

    Parameters
    ----------
    name : str
    means : float array [prices]
    sums : GroupSums
        Of the parts of this policy and of the system on the same cases, and of the cases.
    """

    name: str
    means: FloatArray
    sums: GroupSums


def cost_sensitivity(table: AuditTable, plan: AuditPlan) -> Analysis:
    """Vary the prices of the plan, for the system and for policies that need none.

    Returns
    -------
    Analysis
        `mean_cost` of each policy; `cost_difference`, of the system less each other policy;
        `tornado_low` and `tornado_high`, mean cost with a price halved and doubled, by policy
        (`title` is the price); `break_even`, the factor on under-triage prices
        at which the system costs as much. Curves of mean cost by that factor.
    """
    matrix = plan.costs
    if matrix is None:
        return unavailable(KEY, TITLE, "the plan states no costs")
    reason = missing_columns(
        {"named condition": table.predicted, "urgency of the queue": table.queue_urgency}
    )
    if reason:
        return unavailable(KEY, TITLE, reason)
    assert table.queue_urgency is not None
    condition = condition_rows(table, matrix)
    where = (condition >= 0) & (table.queue_urgency >= 0)
    if not where.any():
        return unavailable(KEY, TITLE, "no case has a condition that the costs name")
    policies = _policies(table, plan, matrix, condition, where)
    numbers = [number for each in policies for number in _numbers(each, plan)]
    for each in policies:
        numbers += _tornado(each)
    return Analysis(
        key=KEY, title=TITLE, available=True, numbers=numbers,
        curves=[_curve(each) for each in policies],
        x_title="price of under-triage, relative to the plan's", y_title=COST,
        notes=_notes(table, where, policies),
    )  # fmt: skip


def condition_rows(table: AuditTable, matrix: CostMatrix) -> NDArray[np.int64]:
    """Row of the cost matrix of the true condition of each case, -1 where it is not known."""
    place = {name: row for row, name in enumerate(matrix.conditions)}
    if table.label_codes is not None:
        names, codes = table.label_names, table.label_codes
    else:
        names, codes = table.classes, np.where(table.truth >= 0, table.truth, -1)
    rows = np.array([*(place.get(name, -1) for name in names), -1], dtype=np.int64)
    found: NDArray[np.int64] = np.where(table.labelled, rows[codes], -1)
    return found


def _policies(
    table: AuditTable,
    plan: AuditPlan,
    matrix: CostMatrix,
    condition: NDArray[np.int64],
    where: BoolArray,
) -> list[PolicyCost]:
    """Costs of the system, of policies without one, and of first reads where they are there."""
    assert table.queue_urgency is not None
    stated = {name: urgency.rank for name, urgency in plan.urgency_of.items()}
    matrices = price_matrices(matrix, needed_urgency(matrix, stated))
    nobody = np.zeros(len(table), dtype=np.bool_)
    abstained = nobody if table.abstained is None else table.abstained
    outlier, right = table.is_outlier, named_right(table)
    rows = np.where(where, condition, 0)

    def parts(outliers: BoolArray, correct: BoolArray, rank: NDArray[np.int64],
              silent: BoolArray) -> FloatArray:  # fmt: skip
        return component_costs(matrices, rows, outliers, correct, rank, silent)

    queue = np.where(where, table.queue_urgency, 0).astype(np.int64)
    system = parts(outlier, right, queue, abstained)
    found = [_policy(table, SYSTEM, system, system, where)]
    for name, urgency in (
        (URGENT, Urgency.URGENT), (SEMI_URGENT, Urgency.SEMI_URGENT), (ROUTINE, Urgency.ROUTINE),
    ):  # fmt: skip
        same = np.full(len(table), urgency.rank, dtype=np.int64)
        own = parts(outlier, right, same, ~nobody)
        found.append(_policy(table, name, own, system, where))
    if table.first_urgency is not None and table.first_right is not None:
        read = where & (table.first_urgency >= 0) & (table.first_right >= 0)
        if read.any():
            rank = np.where(read, table.first_urgency, 0).astype(np.int64)
            own = parts(nobody, table.first_right == 1, rank, nobody)
            found.append(_policy(table, FIRST_READ, own, system, read))
    return found


def _policy(
    table: AuditTable, name: str, own: FloatArray, system: FloatArray, where: BoolArray
) -> PolicyCost:
    everyone = LevelCodes((ALL,), np.zeros(len(table), dtype=np.int16))
    sums = group_sums(table, everyone, [*own.T, *system.T, where], where)
    total = sums.totals[0]
    return PolicyCost(name, total[: len(PRICES)] / total[-1], sums)


def _numbers(policy: PolicyCost, plan: AuditPlan) -> list[NamedNumber]:
    sums = policy.sums
    largest = plan.largest_cost or plan.costs.largest  # type: ignore[union-attr]  # it has costs
    own, system = np.zeros((2, sums.n_values))
    own[: len(PRICES)] = 1.0
    system[len(PRICES) : -1] = 1.0
    mean = Name("mean_cost", f"mean cost, {policy.name}", POLICY, policy.name, "cost")
    count = sums.unit(-1)
    found = [mean_number(mean, sums, 0, own, count, plan.intervals, (0.0, largest))]
    if policy.name != SYSTEM:
        title = f"mean cost of the system less that of '{policy.name}'"
        name = Name("cost_difference", title, POLICY, policy.name, "cost")
        bounds = (-largest, largest)
        found += [
            mean_number(name, sums, 0, system - own, count, plan.intervals, bounds),
            _break_even(policy, plan),
        ]
    return found


def _break_even(policy: PolicyCost, plan: AuditPlan) -> NamedNumber:
    """Factor on under-triage prices at which the system costs as much as the policy."""
    title = f"factor on under-triage prices where '{policy.name}' costs as much"
    name = Name("break_even", title, POLICY, policy.name, "factor")
    size = len(PRICES)
    rest = np.zeros(policy.sums.n_values)
    rest[:size], rest[size:-1] = -1.0, 1.0
    under = np.zeros(policy.sums.n_values)
    under[_UNDER], under[size + _UNDER] = 1.0, -1.0
    rest[[_UNDER, size + _UNDER]] = 0.0
    total = policy.sums.totals[0]
    # With more under-triage in the system than in the policy both signs turn.
    sign = 1.0 if total @ under > 0 else -1.0
    if (total @ rest) * sign <= 0 or not total @ under:
        system = float(total[size:-1].sum() - total[:size].sum())
        cheaper = SYSTEM if system < 0 else policy.name
        return NamedNumber(
            key=name.key, title=title, axis=POLICY, level=policy.name, unit=name.unit, value=None,
            note=f"none: '{cheaper}' costs less at any factor",
        )  # fmt: skip
    measured = measured_ratio(
        name, policy.sums, 0, sign * rest, sign * under,
        n_patients=policy.sums.by_patient.shape[0],
        replicates=policy.sums.replicates(plan.intervals),
    )  # fmt: skip
    measured = replace(measured, n=round(float(total[-1])), bounds=(0.0, np.inf))
    return named_number(name, measured, plan.intervals)


def _tornado(policy: PolicyCost) -> list[NamedNumber]:
    found = []
    for (key, title), part in zip(PRICES.items(), policy.means.tolist(), strict=True):
        if key == "right_urgency":
            continue
        for end, factor in zip(("low", "high"), FACTORS, strict=True):
            found.append(
                NamedNumber(
                    key=f"tornado_{end}",
                    title=title,
                    axis=POLICY,
                    level=policy.name,
                    unit="cost",
                    value=float(policy.means.sum()) + (factor - 1) * part,
                    note=f"price times {factor:g}",
                )
            )
    return found


def _curve(policy: PolicyCost) -> Curve:
    under, total = float(policy.means[_UNDER]), float(policy.means.sum())
    points = [CurvePoint(x=ratio, y=total + (ratio - 1) * under) for ratio in RATIOS]
    return Curve(name=policy.name, points=points)


def _notes(table: AuditTable, where: BoolArray, policies: list[PolicyCost]) -> list[str]:
    notes = [
        f"'{URGENT}', '{SEMI_URGENT}' and '{ROUTINE}': the system gives no opinion on any case, "
        "which costs its price on each, and all wait in that queue.",
        "Prices are halved and doubled one at a time; a curve at 2 is the cost with under-triage "
        "twice as expensive against over-triage as in the plan.",
    ]
    if policies[-1].name == FIRST_READ:
        n = round(float(policies[-1].sums.totals[0, -1]))
        notes.append(
            f"'{FIRST_READ}': urgency and name of the person before the system was shown, on the "
            f"{n} cases that have one; the system is compared with it on these."
        )
    left_out = int((table.labelled & ~where).sum())
    if left_out:
        why = "the table does not hold" if table.label_codes is None else "the plan has no cost of"
        notes.append(f"{left_out} labelled cases are left out: {why} their condition.")
    return notes
