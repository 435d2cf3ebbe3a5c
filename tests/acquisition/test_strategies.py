"""Every strategy: golden values, ties, places of groups, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.acquisition.make import TWO, members, permuted, pool
from triage.acquisition import STRATEGIES, bald, margin, value_of_label
from triage.errors import UnknownName, UsageError

ALL = pytest.mark.parametrize("key", STRATEGIES)


def whole_pool(n: int = 30, **others):
    """A pool in which every strategy can choose."""
    chance = np.random.default_rng(1)
    given = {
        "flag": chance.random(n),
        "saving": chance.random(n),
        "minutes": 1 + chance.random(n),
    }
    return pool(members(n, 4, 3), **(given | others))


def test_bald_of_two_members_that_contradict() -> None:
    assert bald(TWO) == pytest.approx([0.36806], abs=5e-6)
    assert bald(np.repeat(TWO[:, :1], 3, axis=1)) == pytest.approx([0.0], abs=1e-12)


def test_bald_is_at_most_the_logarithm_of_the_members() -> None:
    sure = np.eye(5)[None]
    assert bald(sure) == pytest.approx([np.log(5)], abs=1e-9)
    assert (bald(members(200, 3, 6)) <= np.log(3) + 1e-12).all()


def test_margin_by_hand() -> None:
    mean = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [1 / 3, 1 / 3, 1 / 3]])
    assert margin(mean) == pytest.approx([0.8, 0.3, 1.0])
    assert margin(np.ones((2, 1))) == pytest.approx([0.0, 0.0])


def test_value_of_a_label_by_hand() -> None:
    costs = np.array([[0.0, 1.0], [10.0, 0.0]])  # waiting or acting, for harmless and dangerous
    p = np.array([[1.0, 0.0], [0.95, 0.05], [0.5, 0.5]])
    # Acting costs p(harmless), waiting ten times p(dangerous); knowing costs nothing.
    assert value_of_label(p, costs) == pytest.approx([0.0, 0.5, 0.5])
    with pytest.raises(UsageError, match="costs have shape"):
        value_of_label(p, costs[:1])


def test_cost_is_by_the_minute() -> None:
    given = whole_pool(3, saving=np.array([1.0, 3.0, 2.0]), minutes=np.array([1.0, 6.0, 1.0]))
    choice = STRATEGIES["cost"]().choose(given, 3)
    assert choice.rows == (2, 0, 1)
    assert choice.values == pytest.approx((2.0, 1.0, 0.5))


def test_introspective_takes_the_flagged() -> None:
    choice = STRATEGIES["introspective"]().choose(whole_pool(3, flag=np.array([0.1, 0.9, 0.5])), 2)
    assert choice.rows == (1, 2)


@ALL
def test_the_order_of_the_pool_changes_nothing(key: str) -> None:
    given = whole_pool(groups=tuple("ab"[number % 3 == 0] for number in range(30)))
    order = np.random.default_rng(5).permutation(30)
    other = permuted(given, order)
    for n in (1, 8, 30):
        chosen = [given.names[row] for row in STRATEGIES[key]().choose(given, n).rows]
        again = [other.names[row] for row in STRATEGIES[key]().choose(other, n).rows]
        assert chosen == again
        assert len({*chosen}) == n


@ALL
def test_equal_cases_are_ordered_by_their_names_alone(key: str) -> None:
    same = np.repeat(members(1, 4, 3), 6, axis=0)
    even = np.ones(6)
    given = pool(same, flag=even / 2, saving=even, minutes=even)
    first = STRATEGIES[key]().choose(given, 6).rows
    assert first == STRATEGIES[key]().choose(given, 6).rows
    assert first != (0, 1, 2, 3, 4, 5)


@ALL
def test_places_are_shared_evenly(key: str) -> None:
    groups = ("a",) * 20 + ("b",) * 8 + ("c",) * 2
    rows = STRATEGIES[key]().choose(whole_pool(groups=groups), 13).rows
    found = [groups[row] for row in rows]
    # c has two cases only; what it cannot fill goes to a and b.
    assert found.count("c") == 2
    assert sorted((found.count("a"), found.count("b"))) == [5, 6]


@ALL
def test_what_cannot_be_chosen_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="31 of 30"):
        STRATEGIES[key]().choose(whole_pool(), 31)
    with pytest.raises(UsageError, match="0 of 30"):
        STRATEGIES[key]().choose(whole_pool(), 0)
    with pytest.raises(UsageError, match="no case to choose from"):
        STRATEGIES[key]().choose(pool(np.zeros((0, 2, 3))), 1)


@pytest.mark.parametrize("key", ["bald", "batchbald"])
def test_one_member_never_disagrees(key: str) -> None:
    with pytest.raises(UsageError, match="one member") as refusal:
        STRATEGIES[key]().choose(pool(members(5, 1, 3)), 2)
    assert "margin" in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "words"), [("introspective", "head: introspective"), ("cost", "--bundle")]
)
def test_what_the_pool_lacks_is_named(key: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        STRATEGIES[key]().choose(pool(members(5, 2, 3)), 2)


def test_random_follows_the_seed() -> None:
    given = whole_pool()
    rows = [STRATEGIES["random"]().choose(given, 10, seed).rows for seed in range(3)]
    assert len({*rows}) == 3


def test_random_takes_every_case_equally_often() -> None:
    given = whole_pool(10)
    taken = np.zeros(10)
    for seed in range(400):
        taken[list(STRATEGIES["random"]().choose(given, 3, seed).rows)] += 1
    # 120 each on average, standard deviation 9.2.
    assert np.abs(taken - 120).max() < 46


def test_entropy_prefers_the_undecided() -> None:
    given = pool(np.array([[[1.0, 0.0, 0.0]], [[1 / 3] * 3], [[0.5, 0.5, 0.0]]]))
    assert STRATEGIES["entropy"]().choose(given, 3).rows == (1, 2, 0)


def test_no_reason_names_a_strategy_or_an_opinion() -> None:
    for strategy in STRATEGIES.values():
        reason = strategy.info.reason
        assert reason.endswith(".")
        assert "Chosen for labelling" in reason
        assert not {*"0123456789"} & {*reason}


def test_a_misspelt_strategy() -> None:
    with pytest.raises(UnknownName, match="Did you mean batchbald"):
        STRATEGIES["batchbold"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flag": np.ones(3)}, "one finite number"),
        ({"flag": -np.ones(30)}, "negative"),
        ({"minutes": np.zeros(30)}, "zero"),
        ({"saving": np.full(30, np.nan)}, "one finite number"),
        ({"groups": ("a",)}, "1 groups for 30"),
    ],
)
def test_pools_that_cannot_be(change: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        whole_pool(**change)


@pytest.mark.parametrize(
    "given", [np.ones((2, 3)), np.ones((2, 2, 2)), np.ones((2, 2, 1), dtype=np.float32)]
)
def test_probabilities_that_are_none(given: np.ndarray) -> None:
    with pytest.raises(UsageError, match="probabilities"):
        pool(given)


def test_a_case_is_in_the_pool_once() -> None:
    from triage.acquisition import Pool

    with pytest.raises(UsageError, match="twice"):
        Pool(("a", "a"), members(2, 2, 2))
