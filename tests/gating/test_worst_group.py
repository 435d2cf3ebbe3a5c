from __future__ import annotations

import numpy as np
import pytest

from triage.auditing.audit_table import LevelCodes
from triage.gating.paired_means import CaseGains
from triage.gating.worst_group import worst_group

RNG = np.random.default_rng(0)
N = 900
LEVEL = np.arange(N) % 3
BEFORE = (RNG.random(N) < np.array([0.6, 0.75, 0.9])[LEVEL]).astype(float)
AFTER = (RNG.random(N) < np.array([0.8, 0.55, 0.9])[LEVEL]).astype(float)
GAINS = CaseGains(BEFORE, AFTER, np.ones(N, dtype=np.bool_))
AXIS = LevelCodes(("a", "b", "c"), LEVEL.astype(np.int16))
ALONE = np.arange(N, dtype=np.int32)


def test_the_lowest_levels_are_compared() -> None:
    found = worst_group(GAINS, AXIS, ALONE, [0, 1, 2])
    lowest = [min(values[at == LEVEL].mean() for at in range(3)) for values in (BEFORE, AFTER)]
    assert (found.champion, found.challenger) == pytest.approx(tuple(lowest))
    assert (found.champion_level, found.challenger_level) == ("a", "b")
    assert found.value == pytest.approx(lowest[1] - lowest[0])
    assert (found.least <= found.most).all()


def test_draws_against_a_bayesian_bootstrap_of_every_case() -> None:
    found = worst_group(GAINS, AXIS, ALONE, [0, 1, 2])
    weight = np.random.default_rng(5).standard_exponential((4000, N))
    rates = [
        np.column_stack(
            [weight[:, at == LEVEL] @ values[at == LEVEL] / weight[:, at == LEVEL].sum(axis=1)
             for at in range(3)]
        ).min(axis=1)
        for values in (BEFORE, AFTER)
    ]  # fmt: skip
    drawn = rates[1] - rates[0]
    # An unseen patient of each of the levels, of 300 cases each, widens each end by at most 1/150.
    assert np.quantile(found.least, 0.05) == pytest.approx(np.quantile(drawn, 0.05), abs=0.012)
    assert np.quantile(found.most, 0.95) == pytest.approx(np.quantile(drawn, 0.95), abs=0.012)
    assert np.quantile(found.least, 0.05) <= np.quantile(drawn, 0.05) + 0.003


def test_a_patient_of_several_levels_is_drawn_as_one() -> None:
    patients = (np.arange(N) // 9).astype(np.int32)  # three cases of each level
    same = CaseGains(
        np.repeat(BEFORE[::9], 9), np.repeat(AFTER[::9], 9), np.ones(N, dtype=np.bool_)
    )
    together = worst_group(same, AXIS, patients, [0, 1, 2])
    apart = worst_group(same, AXIS, ALONE, [0, 1, 2])
    assert together.value == apart.value == pytest.approx(AFTER[::9].mean() - BEFORE[::9].mean())
    assert together.least.std() > 1.5 * apart.least.std()


def test_no_level_is_discordant() -> None:
    found = worst_group(CaseGains(BEFORE, BEFORE, np.ones(N, dtype=np.bool_)), AXIS, ALONE, [0, 2])
    assert found.value == 0.0
    assert np.quantile(found.least, 0.05) < 0 < np.quantile(found.most, 0.95)
