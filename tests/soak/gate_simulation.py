"""How often the promotion gate errs with its default policy, on generated challengers.

`python -m tests.soak.gate_simulation` judges fifty challengers of each kind on several designs of
6,000 cases: better by 6 points in every group; better by 6 points overall and worse by 14 in one of
six groups; and equal. It fails where a harmful one passes, where fewer than 95 % of those better
everywhere pass, or where more than 5 % of the equal ones are called better or pass, on a design
that is marked as promised. The others show where the cases are too few.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec
from triage.gating.gate import run_gate
from triage.gating.gate_table import gate_table_of_frame
from triage.gating.policy import GatePolicy, LoadedPolicy
from triage.gating.result import GateResult
from triage.vocabulary.learning import GateVerdict

SPEC = Path(__file__).parents[2] / "data_specs" / "derm_phantoms.yaml"
GROUPS = ("1", "2", "3", "4", "5", "6")
GAIN, HARM = 0.06, -0.14
Kind = Literal["better", "harmful", "equal"]
KINDS: tuple[Kind, ...] = ("better", "harmful", "equal")
URGENT = "irregular dark patch"


@dataclass(frozen=True)
class Design:
    """How cases and both systems are drawn.

    Parameters
    ----------
    where : {'both', 'condition', 'recommendation', 'urgent'}
        What the systems differ in: the named condition with the urgency that follows from it, the
        condition alone, the recommendation alone, or the recommendation of urgent cases alone.
    accuracy : float
        Of the champion.
    urgent : float
        Share of known conditions that are urgent.
    correlation : float
        Of the errors of both systems (a normal copula); 0 is independent.
    equal_groups : bool
        Else three groups are five times as large as the other three.
    other_axes : int
        Further subgroup axes, of 2, 5 and 8 levels, that have nothing to do with the difference.
    cases : int
    promised : bool
        Whether the limits hold on this design.
    """

    where: Literal["both", "condition", "recommendation", "urgent"] = "both"
    accuracy: float = 0.75
    urgent: float = 0.25
    correlation: float = 0.5
    equal_groups: bool = True
    other_axes: int = 0
    cases: int = 6000
    promised: bool = True

    @property
    def name(self) -> str:
        """A row of the table."""
        sizes = "equal" if self.equal_groups else "1:5"
        return (
            f"{self.where:14}  {self.accuracy:.2f}  {self.urgent:4.0%}  {self.correlation:.1f}  "
            f"{sizes:5}  {1 + self.other_axes}  {self.cases:5}"
        )


DESIGNS = (
    Design(),
    Design(correlation=0.0),
    Design(correlation=0.8),
    Design(accuracy=0.7, correlation=0.0),
    Design(accuracy=0.85),
    Design(urgent=0.4, correlation=0.0),
    Design(urgent=0.4, other_axes=2),
    Design(other_axes=2),
    Design(urgent=0.15),
    Design(urgent=0.15, correlation=0.8),
    Design(where="condition", correlation=0.0),
    Design(where="condition", equal_groups=False, promised=False),
    Design(where="recommendation"),
    Design(where="recommendation", urgent=0.4, correlation=0.0),
    Design(where="recommendation", urgent=0.15, correlation=0.8),
    Design(where="urgent", urgent=0.4, correlation=0.8),
    # Too few cases of some group for one promise or the other.
    Design(urgent=0.4, equal_groups=False, promised=False),
    Design(urgent=0.15, correlation=0.0, promised=False),
    Design(where="recommendation", urgent=0.15, correlation=0.0, promised=False),
    Design(where="urgent", urgent=0.25, promised=False),
    Design(where="urgent", urgent=0.15, correlation=0.0, promised=False),
    Design(equal_groups=False, promised=False),
    Design(urgent=0.15, equal_groups=False, promised=False),
    Design(cases=2000, promised=False),
    Design(cases=800, promised=False),
    Design(urgent=0.14, correlation=0.0, other_axes=3, promised=False),
)


def judged(design: Design, kind: Kind, seed: int, spec: DataSpec | None = None) -> GateResult:
    """Judge one generated challenger by the default policy."""
    spec = spec or load_spec(SPEC)
    rng = np.random.default_rng([seed, KINDS.index(kind), DESIGN_SEEDS.get(design, 99)])
    frames = draw(design, kind, rng, spec)
    policy = GatePolicy()
    loaded = LoadedPolicy(policy, policy.content_hash())
    champion, challenger = (gate_table_of_frame(frame, spec) for frame in frames)
    return run_gate(loaded, spec, champion, challenger)


def draw(
    design: Design, kind: Kind, rng: np.random.Generator, spec: DataSpec
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the predictions of a champion and a challenger on the same cases."""
    n = design.cases
    share = np.ones(6) if design.equal_groups else np.array([1, 1, 1, 5, 5, 5.0])
    group = rng.choice(6, n, p=share / share.sum())
    known = [one.name for one in spec.conditions if one.role == "inlier"]
    unknown = [one.name for one in spec.conditions if one.role != "inlier"]
    less = [name for name in known if name != URGENT]
    outlier = rng.random(n) < 0.1
    label = np.where(rng.random(n) < design.urgent, URGENT, rng.choice(less, n))
    label = np.where(outlier, rng.choice(unknown, n), label)
    shared = pd.DataFrame(
        {"case_id": [f"c{at}" for at in range(n)], "patient_id": [f"p{at}" for at in range(n)],
         "label": label, "skin_type": np.array(GROUPS)[group]}
    )  # fmt: skip
    if design.other_axes:
        shared["sex"] = rng.choice(["f", "m"], n)
    if design.other_axes > 1:
        shared["age"] = rng.integers(0, 100, n)
    if design.other_axes > 2:
        shared["device"] = rng.choice([f"d{at}" for at in range(8)], n)
    urgency = {one.name: str(one.urgency) for one in spec.conditions}
    true = np.array([urgency[name] for name in label])
    gains = _gains(kind, group, rng)
    changed = design.where != "urgent" or (true == "urgent")
    common = rng.normal(size=n)
    right = [
        _right(np.full(n, design.accuracy) + gain * changed, design.correlation, common, rng)
        for gain in (np.zeros(n), gains)
    ]
    fixed = _right(np.full(n, design.accuracy), 0.0, common, rng)
    other = rng.choice(known, n)
    quiet = [rng.random(n) < 0.05 + 0.3 * outlier for _ in range(2)]
    frames = []
    for ok, silent in zip(right, quiet, strict=True):
        of_condition = ok if design.where in ("both", "condition") else fixed
        wrong = rng.choice(known, n) if design.where in ("both", "condition") else other
        condition = np.where(of_condition & ~outlier, label, wrong)
        recommended = np.array([urgency[name] for name in condition])
        if design.where == "condition":
            recommended = np.where(fixed, true, np.array([urgency[name] for name in other]))
        elif design.where != "both":
            wrong_urgency = np.where(true == "urgent", "routine", "urgent")
            recommended = np.where(ok, true, wrong_urgency)
        frame = shared.assign(
            condition=condition,
            recommendation=np.where(silent, "no_ai_opinion", recommended),
            ood_score=rng.normal(size=n) + 1.5 * outlier,
        )
        frames.append(frame)
    return frames[0], frames[1]


def _gains(kind: Kind, group: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    if kind == "equal":
        return np.zeros(len(group))
    if kind == "better":
        return np.full(len(group), GAIN)
    harmed = group == rng.integers(6)
    part = harmed.mean()
    return np.where(harmed, HARM, (GAIN - HARM * part) / (1 - part))


def _right(
    probability: NDArray[np.float64],
    correlation: float,
    common: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    own = rng.normal(size=len(common))
    score = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    found: NDArray[np.bool_] = score < special.ndtri(np.minimum(probability, 0.995))
    return found


@dataclass(frozen=True)
class Found:
    """How many challengers of each kind passed, failed or lacked evidence, or were better."""

    passes: dict[Kind, int]
    fails: dict[Kind, int]
    better: dict[Kind, int]
    runs: int

    @property
    def holds(self) -> bool:
        """Whether every limit holds."""
        most = 0.05 * self.runs
        return (
            self.passes["harmful"] == 0
            and self.passes["better"] >= 0.95 * self.runs
            and self.better["equal"] <= most
            and self.passes["equal"] <= most
        )


def _one(given: tuple[Design, Kind, int]) -> tuple[GateVerdict, bool]:
    result = judged(*given)
    return result.verdict, result.better


def simulate(design: Design, runs: int, pool: object = None) -> Found:
    """Judge as many challengers of each kind."""
    jobs = [(design, kind, seed) for kind in KINDS for seed in range(runs)]
    found = list(map(_one, jobs)) if pool is None else pool.map(_one, jobs)  # type: ignore[attr-defined]
    passes: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    fails: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    better: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    for (_, kind, _), (verdict, improved) in zip(jobs, found, strict=True):
        passes[kind] += verdict is GateVerdict.PASSES
        fails[kind] += verdict is GateVerdict.FAILS
        better[kind] += improved
    return Found(passes, fails, better, runs)


DESIGN_SEEDS = {design: at for at, design in enumerate(DESIGNS)}


def main(arguments: list[str] | None = None) -> None:
    """Print the table, and fail where a promised design breaks a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--designs", type=int, nargs="*", help="Numbers of designs, from 0.")
    chosen = parser.parse_args(arguments)
    numbers = range(len(DESIGNS)) if chosen.designs is None else chosen.designs
    print(
        "where           acc.  urg.  corr groups axes cases  better passes  harmful passes (fails)"
        "  equal better, passes, fails"
    )
    broken = False
    with Pool(chosen.processes) as pool:
        for design in (DESIGNS[at] for at in numbers):
            found = simulate(design, chosen.runs, pool)
            print(
                f"{design.name}  {found.passes['better']:13}  {found.passes['harmful']:14} "
                f"({found.fails['harmful']})  {found.better['equal']:12}  {found.passes['equal']}  "
                f"{found.fails['equal']}{'' if design.promised else '  (not promised)'}",
                flush=True,
            )
            broken |= design.promised and not found.holds
    if broken:
        sys.exit("a limit is broken")


if __name__ == "__main__":
    main()
