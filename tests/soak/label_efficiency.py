"""How many labels each strategy needs for the accuracy that random labels reach.

    python -m tests.soak.label_efficiency --spec SPEC --root ROOT [--seeds 8] [--balance AXIS]

simulates active learning on the cached embeddings of a data set with each strategy of
`triage.acquisition` (see `tests.soak.active_learning`), and prints for every one the labels that it
needs for the accuracy that random labels reach at two thirds of the budget, as a share of random's,
with 95 % intervals over seeds, and the accuracies when all labels are spent.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import t as student

from tests.soak.active_learning import RANDOM, Plan, Run, World, simulate, split
from triage.acquisition import STRATEGIES
from triage.cache_folder import cache_path
from triage.data.dataset import load_dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec
from triage.decisions.cost_matrix import cost_matrix
from triage.models.load_backbone import load_backbone
from triage.systems.photographs.system import embed_with

Floats = NDArray[np.float64]
TARGET = 2 / 3
"""Share of the labels asked for at which random's accuracy is the target."""
FEWEST = 40
"""Cases that a condition needs to take part."""


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95 % interval; `beyond` seeds were not measured."""

    value: float
    low: float
    high: float
    beyond: int = 0

    def __str__(self) -> str:
        text = f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"
        return f"{text}, {self.beyond} beyond" if self.beyond else text


def over_seeds(values: Sequence[float], *, logarithms: bool = False, beyond: int = 0) -> Interval:
    """Student's interval of the mean over seeds, of ratios by their logarithms."""
    given = np.log(values) if logarithms else np.asarray(values, dtype=float)
    mean = float(given.mean())
    half = 0.0
    if len(given) > 1:
        half = float(student.ppf(0.975, len(given) - 1) * given.std(ddof=1) / len(given) ** 0.5)
    edges = np.array([mean, mean - half, mean + half])
    value, low, high = np.exp(edges) if logarithms else edges
    return Interval(float(value), float(low), float(high), beyond)


def labels_needed(labels: Sequence[int], curve: Sequence[float], target: float) -> float:
    """Labels at which a curve reaches a target, by interpolation; infinite if it never does.

    Parameters
    ----------
    labels : sequence of int, length R
    curve : sequence of float, length R
        Made to rise by isotonic regression first: a single lucky round is no accuracy reached.
    target : float
    """
    rising = isotonic_regression(curve).x
    if rising[0] >= target:
        return float(labels[0])
    above = np.flatnonzero(rising >= target)
    if not len(above):
        return math.inf
    last = above[0]
    share = (target - rising[last - 1]) / (rising[last] - rising[last - 1])
    return float(labels[last - 1] + share * (labels[last] - labels[last - 1]))


def target_of(plan: Plan, curve: Sequence[float]) -> float:
    """Accuracy of a curve, made to rise, at two thirds of the labels asked for."""
    rising = isotonic_regression(curve).x
    at = plan.start + TARGET * plan.batch * plan.rounds
    return float(np.interp(at, plan.labels, rising))


def label_share(plan: Plan, arm: Sequence[Run], control: Sequence[Run], measure: str) -> Interval:
    """Labels that an arm needs for random's accuracy over those that random needs, seed by seed.

    A seed in which the arm never gets there counts with all its labels, and is counted in `beyond`:
    the value is then a lower bound.
    """
    shares, beyond = [], 0
    for mine, other in zip(arm, control, strict=True):
        target = target_of(plan, other.measures[measure])
        random = labels_needed(plan.labels, other.measures[measure], target)
        needed = labels_needed(plan.labels, mine.measures[measure], target)
        beyond += math.isinf(needed)
        shares.append(min(needed, plan.labels[-1]) / random)
    return over_seeds(shares, logarithms=True, beyond=beyond)


def gain(arm: Sequence[Run], control: Sequence[Run], measure: str) -> Interval:
    """Difference to random when all labels are spent: the mean of the last three rounds."""
    differences = [
        float(np.mean(mine.measures[measure][-3:]) - np.mean(other.measures[measure][-3:]))
        for mine, other in zip(arm, control, strict=True)
    ]
    return over_seeds(differences)


def world_of(spec: DataSpec, root: Path, backbone: str) -> World:
    """The data set as a world: every condition with cases enough, embedded from the cache."""
    dataset = load_dataset(spec, root, spec.roles.seed)
    network = load_backbone(backbone)
    parts, opened = embed_with({backbone: network}, list(dataset.cases), cache_path())
    counts: dict[str, int] = {}
    for case in opened.cases:
        counts[str(case.condition)] = counts.get(str(case.condition), 0) + 1
    names = [one.name for one in spec.conditions if counts.get(one.name, 0) >= FEWEST]
    kept = [row for row, case in enumerate(opened.cases) if case.condition in names]
    cases = [opened.cases[row] for row in kept]
    return World(
        embedding=parts[backbone][kept].astype(np.float64),
        labels=np.array([names.index(str(case.condition)) for case in cases]),
        clusters=[case.cluster for case in cases],
        groups={
            axis.column: [case.subgroups.get(axis.column, "unknown") for case in cases]
            for axis in spec.subgroups
        },
        costs=action_costs(spec, names),
    )


def action_costs(spec: DataSpec, names: Sequence[str]) -> Floats:
    """Cost of every name with every urgency, and of no opinion in every queue, by condition."""
    matrix = cost_matrix(spec)
    rows = matrix.rows(names)
    urgency = matrix.of_urgency[rows]  # [C, 4]
    named = urgency[:, None, :] + matrix.wrong_name * (1 - np.eye(len(names)))[:, :, None]
    abstained = urgency + np.array(matrix.abstain_known)[rows][:, None]
    found: Floats = np.concatenate([named.reshape(len(names), -1), abstained], axis=1)
    return found


def arms_of(balance: str) -> list[str]:
    """Every strategy, random first; with an axis, random and margin balanced over it too."""
    keys = [RANDOM, *(key for key in STRATEGIES if key != RANDOM)]
    return [*keys, f"{RANDOM}+balanced", "margin+balanced"] if balance else keys


def table(plan: Plan, runs: dict[str, list[Run]]) -> list[str]:
    """Rows of a Markdown table: labels needed, and accuracies when all labels are spent."""
    measures = list(next(iter(runs.values()))[0].measures)
    header = ["strategy", "labels for random's accuracy", *measures]
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    for arm, found in runs.items():
        if arm == RANDOM:
            last = [
                str(over_seeds([float(np.mean(run.measures[name][-3:])) for run in found]))
                for name in measures
            ]
            cells = ["1", *last]
        else:
            # An arm that balances is compared with random choice in the same quotas.
            key, _, balanced = arm.partition("+")
            control = runs[f"{RANDOM}+balanced" if balanced and key != RANDOM else RANDOM]
            share = label_share(plan, found, control, "accuracy")
            cells = [str(share), *(_signed(gain(found, control, name)) for name in measures)]
        lines.append(" | ".join([f"`{arm}`", *cells]))
    return [f"| {line} |" for line in lines]


def _signed(given: Interval) -> str:
    return f"{given.value:+.3f} [{given.low:+.3f}, {given.high:+.3f}]"


def run_all(
    world: World, plan: Plan, arms: Sequence[str], seeds: Sequence[int], *, say: bool = False
) -> dict[str, list[Run]]:
    """Simulate every arm with every seed."""
    runs: dict[str, list[Run]] = {arm: [] for arm in arms}
    for seed in seeds:
        parts = split(world, plan, seed)
        for arm in arms:
            start = time.perf_counter()
            runs[arm].append(simulate(world, plan, parts, arm, seed))
            if say:
                last = runs[arm][-1].measures["accuracy"][-1]
                took = time.perf_counter() - start
                print(f"seed {seed}, {arm}: {last:.3f} in {took:.0f} s", flush=True)
    return runs


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate on a data set and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--backbone", default="lite:0")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--start", type=int, default=Plan.start)
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--balance", default="")
    parser.add_argument("--arms", help="Some strategies, separated by commas; random first.")
    parser.add_argument("--out", type=Path, help="Write the curves as JSON.")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    plan = Plan(given.start, given.batch, given.rounds, balance=given.balance)
    world = world_of(load_spec(given.spec), given.root, given.backbone)
    print(f"{len(world.labels)} cases of {world.n_classes} conditions", flush=True)
    arms = given.arms.split(",") if given.arms else arms_of(given.balance)
    runs = run_all(world, plan, arms, range(given.seeds), say=True)
    print("\n".join(table(plan, runs)))
    if given.out:
        curves = {arm: [run.measures for run in found] for arm, found in runs.items()}
        given.out.write_text(json.dumps({"labels": plan.labels, "curves": curves}))


if __name__ == "__main__":
    main()
