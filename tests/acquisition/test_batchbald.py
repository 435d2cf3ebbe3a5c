"""BatchBALD against a sum over all configurations, and where its members can tell no more."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from tests.acquisition.make import TWO, joint_by_hand, members, pool
from triage.acquisition import STRATEGIES, bald, joint_information
from triage.acquisition.batchbald import BatchBald
from triage.errors import UsageError


def test_the_same_case_twice() -> None:
    twice = np.concatenate([TWO, TWO])
    assert joint_information(twice) == pytest.approx(0.51437, abs=5e-6)
    assert joint_information(twice) < 2 * bald(TWO)[0]


@pytest.mark.parametrize(("b", "k", "c"), [(1, 5, 4), (2, 3, 5), (4, 4, 3), (5, 2, 2)])
def test_joint_information_is_that_of_all_configurations(b: int, k: int, c: int) -> None:
    given = members(b, k, c, seed=b + c)
    assert joint_information(given) == pytest.approx(joint_by_hand(given), abs=1e-10)


def test_of_one_case_it_is_bald() -> None:
    given = members(1, 6, 7)
    assert joint_information(given) == pytest.approx(bald(given)[0], abs=1e-12)


def test_sampled_configurations_come_close() -> None:
    given = members(4, 5, 4, seed=3)
    exact = joint_by_hand(given)
    found = [joint_information(given, samples=250, seed=seed) for seed in range(60)]
    assert np.std(found) > 0  # they were sampled: 4^4 = 256
    error = np.std(found) / math.sqrt(60)
    assert abs(np.mean(found) - exact) < 4 * error
    assert error < 0.02


def test_information_stops_at_the_logarithm_of_the_members() -> None:
    given = members(12, 3, 3, seed=2, concentration=0.1)
    assert joint_information(given, samples=4_000) == pytest.approx(math.log(3), abs=0.02)


def test_greedy_is_the_best_next_case_of_a_tiny_pool() -> None:
    given = members(8, 6, 3, seed=4)
    rows = STRATEGIES["batchbald"]().choose(pool(given), 2).rows
    first = max(range(8), key=lambda row: joint_by_hand(given[[row]]))
    second = max(
        (row for row in range(8) if row != first),
        key=lambda row: joint_by_hand(given[[first, row]]),
    )
    assert rows == (first, second)


def test_a_pair_is_nearly_the_best_pair() -> None:
    given = members(9, 8, 3, seed=7)
    choice = BatchBald().choose(pool(given), 2)
    best = max(joint_by_hand(given[list(pair)]) for pair in combinations(range(9), 2))
    found = joint_by_hand(given[list(choice.rows)])
    assert choice.values[1] == pytest.approx(found, abs=1e-9)
    assert found >= (1 - 1 / math.e) * best


def test_a_double_gets_no_credit_twice() -> None:
    # Case 1 is case 0 again; case 2 splits the members another way, with less disagreement.
    first = [[0.95, 0.05], [0.95, 0.05], [0.05, 0.95], [0.05, 0.95]]
    other = [[0.8, 0.2], [0.2, 0.8], [0.8, 0.2], [0.2, 0.8]]
    given = pool(np.array([first, first, other]))
    assert {*STRATEGIES["bald"]().choose(given, 2).rows} == {0, 1}
    rows = STRATEGIES["batchbald"]().choose(given, 2).rows
    assert 2 in rows


def test_beyond_the_members_it_goes_on_by_chance_and_says_so() -> None:
    given = pool(members(60, 3, 3, concentration=0.15))
    choice = STRATEGIES["batchbald"]().choose(given, 20, seed=1)
    assert len({*choice.rows}) == 20
    (note,) = choice.notes
    assert "at most 1.10 nats" in note
    other = STRATEGIES["batchbald"]().choose(given, 20, seed=2)
    greedy = int(note.split("the first ")[1].split()[0])
    assert 1 <= greedy <= 4
    assert choice.rows[:greedy] == other.rows[:greedy]
    assert choice.rows != other.rows


def test_what_is_drawn_prefers_disagreement() -> None:
    given = members(100, 3, 3, concentration=0.3)
    drawn = [
        row
        for seed in range(20)
        for row in STRATEGIES["batchbald"]().choose(pool(given), 20, seed).rows[3:]
    ]
    values = bald(given)
    assert values[drawn].mean() > values.mean() + values.std() / 2


def test_a_few_cases_that_members_hardly_tell_apart_are_chosen_together() -> None:
    near = 0.9 * members(1, 1, 3) + 0.1 * members(40, 5, 3)
    choice = STRATEGIES["batchbald"]().choose(pool(near), 6)
    assert choice.notes == ()
    assert (np.diff(choice.values) > 0).all()


def test_members_that_always_agree_leave_the_order_to_the_names() -> None:
    same = np.repeat(members(6, 1, 3), 4, axis=1)
    choice = STRATEGIES["batchbald"]().choose(pool(same), 6)
    assert {*choice.rows} == {*range(6)}
    assert choice.values == pytest.approx([0.0] * 6, abs=1e-9)


def test_only_the_best_are_looked_at_and_every_group_stays() -> None:
    given = members(50, 4, 3)
    groups = tuple("rare" if number >= 48 else "common" for number in range(50))
    choice = BatchBald(candidates=10).choose(pool(given, groups=groups), 6)
    assert sum(groups[row] == "rare" for row in choice.rows) == 2


def test_probabilities_of_exactly_zero() -> None:
    sure = np.eye(3)[np.array([[0, 1, 2], [0, 0, 1], [2, 2, 2]])]
    choice = STRATEGIES["batchbald"]().choose(pool(sure), 3)
    assert choice.rows[0] == 0
    assert np.isfinite(choice.values).all()


def test_settings_out_of_range() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        BatchBald(samples=0)
