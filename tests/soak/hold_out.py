"""Twenty challengers in a row on one gate split: how much better than it is the promoted one looks.

`python -m tests.soak hold_out --runs 400` simulates five series of challengers, each against a gate
that shows its numbers and promotes what is higher, and against the reusable hold-out:

- `seeds` submits systems that are equally good and differ by chance;
- `climber` perturbs the best of such systems and keeps what the gate calls better;
- `analyst` adds up such systems, each weighted by the difference that was printed for it;
- `sign_reader` adds them up by the sign of the printed difference alone;
- `improver` submits systems that are truly a little better or worse.

A system is a linear score of D features, of which one tells the classes apart, so that its true
AUROC is known: Phi(delta w_1 / (sqrt(2) |w|)). The inflation is the gain over the champion on the
gate split less the true gain, of the one that was promoted; 0 where none was.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from triage.gating.hold_out_ladder import (
    HoldOutState,
    PairedDifference,
    answered,
    auroc_difference,
    level_of_use,
    round_to,
)

CHALLENGERS = 20
MOST_INFLATION = 0.01
_FEATURES, _SHIFT, _SHARE, _NOISE = 40, 1.7, 0.25, 0.7
Array = NDArray[np.float64]


@dataclass
class Split:
    """A gate split of N cases, and the champion's weights."""

    features: Array
    positive: NDArray[np.bool_]

    @staticmethod
    def drawn(generator: np.random.Generator, cases: int) -> Split:
        positive = generator.random(cases) < _SHARE
        features = generator.normal(size=(cases, _FEATURES))
        features[:, 0] += _SHIFT * positive
        return Split(features, positive)

    def compare(self, before: Array, after: Array) -> PairedDifference:
        found = auroc_difference(self.features @ before, self.features @ after, self.positive)
        assert found is not None
        return found


def true_auroc(weights: Array) -> float:
    """AUROC of a linear score in the population."""
    return float(stats.norm.cdf(_SHIFT * weights[0] / math.sqrt(2) / np.linalg.norm(weights)))


@dataclass
class Gate:
    """What answers: naively, or by the reusable hold-out.

    `ask` returns the difference to the champion as it is printed, and whether it is better.
    """

    split: Split
    naive: bool
    champion: Array
    uses: int = 0
    improvements: int = 0
    best: float = 0.0
    claimed: list[float] = field(default_factory=list)

    def ask(self, weights: Array) -> tuple[float, bool]:
        found = self.split.compare(self.champion, weights)
        self.uses += 1
        if self.naive:
            better = found.value > self.best
            self.best = max(self.best, found.value)
            return found.value, better
        level = level_of_use(self.uses, self.improvements)
        counted = HoldOutState(
            use=self.uses, improvements=self.improvements, level=level, step=None, better=False,
            claimed=0.0,
        )  # fmt: skip
        state = answered(counted, found)
        self.improvements += state.better
        if state.better:
            self.claimed.append(state.claimed)
        printed = found.value
        if self.uses > 1 and state.step:
            printed = round_to(found.value, state.step)
        return printed, state.better


Adversary = Callable[[Gate, np.random.Generator], Array | None]


def seeds(gate: Gate, generator: np.random.Generator) -> Array | None:
    """Submit twenty systems that differ in nothing but chance; the last called better is used."""
    promoted = None
    for _ in range(CHALLENGERS):
        tried = _system(_direction(generator))
        if gate.ask(tried)[1]:
            promoted = tried
    return promoted


def climber(gate: Gate, generator: np.random.Generator) -> Array | None:
    """Keep each perturbation of the present best that is called better."""
    best, promoted = gate.champion[1:], None
    for _ in range(CHALLENGERS):
        tried = _system(best / np.linalg.norm(best) + 0.5 * _direction(generator))
        if gate.ask(tried)[1]:
            best, promoted = tried[1:], tried
    return promoted


def analyst(gate: Gate, generator: np.random.Generator) -> Array | None:
    """Weight nineteen systems by the differences printed for them, and submit the sum."""
    return _summed(gate, generator, lambda printed: printed)


def sign_reader(gate: Gate, generator: np.random.Generator) -> Array | None:
    """Add nineteen systems, each with the sign of the difference printed for it."""
    return _summed(gate, generator, np.sign)


def _summed(
    gate: Gate, generator: np.random.Generator, weight: Callable[[Array], Array]
) -> Array | None:
    directions = np.array([_direction(generator) for _ in range(CHALLENGERS - 1)])
    printed = np.array([gate.ask(_system(each))[0] for each in directions])
    total = weight(printed) @ directions
    last = _system(total if total.any() else _direction(generator))
    return last if gate.ask(last)[1] else None


def improver(gate: Gate, generator: np.random.Generator) -> Array | None:
    """Submit systems that are truly a little better or worse than the best that was promoted."""
    strength, promoted = 1.0, None
    for _ in range(CHALLENGERS):
        stronger = strength * (1 + generator.uniform(-0.05, 0.05))
        tried = _system(_direction(generator), stronger)
        if gate.ask(tried)[1]:
            strength, promoted = stronger, tried
    return promoted


def _direction(generator: np.random.Generator) -> Array:
    """A direction of length 1 among the features that tell nothing."""
    found = generator.normal(size=_FEATURES - 1)
    return found / np.linalg.norm(found)


def _system(direction: Array, strength: float = 1.0) -> Array:
    """A system; those of one strength are equally good, whatever their direction."""
    return np.concatenate([[strength], _NOISE * direction / np.linalg.norm(direction)])


ADVERSARIES: dict[str, Adversary] = {
    "seeds": seeds,
    "climber": climber,
    "analyst": analyst,
    "sign_reader": sign_reader,
    "improver": improver,
}


@dataclass(frozen=True)
class Inflation:
    """Of many runs: the mean inflation with its standard error, and how often one was promoted."""

    mean: float
    standard_error: float
    promoted: float
    claims_above_truth: float


def simulate(adversary: Adversary, *, naive: bool, runs: int, cases: int, seed: int) -> Inflation:
    """Let an adversary submit to `runs` gate splits."""
    inflation, promoted, wrong = [], 0, 0
    for run in range(runs):
        generator = np.random.default_rng([seed, run])
        champion = _system(_direction(generator))
        gate = Gate(Split.drawn(generator, cases), naive, champion)
        found = adversary(gate, generator)
        if found is None:
            inflation.append(0.0)
            continue
        promoted += 1
        gain = gate.split.compare(champion, found).value
        true_gain = true_auroc(found) - true_auroc(champion)
        inflation.append(gain - true_gain)
        wrong += bool(gate.claimed and gate.claimed[-1] > true_gain)
    return Inflation(
        float(np.mean(inflation)),
        float(np.std(inflation) / math.sqrt(runs)),
        promoted / runs,
        wrong / runs,
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the table, and fail where the hold-out lets more than the limit through."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--cases", type=int, nargs="*", default=[500, 1500, 6000])
    chosen = parser.parse_args(arguments)
    failed = False
    print("adversary    cases  gate      inflation (SE)     promoted  claims above the truth")
    for name, adversary in ADVERSARIES.items():
        for cases in chosen.cases:
            for naive in (True, False):
                found = simulate(adversary, naive=naive, runs=chosen.runs, cases=cases, seed=1)
                print(
                    f"{name:12} {cases:5}  {'naive' if naive else 'hold-out':8}  "
                    f"{found.mean:+.4f} ({found.standard_error:.4f})   {found.promoted:6.1%}   "
                    f"{found.claims_above_truth:6.1%}",
                    flush=True,
                )
                failed |= not naive and found.mean > MOST_INFLATION
    if failed:
        sys.exit(f"the hold-out inflates by more than {MOST_INFLATION}")


if __name__ == "__main__":
    main()
