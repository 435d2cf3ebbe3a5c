"""How often an audit gives a wrong verdict where every true value is exactly its limit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.auditing.intervals.judged import plan_of, rows
from tests.auditing.intervals.measuring import clustered_proportion, mean, proportion
from triage.auditing.audit_plan import Limit
from triage.auditing.intervals import judge_all
from triage.auditing.measured import Measured
from triage.vocabulary.verdicts import Verdict

GROUPS = 40
Group = Callable[[np.random.Generator, float], Measured]


def plain(generator: np.random.Generator, share: float) -> Measured:
    n = int(generator.integers(12, 200))
    return proportion(int(generator.binomial(n, share)), n)


def clustered(generator: np.random.Generator, share: float) -> Measured:
    patients = int(generator.integers(12, 60))
    sizes = generator.integers(1, 6, size=patients)
    own = generator.beta(share, 1 - share, size=patients)  # correlation one half
    hits = generator.binomial(sizes, own)
    return clustered_proportion(hits.astype(float), sizes.astype(float))


def costs(generator: np.random.Generator, share: float) -> Measured:
    n = int(generator.integers(12, 100))
    return mean(np.where(generator.random(n) < 2 * share, generator.random(n), 0.0))


def most(level: float, audits: int) -> float:
    """Return a level with four standard errors of as many audits."""
    return float(level + 4 * (level * (1 - level) / audits) ** 0.5)


@pytest.mark.parametrize(
    ("group", "share", "audits"),
    [(plain, 0.9, 200), (plain, 0.5, 200), (clustered, 0.9, 50), (costs, 0.05, 12)],
)
def test_a_primary_set_has_a_wrong_verdict_in_at_most_5_percent_of_audits(group, share, audits):
    plan = plan_of(Limit(metric="metric", at_least=share))
    wrong = 0
    for seed in range(audits):
        generator = np.random.default_rng(seed)
        given = rows([group(generator, share) for _ in range(GROUPS)], plan)
        wrong += any(each.verdict is not Verdict.NOT_ENOUGH for each in judge_all(given, plan))
    assert wrong / audits <= most(0.05, audits)


def test_of_the_other_verdicts_at_most_5_percent_are_wrong():
    plan = plan_of(Limit(metric="metric", at_least=0.85, primary=False))
    audits, shares = 200, []
    for seed in range(audits):
        generator = np.random.default_rng(seed)
        truths = [0.85] * 20 + [0.97] * 10 + [0.7] * 10
        given = rows([plain(generator, each) for each in truths], plan)
        verdicts = [each.verdict for each in judge_all(given, plan)]
        right = [Verdict.NOT_ENOUGH] * 20 + [Verdict.MEETS] * 10 + [Verdict.FAILS] * 10
        said = [each is not Verdict.NOT_ENOUGH for each in verdicts]
        wrong = [
            one and each is not true for one, each, true in zip(said, verdicts, right, strict=True)
        ]
        shares.append(sum(wrong) / max(sum(said), 1))
    assert np.mean(shares) <= 0.05 + 4 * np.std(shares) / audits**0.5
    assert np.mean(shares) < 0.1
