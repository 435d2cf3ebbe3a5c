"""Coverage of an audit's intervals and its error rate, on many generated audits.

`python -m tests.soak.audit_intervals --runs 2000` simulates every kind of interval, and a tenth as
many audits of 40 groups whose true values are all exactly the limit. It fails where an interval
covers clearly less than stated below, or where clearly more than 5 % of audits are wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

from tests.auditing.intervals.judged import plan_of, rows
from tests.auditing.intervals.measuring import (
    calibration_error,
    clustered_proportion,
    draws,
    mean,
    proportion,
    rankings,
    ratio,
)
from triage.auditing.audit_plan import IntervalSettings, Limit
from triage.auditing.intervals import interval_of, judge_all
from triage.auditing.measured import Measured
from triage.vocabulary.verdicts import Verdict

GROUPS = 40
Make = Callable[[np.random.Generator], Measured]


class Kind(NamedTuple):
    """What is simulated, its true value, and the coverage it must have."""

    make: Make
    truth: float
    at_least: float = 0.95


def plain(share: float) -> Make:
    """Return what makes a proportion of 12 to 199 patients with one case each."""

    def make(generator: np.random.Generator) -> Measured:
        n = int(generator.integers(12, 200))
        return proportion(int(generator.binomial(n, share)), n)

    return make


def clustered(share: float, likeness: float) -> Make:
    """Return what makes a proportion of 12 to 59 patients with 1 to 5 correlated cases."""

    def make(generator: np.random.Generator) -> Measured:
        patients = int(generator.integers(12, 60))
        sizes = generator.integers(1, 6, size=patients)
        total = 1 / likeness - 1
        own = generator.beta(share * total, (1 - share) * total, size=patients)
        hits = generator.binomial(sizes, own)
        return clustered_proportion(hits.astype(float), sizes.astype(float))

    return make


def rare_cost(generator: np.random.Generator) -> Measured:
    """Return a mean cost that most of 12 to 99 patients do not have; it is 0.05."""
    n = int(generator.integers(12, 100))
    return mean(np.where(generator.random(n) < 0.1, generator.random(n), 0.0))


def log_loss(generator: np.random.Generator) -> Measured:
    """Return the log loss of 15 to 99 cases."""
    n = int(generator.integers(15, 100))
    losses = -np.log(generator.beta(4, 1, size=n))
    return ratio(losses, np.ones(n), draws(n, 1000, generator), bounds=(0.0, np.inf))


def calibrated(slope: float) -> Kind:
    """Return the calibration error of 20 to 199 cases of a model that is so far off."""

    def chance(confidence: np.ndarray) -> np.ndarray:
        return np.clip(confidence - slope * (confidence - 0.3), 0, 1)

    def make(generator: np.random.Generator) -> Measured:
        n = int(generator.integers(20, 200))
        confidence = generator.beta(5, 2, size=n)
        right = (generator.random(n) < chance(confidence)).astype(float)
        return calibration_error(confidence, right, draws(n, 1000, generator))

    many = np.random.default_rng(0).beta(5, 2, size=1_000_000)
    return Kind(make, calibration_error(many, chance(many), None).value)


def kinds() -> dict[str, Kind]:
    """Return everything that is simulated, by name."""
    gap = 1.8
    area = float(stats.norm.cdf(gap / 2**0.5))
    return {
        "proportion 0.9": Kind(plain(0.9), 0.9),
        "proportion 0.5": Kind(plain(0.5), 0.5),
        "clustered 0.9, correlation 0.1": Kind(clustered(0.9, 0.1), 0.9),
        "clustered 0.9, correlation 0.5": Kind(clustered(0.9, 0.5), 0.9),
        "clustered 0.97, correlation 0.5": Kind(clustered(0.97, 0.5), 0.97),
        "clustered 0.5, correlation 0.5": Kind(clustered(0.5, 0.5), 0.5),
        "rare cost": Kind(rare_cost, 0.05),
        "AUROC, 12 against 25": Kind(rankings(12, 25, gap), area, 0.94),
        "AUROC, 40 against 80": Kind(rankings(40, 80, gap), area, 0.94),
        "log loss": Kind(log_loss, float(stats.beta(4, 1).expect(lambda p: -np.log(p))), 0.93),
        "calibration error, none": calibrated(0.0),
        "calibration error, some": calibrated(0.1),
        "calibration error, much": calibrated(0.3),
    }


def coverage(kind: Kind, runs: int) -> tuple[float, float, float]:
    """Return the shares of runs that cover the truth, lie above it, and lie below it."""
    settings, above, below = IntervalSettings(), 0, 0
    for seed in range(runs):
        found = interval_of(kind.make(np.random.default_rng(seed)), settings)
        assert found.low is not None
        assert found.high is not None
        above += found.low > kind.truth
        below += found.high < kind.truth
    return 1 - (above + below) / runs, above / runs, below / runs


def wrong_audits(kind: Kind, audits: int) -> float:
    """Return the share of audits of 40 groups with any verdict, where none is right."""
    key = kind.make(np.random.default_rng(0)).key
    plan = plan_of(Limit(metric=key, at_most=kind.truth))
    wrong = 0
    for seed in range(audits):
        generator = np.random.default_rng(seed)
        given = rows([kind.make(generator) for _ in range(GROUPS)], plan)
        wrong += any(each.verdict is not Verdict.NOT_ENOUGH for each in judge_all(given, plan))
    return wrong / audits


def main() -> None:
    """Print coverage and error rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    given = parser.parse_args()
    audits = max(given.runs // 10, 10)
    started = time.perf_counter()
    table = Table(title=f"{given.runs} runs; {audits} audits of {GROUPS} groups at their limit")
    for column in ("kind", "covered", "above", "below", "audits with a wrong verdict"):
        table.add_column(column)
    failed = []
    for name, kind in kinds().items():
        covered, above, below = coverage(kind, given.runs)
        wrong = wrong_audits(kind, audits) if kind.truth > 0 else 0.0
        table.add_row(name, *(f"{each:.3f}" for each in (covered, above, below, wrong)))
        least = kind.at_least - 4 * (0.95 * 0.05 / given.runs) ** 0.5
        most = 0.05 + 4 * (0.95 * 0.05 / audits) ** 0.5
        if covered < least or wrong > most:
            failed.append(name)
    Console().print(table)
    print(f"{time.perf_counter() - started:.0f} s")
    if failed:
        sys.exit(f"not as stated: {', '.join(failed)}")


if __name__ == "__main__":
    main()
