"""Random audits of known cases, and an attacker who knows everything but the cases.

The attacker's unknowns are the numbers of cases of each kind: a kind is a value of each column
of the cases. Every count of a report is a sum of these, so every number that a public report prints
is an equation; nothing of how the suppression works is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from tests.reports.small_audit import audit_report
from triage.auditing.audit_plan import AuditPlan, Axis, PlannedCondition
from triage.auditing.measurement import ALL, OVERALL, AuditEstimate, LevelSummary
from triage.reports.audit_report import AuditReport
from triage.vocabulary.clinical import Risk, Urgency

CONDITIONS = {
    "melanoma": (Urgency.URGENT, Risk.HIGH),
    "carcinoma": (Urgency.URGENT, Risk.MEDIUM),
    "naevus": (Urgency.ROUTINE, Risk.LOW),
    "none": (None, None),  # without a label
}
SEXES, SITES = ("female", "male", "unknown"), ("a", "b", "c")
COLUMNS = {
    "sex": SEXES,
    "site": SITES,
    "condition": tuple(CONDITIONS),
    "right": (True, False),
    "abstained": (True, False),
}
PLAN = AuditPlan.model_validate(
    audit_report().plan.model_dump()
    | {
        "axes": [
            Axis(name="sex", column="sex"), Axis(name="site", column="site"),
            Axis(name="sex x site", of=("sex", "site")),
            Axis(name="urgency", property="urgency"), Axis(name="risk", property="risk"),
        ],
        "conditions": [
            PlannedCondition(name=name, urgency=urgency, risk=risk)
            for name, (urgency, risk) in CONDITIONS.items()
            if urgency is not None
        ],
    }
)  # fmt: skip

Chosen = NDArray[np.bool_]


def kinds() -> pd.DataFrame:
    """One row for each kind of case."""
    found = pd.DataFrame(list(product(*COLUMNS.values())), columns=list(COLUMNS))
    found["urgency"] = [str(CONDITIONS[c][0] or "unknown") for c in found["condition"]]
    found["risk"] = [str(CONDITIONS[c][1] or "unknown") for c in found["condition"]]
    found["sex x site"] = found["sex"] + " x " + found["site"]
    found["labelled"] = found["condition"] != "none"
    return found[found["labelled"] | ~found["right"]].reset_index(drop=True)


KINDS = kinds()


def scopes() -> dict[tuple[str, str], Chosen]:
    """Each set of cases, as which kinds belong to it."""
    found = {(OVERALL, ALL): np.ones(len(KINDS), dtype=np.bool_)}
    for axis in PLAN.axes:
        for level in dict.fromkeys(KINDS[axis.name]):
            found[axis.name, level] = (KINDS[axis.name] == level).to_numpy()
    return found


def metrics() -> dict[str, tuple[Chosen, Chosen]]:
    """Each proportion: which kinds it is taken of, and which count."""
    labelled, right = KINDS["labelled"].to_numpy(), KINDS["right"].to_numpy()
    covered, urgent = ~KINDS["abstained"].to_numpy(), (KINDS["urgency"] == "urgent").to_numpy()
    return {
        "accuracy": (labelled, right),
        "coverage": (np.ones_like(labelled), covered),
        "abstention_rate": (np.ones_like(labelled), ~covered),
        "selective_accuracy": (labelled & covered, right),
        "sensitivity_urgent": (urgent, right),
        "specificity_urgent": (labelled & ~urgent, right),
    }


def sizes() -> dict[str, Chosen]:
    """Each size of a level, as which kinds count."""
    return {
        "n_cases": np.ones(len(KINDS), dtype=np.bool_),
        "n_labelled": KINDS["labelled"].to_numpy(),
        "n_urgent": (KINDS["urgency"] == "urgent").to_numpy(),
        "n_abstained": KINDS["abstained"].to_numpy(),
    }


SCOPES, METRICS, LEVEL_SIZES = scopes(), metrics(), sizes()


def random_numbers(seed: int) -> NDArray[np.int64]:
    """How many cases there are of each kind: a few common kinds, many rare or absent ones."""
    rng = np.random.default_rng(seed)
    numbers = np.ones(len(KINDS))
    for column in COLUMNS:
        values = list(dict.fromkeys(KINDS[column]))
        shares = rng.dirichlet(np.full(len(values), 0.8))
        numbers *= KINDS[column].map(dict(zip(values, shares, strict=True))).to_numpy(float)
    total = int(rng.integers(30, 1500))
    return rng.multinomial(total, numbers / numbers.sum())


def report_of(numbers: NDArray[np.int64]) -> AuditReport:
    """The full report on the cases; each is of its own patient."""
    levels, estimates = [], []
    for (axis, level), within in SCOPES.items():
        if not numbers[within].sum():
            continue
        sized = {name: int(numbers[within & of].sum()) for name, of in LEVEL_SIZES.items()}
        levels.append(
            LevelSummary(axis=axis, level=level, n_patients=sized["n_cases"], n_outliers=0, **sized)
        )
        for metric, (of, counted) in METRICS.items():
            n = int(numbers[within & of].sum())
            k = int(numbers[within & of & counted].sum())
            estimates.append(_estimate(axis, level, metric, k, n))
    total = int(numbers.sum())
    return audit_report(
        plan=PLAN, n_cases=total, n_patients=total,
        n_labelled=int(numbers[LEVEL_SIZES["n_labelled"]].sum()),
        levels=levels, estimates=estimates, findings=[],
    )  # fmt: skip


def _estimate(axis: str, level: str, metric: str, k: int, n: int) -> AuditEstimate:
    value = k / n if n else None
    return AuditEstimate(
        axis=axis, level=level, metric=metric, title=metric, unit="proportion", value=value,
        low=value, high=value, n=n, n_patients=n, n_positive=k if n else None,
        interval="Clopper-Pearson", evidence="enough",
    )  # fmt: skip


@dataclass
class Attacker:
    """Solves for the cases behind a public report."""

    public: AuditReport

    @cached_property
    def equations(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows over the kinds of cases and their totals, from all that is printed."""
        rows: list[Chosen] = []
        totals: list[float] = []

        def know(chosen: Chosen, total: float | None) -> None:
            if total is not None:
                rows.append(chosen)
                totals.append(total)

        public = self.public
        everything = SCOPES[OVERALL, ALL]
        know(everything, public.n_cases)
        know(everything, public.n_patients)
        know(LEVEL_SIZES["n_labelled"], public.n_labelled)
        named = {(each.axis, each.level) for each in public.levels}
        for scope, within in SCOPES.items():
            know(within, None if scope in named else 0)
        for level in public.levels:
            within = SCOPES[level.axis, level.level]
            know(within, level.n_patients)
            for name, of in LEVEL_SIZES.items():
                know(within & of, getattr(level, name))
        for each in public.estimates:
            within = SCOPES[each.axis, each.level]
            of, counted = METRICS[each.metric]
            know(within & of, each.n)
            know(within & of, each.n_patients)
            know(within & of & counted, each.n_positive)
            if each.value is not None and each.n is not None and each.n_positive is None:
                know(within & of & counted, round(each.value * each.n))
        unique = {(row.tobytes(), total): row for row, total in zip(rows, totals, strict=True)}
        matrix = np.array(list(unique.values()), dtype=np.float64)
        return matrix, np.array([total for _, total in unique], dtype=np.float64)

    def largest(self, chosen: Chosen, *, whole: bool = True) -> float:
        """The largest number of cases of some kinds that fits the report."""
        return -self._solve(-chosen.astype(float), whole)

    def smallest(self, chosen: Chosen, *, whole: bool = True) -> float:
        """The smallest number of cases of some kinds that fits the report."""
        return self._solve(chosen.astype(float), whole)

    def _solve(self, objective: NDArray[np.float64], whole: bool) -> float:
        matrix, totals = self.equations
        found = milp(
            objective,
            constraints=LinearConstraint(matrix, totals, totals),
            integrality=np.full(len(objective), int(whole)),
            bounds=Bounds(0, 5000),
        )
        assert found.status == 0, found.message
        return float(found.fun)


def small_counts(numbers: NDArray[np.int64]) -> dict[Any, Chosen]:
    """Every count of 1 to 10 that the full report prints or that follows from one estimate."""
    found: dict[Any, Chosen] = {}
    for scope, within in SCOPES.items():
        for name, of in LEVEL_SIZES.items():
            found[scope, name] = within & of
        for metric, (of, counted) in METRICS.items():
            found[scope, metric, "n"] = within & of
            found[scope, metric, "positive"] = within & of & counted
            found[scope, metric, "negative"] = within & of & ~counted
        found[scope, "without a label"] = within & ~LEVEL_SIZES["n_labelled"]
    return {name: chosen for name, chosen in found.items() if 1 <= numbers[chosen].sum() <= 10}
