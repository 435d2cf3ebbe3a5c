"""How often drift tests alarm without drift and with it, and what the budget of looks costs.

`python -m tests.soak drift_error --repeats 200` gives each test as many pairs of samples that are
exchangeable, and as many that are not. The share of alarms without drift must not be above what a
binomial number with the stated error exceeds once in 10,000. Tests of continuous numbers and of
vectors are exact: theirs must not be below it either. A plan looks thirteen times at one reference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.monitoring.made import binomial_bounds
from triage.monitoring.distribution_drift import category_drift, category_psi, ks_drift, psi
from triage.monitoring.drift_test import DriftTest
from triage.monitoring.kernel_mmd import mmd_test
from triage.monitoring.repeated_tests import ErrorBudget
from triage.vocabulary.monitoring import ChartVerdict

LEVEL, BUDGET, LOOKS = 0.05, 0.05, 13
Floats = NDArray[np.float64]
Run = Callable[[np.random.Generator, float], DriftTest]
"""One pair of samples and its test; the number is the size of the shift."""


@dataclass(frozen=True)
class Kind:
    """A test on one kind of samples.

    Parameters
    ----------
    run : Run
    shift : float
        With which its power is measured.
    exact : bool
        Whether it must alarm as often as stated, and not less.
    """

    run: Run
    shift: float
    exact: bool = True


@dataclass(frozen=True)
class Rates:
    """Alarms among the repeats without and with a shift."""

    name: str
    repeats: int
    false_alarms: int
    found: int
    within: bool


def _numbers(test: Callable[..., DriftTest], n: int, m: int, *, whole: bool = False) -> Run:
    def run(generator: np.random.Generator, shift: float) -> DriftTest:
        old, new = generator.gamma(3.0, size=n), generator.gamma(3.0, size=m) + shift
        return test(old.round(), new.round()) if whole else test(old, new)

    return run


def _levels(test: Callable[..., DriftTest], shares: list[float], n: int, m: int) -> Run:
    def run(generator: np.random.Generator, shift: float) -> DriftTest:
        moved = np.array(shares)
        moved[0] -= shift
        moved[-1] += shift
        old, new = (
            generator.choice(len(shares), size=size, p=p).astype(str)
            for size, p in ((n, shares), (m, moved))
        )
        return test(old, new, seed=int(generator.integers(2**31)))

    return run


def _vectors(n: int, m: int, width: int) -> Run:
    def run(generator: np.random.Generator, shift: float) -> DriftTest:
        old, new = generator.normal(size=(n, width)), generator.normal(size=(m, width)) + shift
        return mmd_test(old, new, seed=int(generator.integers(2**31)))

    return run


def _patients(n: int, m: int, width: int, *, by_patient: bool) -> Run:
    def drawn(generator: np.random.Generator, count: int) -> tuple[Floats, NDArray[np.int64]]:
        unit = np.repeat(np.arange(count), generator.integers(1, 5, count))
        own = generator.normal(size=(count, width))
        return own[unit] + 0.3 * generator.normal(size=(len(unit), width)), unit

    def run(generator: np.random.Generator, shift: float) -> DriftTest:
        (old, first), (new, second) = drawn(generator, n), drawn(generator, m)
        units = (first, second) if by_patient else None
        return mmd_test(old, new + shift, units=units, seed=int(generator.integers(2**31)))

    return run


_SHARES = [0.5, 0.3, 0.15, 0.05]
_RARE = [0.9, 0.07, 0.02, 0.01]
KINDS: dict[str, Kind] = {
    "KS, 200 and 100 numbers": Kind(_numbers(ks_drift, 200, 100), 0.8),
    "KS, whole numbers": Kind(_numbers(ks_drift, 200, 100, whole=True), 1.0, exact=False),
    "chi-square, 400 and 200": Kind(_levels(category_drift, _SHARES, 400, 200), 0.15),
    "chi-square, rare levels, 60 and 30": Kind(
        _levels(category_drift, _RARE, 60, 30), 0.4, exact=False
    ),
    "PSI, 200 and 100, by permutation": Kind(_numbers(psi, 200, 100), 0.8),
    "PSI, 2000 and 1000, by chi-square": Kind(_numbers(psi, 2000, 1000), 0.3),
    "PSI of levels, 400 and 200": Kind(_levels(category_psi, _SHARES, 400, 200), 0.15),
    "MMD, 200 and 80 vectors of 8": Kind(_vectors(200, 80, 8), 0.25),
    "MMD, 120 and 60 vectors of 300": Kind(_vectors(120, 60, 300), 0.2),
    "MMD by patient, 90 and 40": Kind(_patients(90, 40, 8, by_patient=True), 0.5),
}
WRONG = {"MMD of cases as if independent": Kind(_patients(90, 40, 8, by_patient=False), 0.5)}
"""What ignoring patients would do; not held to a bound."""


def rates(name: str, kind: Kind, repeats: int, seed: int) -> Rates:
    """Alarms of one kind among so many repeats."""
    generator = np.random.default_rng(seed)
    counted = [
        sum(kind.run(generator, shift).verdict is ChartVerdict.ALARM for _ in range(repeats))
        for shift in (0.0, kind.shift)
    ]
    low, high = binomial_bounds(repeats, LEVEL)
    within = counted[0] <= high and (counted[0] >= low or not kind.exact)
    return Rates(name, repeats, counted[0], counted[1], within)


def plans(repeats: int, seed: int, *, shift: float = 0.0) -> tuple[float, float]:
    """Share of plans with any alarm: with the budget, and with every look at the level of 5 %.

    KS of windows of 100 against one reference of 500; a shift comes with the seventh look.
    """
    generator = np.random.default_rng(seed)
    found = np.zeros(2)
    for _ in range(repeats):
        reference = generator.normal(size=500)
        budget = ErrorBudget(budget=BUDGET, n_looks=LOOKS)
        any_alarm = np.zeros(2, dtype=np.bool_)
        for look in range(LOOKS):
            moved = shift if look >= LOOKS // 2 else 0.0
            p = ks_drift(reference, generator.normal(moved, size=100)).p_value
            assert p is not None
            any_alarm |= [p <= budget.next_level(), p <= LEVEL]
            budget = budget.after_look(tested=True)
        found += any_alarm
    return float(found[0] / repeats), float(found[1] / repeats)


def main() -> None:
    """Print the rates of every test; exit code 1 where one is out of its bounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    repeats: int = given.repeats
    low, high = binomial_bounds(repeats, LEVEL)
    print(f"alarms of {given.repeats} at a level of {LEVEL:.0%}; bounds {low} to {high}")
    wrong = False
    for name, kind in {**KINDS, **WRONG}.items():
        found = rates(name, kind, given.repeats, given.seed)
        out = not found.within and name in KINDS
        wrong |= out
        print(
            f"{name:40} without drift {found.false_alarms:4} ({found.false_alarms / repeats:.1%})"
            f"   with {found.found:4} ({found.found / repeats:.1%}){'  OUT' if out else ''}",
            flush=True,
        )
    for shift in (0.0, 0.3, 0.5):
        budgeted, each = plans(given.repeats, given.seed, shift=shift)
        print(
            f"{LOOKS} looks, shift {shift:g}: any alarm {budgeted:.1%} with a budget of "
            f"{BUDGET:.0%}, {each:.1%} with {LEVEL:.0%} at each look"
        )
        wrong |= shift == 0 and budgeted * given.repeats > binomial_bounds(given.repeats, BUDGET)[1]
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
