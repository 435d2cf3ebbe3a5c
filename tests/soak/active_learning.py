"""Simulated active learning on embeddings: a pool whose labels are hidden until they are asked for.

Every arm begins with the same cases, asks for as many labels in each round, and trains the same
small ensemble on all that it has: five perceptrons on the embeddings' leading components, trained
side by side, that differ by their first weights and their dropout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from triage.acquisition import STRATEGIES, Pool, Strategy, value_of_label
from triage.acquisition.batchbald import BatchBald

Floats = NDArray[np.float64]
MEMBERS, HIDDEN, COMPONENTS = 5, 64, 64
STEPS, RATE, DECAY, DROPOUT, SMOOTHING = 100, 5e-3, 1e-2, 0.3, 0.1
FOLDS, SEEN, PERCENTILE = 5, 3, 80.0
"""Of introspective self-play: models on every 3 of 5 parts; a bias above that percentile."""
RANDOM = "random"


@dataclass(frozen=True)
class World:
    """Cases with everything that a simulation knows.

    Parameters
    ----------
    embedding : float array [N, D]
    labels : int array [N]
        Below C.
    clusters : sequence of str, length N
        Cases of one are either all in the pool or all tested.
    groups : dict of (sequence of str, length N)
        By subgroup axis.
    costs : float array [C, A]
        Cost of each action for each condition.
    """

    embedding: Floats
    labels: NDArray[np.int64]
    clusters: Sequence[str]
    groups: dict[str, Sequence[str]]
    costs: Floats

    @property
    def n_classes(self) -> int:
        """C."""
        return len(self.costs)


@dataclass(frozen=True)
class Plan:
    """How labels are asked for.

    Parameters
    ----------
    start, batch, rounds : int
        Labels to begin with, labels a round, and rounds.
    tested : float
        Share of clusters that are tested and never asked for.
    balance : str
        Axis of the arms that balance; '' for none.
    """

    start: int = 100
    batch: int = 50
    rounds: int = 16
    tested: float = 0.3
    balance: str = ""

    @property
    def labels(self) -> list[int]:
        """How many labels there are after each round."""
        return [self.start + self.batch * number for number in range(self.rounds + 1)]


@dataclass(frozen=True)
class Run:
    """One arm with one seed: each measure after every round, and what was asked for."""

    measures: dict[str, list[float]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)


Predict = Callable[[Floats], Floats]
"""Maps embeddings [N, D] to probabilities of members [N, K, C]."""


def fit(
    x: Floats,
    y: NDArray[np.int64],
    n_classes: int,
    seed: int,
    *,
    weights: Floats | None = None,
    flags: NDArray[np.bool_] | None = None,
) -> Predict:
    """Train an ensemble side by side.

    Parameters
    ----------
    x : float array [N, D]
    y : int array [N]
    n_classes : int
        C.
    seed : int
    weights : float array [K, N], optional
        Of each case in each member.
    flags : bool array [N], optional
        Learned by one more output.

    Returns
    -------
    callable
        The last class is the flag, where there is one, whatever the others sum to.
    """
    k = MEMBERS if weights is None else len(weights)
    given = torch.tensor(np.ones((k, len(y))) if weights is None else weights, dtype=torch.float32)
    given /= given.sum(1, keepdim=True)
    chance = torch.Generator().manual_seed(seed)
    width, outputs = x.shape[1], n_classes + (flags is not None)
    first = torch.randn((k, width, HIDDEN), generator=chance) * (2 / width) ** 0.5
    last = torch.randn((k, HIDDEN, outputs), generator=chance) * HIDDEN**-0.5
    parts = [first, torch.zeros(k, 1, HIDDEN), last, torch.zeros(k, 1, outputs)]
    for part in parts:
        part.requires_grad_()
    optimiser = torch.optim.AdamW(parts, lr=RATE, weight_decay=DECAY)
    inputs = torch.tensor(x, dtype=torch.float32)
    targets = torch.tensor(y).repeat(k)
    marks = None if flags is None else torch.tensor(flags, dtype=torch.float32).expand(k, -1)
    for _ in range(STEPS):
        keep = (torch.rand((k, len(y), HIDDEN), generator=chance) > DROPOUT) / (1 - DROPOUT)
        logits = _forward(inputs, parts, keep)
        loss = functional.cross_entropy(
            logits[..., :n_classes].reshape(-1, n_classes),
            targets,
            reduction="none",
            label_smoothing=SMOOTHING,
        ).reshape(k, -1)
        if marks is not None:
            loss = loss + functional.binary_cross_entropy_with_logits(
                logits[..., n_classes], marks, reduction="none"
            )
        optimiser.zero_grad()
        (loss * given).sum().backward()
        optimiser.step()

    def predict(asked: Floats) -> Floats:
        with torch.no_grad():
            logits = _forward(torch.tensor(asked, dtype=torch.float32), parts).double()
            found = logits[..., :n_classes].softmax(2)
            if flags is not None:
                found = torch.cat([found, logits[..., n_classes:].sigmoid()], dim=2)
        return found.transpose(0, 1).numpy()

    return predict


def _forward(x: Tensor, parts: Sequence[Tensor], keep: Tensor | float = 1.0) -> Tensor:
    first, offset, last, bias = parts
    return (x @ first + offset).relu() * keep @ last + bias


def fit_introspective(
    x: Floats, y: NDArray[np.int64], n_classes: int, seed: int, clusters: NDArray[np.int64]
) -> Predict:
    """Train with a second output for cases that models only know after seeing them."""
    names = np.unique(clusters)
    drawn = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    part_of = dict(zip(names, drawn, strict=True))
    parts = np.array([part_of[name] for name in clusters])
    seen = np.array([np.isin(parts, each) for each in combinations(range(FOLDS), SEEN)])
    own = fit(x, y, n_classes, seed, weights=seen.astype(float))(x)
    p = own[np.arange(len(y)), :, y].T  # [models, N]
    bias = np.abs((p * seen).sum(0) / seen.sum(0) - (p * ~seen).sum(0) / (~seen).sum(0))
    return fit(x, y, n_classes, seed, flags=bias > np.percentile(bias, PERCENTILE))


@dataclass(frozen=True)
class Split:
    """Rows of the pool, rows that are tested, and what the networks see of all, [N, D]."""

    pool: NDArray[np.int64]
    tested: NDArray[np.int64]
    x: Floats


def split(world: World, plan: Plan, seed: int) -> Split:
    """Divide the cases; no cluster is both in the pool and tested."""
    names = sorted({*world.clusters})
    chance = np.random.default_rng([seed, 1])
    tested = {*chance.permutation(names)[: round(plan.tested * len(names))]}
    is_tested = np.array([name in tested for name in world.clusters])
    pool = np.flatnonzero(~is_tested)
    return Split(pool, np.flatnonzero(is_tested), components(world, pool))


def components(world: World, pool: NDArray[np.int64]) -> Floats:
    """Leading components of the standardised embeddings, by the pool alone; no label is read."""
    x = world.embedding - world.embedding[pool].mean(0)
    x = x / (x[pool].std(0) + 1e-6)
    _, _, axes = np.linalg.svd(x[pool], full_matrices=False)
    found = x @ axes[:COMPONENTS].T
    scaled: Floats = found / found[pool].std()
    return scaled


def simulate(world: World, plan: Plan, parts: Split, arm: str, seed: int) -> Run:
    """Ask for labels round by round.

    Parameters
    ----------
    world : World
    plan : Plan
    parts : Split
        Of this seed.
    arm : str
        A strategy's key; with `+balanced` behind it places are shared among the axis's levels.
    seed : int
        Of the first cases and everything else; arms of one seed begin alike.
    """
    key, _, balanced = arm.partition("+")
    pool, tested, x = parts.pool, parts.tested, parts.x
    known = [*np.random.default_rng([seed, 2]).permutation(pool)[: plan.start]]
    codes = np.unique(world.clusters, return_inverse=True)[1]
    run = Run(asked=[int(row) for row in known])
    rarest = rare_conditions(world, pool)
    for number in range(plan.rounds + 1):
        rows = np.array(known)
        once = seed * 1_000 + number
        if key == "introspective":
            predict = fit_introspective(
                x[rows], world.labels[rows], world.n_classes, once, codes[rows]
            )
        else:
            predict = fit(x[rows], world.labels[rows], world.n_classes, once)
        measured = measure(world, tested, predict(x[tested]), rarest, plan.balance)
        for name, value in measured.items():
            run.measures.setdefault(name, []).append(value)
        if number < plan.rounds:
            left = np.setdiff1d(pool, rows)
            chosen = ask(
                world, key, left, predict(x[left]), plan.batch, once, balanced and plan.balance
            )
            known += [*chosen]
            run.asked.extend(int(row) for row in chosen)
    return run


def ask(
    world: World,
    key: str,
    left: NDArray[np.int64],
    predicted: Floats,
    n: int,
    seed: int,
    balance: str,
) -> NDArray[np.int64]:
    """Return the rows that a strategy asks for next."""
    members = predicted[:, :, : world.n_classes]
    flag = predicted[:, :, -1].mean(1) if predicted.shape[2] > world.n_classes else None
    pool = Pool(
        tuple(str(row) for row in left),
        members,
        flag=flag,
        saving=value_of_label(members.mean(1), world.costs),
        minutes=np.ones(len(left)),
        groups=tuple(world.groups[balance][row] for row in left) if balance else None,
    )
    # Fewer configurations and candidates than by default, so that hundreds of rounds are quick.
    strategy: Strategy = (
        BatchBald(samples=1_000, candidates=300) if key == "batchbald" else STRATEGIES[key]()
    )
    return left[list(strategy.choose(pool, min(n, len(left)), seed).rows)]


def rare_conditions(world: World, pool: NDArray[np.int64]) -> NDArray[np.int64]:
    """The quarter of the conditions that has fewest cases in the pool."""
    counts = np.bincount(world.labels[pool], minlength=world.n_classes)
    return np.argsort(counts, kind="stable")[: max(1, world.n_classes // 4)]


def measure(
    world: World,
    tested: NDArray[np.int64],
    predicted: Floats,
    rarest: NDArray[np.int64],
    axis: str,
) -> dict[str, float]:
    """Accuracy of all, of the rarest conditions, mean over conditions, and of the worst level."""
    truth = world.labels[tested]
    right = predicted[:, :, : world.n_classes].mean(1).argmax(1) == truth
    by_condition = [right[truth == each].mean() for each in np.unique(truth)]
    found = {
        "accuracy": float(right.mean()),
        "balanced accuracy": float(np.mean(by_condition)),
        "rarest conditions": float(right[np.isin(truth, rarest)].mean()),
    }
    if axis:
        levels = np.array(world.groups[axis])[tested]
        found["worst subgroup"] = min(
            float(right[levels == level].mean())
            for level in np.unique(levels)
            if (levels == level).sum() >= 20 and level != "unknown"
        )
    return found
