"""Joint log-likelihoods of the benchmark: what they reward, and how wide their intervals are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.benchmark.rows.synthetic_records import Name, made_up_draw
from triage.benchmark.draw_record import DrawRecord
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import HeadRow, Number
from triage.benchmark.rows.joint_rows import joint_numbers, n_members

HOD = Name("outlier_mass", "hod")


def draws_with(own_of, n: int = 120) -> list[DrawRecord]:
    draws = []
    for seed in range(3):
        draw = made_up_draw(seed, ["c"], [HOD], n_inliers=n)
        own = own_of(np.random.default_rng(seed), n)
        draws.append(replace(draw, heads={"hod": replace(draw.heads["hod"], own=own)}))
    return draws


def measured(draws: list[DrawRecord], seed: int = 0) -> dict[str, Number]:
    resamples = CrossedResamples([draw.all_clusters for draw in draws], n_resamples=200, seed=seed)
    return joint_numbers(draws, "hod", resamples)


def one_sure_member(rng: np.random.Generator, n: int) -> np.ndarray:
    """The third of three members is right about every case, the others about none."""
    return np.tile([0.1, 0.1, 0.9], (n, 1)) * rng.uniform(0.95, 1.05, (n, 1))


def doubting_members(rng: np.random.Generator, n: int) -> np.ndarray:
    """All members say the mean of the others above."""
    return np.tile(one_sure_member(rng, n).mean(axis=1, keepdims=True), (1, 3))


def test_members_that_doubt_alike_gain_nothing() -> None:
    found = measured(draws_with(doubting_members))
    assert found["gain"].value == pytest.approx(0, abs=1e-12)
    assert found["joint"].value == pytest.approx(found["marginal"].value)


def test_a_member_that_explains_all_gains() -> None:
    sure, doubting = (measured(draws_with(each)) for each in (one_sure_member, doubting_members))
    assert sure["marginal"].value == pytest.approx(doubting["marginal"].value)
    # Ten labels: ln(0.9) - ln(3) / 10, against ln(1.1 / 3) one by one.
    expected = np.log(0.9) - np.log(3) / 10 - np.log(1.1 / 3)
    assert sure["gain"].value == pytest.approx(expected, abs=0.01)
    assert (sure["gain"].low or 0) > 0.5


def test_intervals_hold_the_value_and_narrow_with_cases() -> None:
    def random(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.uniform(0.05, 0.95, (n, 5))

    few, many = (measured(draws_with(random, n)) for n in (40, 400))
    for number in (*few.values(), *many.values()):
        assert number.low is not None
        assert number.high is not None
        assert number.low < (number.value or 0.0) < number.high
    widths = [(found["joint"].high or 0) - (found["joint"].low or 0) for found in (few, many)]
    assert widths[1] < widths[0] / 1.5


def test_records_without_members_are_not_measured() -> None:
    draws = draws_with(one_sure_member)
    old = replace(draws[1], heads={"hod": replace(draws[1].heads["hod"], own=None)})
    assert measured([draws[0], old, draws[2]]) == {}
    assert n_members([old], "hod") is None
    assert n_members(draws, "hod") == 3
    assert HeadRow.model_validate({"head": "hod", "metrics": {}, "shifted": {}}).joint == {}


def test_a_single_inlier_is_no_batch() -> None:
    assert measured(draws_with(one_sure_member, n=1)) == {}
