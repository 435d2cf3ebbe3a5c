"""The measure of label efficiency by hand, and a short simulation on phantoms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.soak.active_learning import Plan, Run, World, fit, fit_introspective, split
from tests.soak.label_efficiency import (
    action_costs,
    arms_of,
    label_share,
    labels_needed,
    over_seeds,
    run_all,
    table,
    target_of,
)
from triage.data.dataset import Dataset

LABELS = [100, 200, 300, 400]


@pytest.mark.parametrize(
    ("curve", "target", "expected"),
    [
        ([0.2, 0.4, 0.6, 0.8], 0.5, 250),
        ([0.2, 0.4, 0.6, 0.8], 0.1, 100),
        ([0.2, 0.4, 0.6, 0.8], 0.9, math.inf),
        # A lucky second round is levelled with the worse third: both are 0.5.
        ([0.2, 0.6, 0.4, 0.8], 0.5, 200),
        ([0.2, 0.6, 0.4, 0.8], 0.6, 300 + 100 / 3),
    ],
)
def test_labels_needed_by_hand(curve: list[float], target: float, expected: float) -> None:
    assert labels_needed(LABELS, curve, target) == pytest.approx(expected)


def test_a_curve_that_is_twice_as_fast_needs_half() -> None:
    plan = Plan(start=100, batch=100, rounds=3)
    slow = [Run({"accuracy": [0.1, 0.2, 0.3, 0.4]})] * 3
    fast = [Run({"accuracy": [0.2, 0.4, 0.5, 0.6]})] * 3
    assert target_of(plan, slow[0].measures["accuracy"]) == pytest.approx(0.3)
    assert label_share(plan, slow, slow, "accuracy").value == pytest.approx(1)
    share = label_share(plan, fast, slow, "accuracy")
    assert share.value == pytest.approx(0.5)  # 150 labels, not 300
    never = label_share(plan, [Run({"accuracy": [0.1] * 4})] * 3, slow, "accuracy")
    assert never.beyond == 3
    assert never.value == pytest.approx(4 / 3)


def test_intervals_over_seeds_are_those_of_student() -> None:
    found = over_seeds([1.0, 2.0, 3.0])
    half = 4.3027 / 3**0.5
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), abs=1e-3)
    ratio = over_seeds([0.5, 2.0], logarithms=True)
    assert ratio.value == pytest.approx(1)
    assert ratio.low * ratio.high == pytest.approx(1)


@pytest.fixture(scope="module")
def world(phantom_data: Dataset) -> World:
    """Phantoms by their pixels, much reduced."""
    cases = phantom_data.cases
    names = [one.name for one in phantom_data.spec.conditions]
    pixels = [
        np.asarray(Image.open(case.images[0]).convert("RGB").resize((8, 8)), dtype=float).ravel()
        for case in cases
    ]
    return World(
        embedding=np.array(pixels),
        labels=np.array([names.index(str(case.condition)) for case in cases]),
        clusters=[case.cluster for case in cases],
        groups={"sex": [case.subgroups.get("sex", "unknown") for case in cases]},
        costs=action_costs(phantom_data.spec, names),
    )


def test_a_short_simulation(world: World) -> None:
    plan = Plan(start=20, batch=8, rounds=2, balance="sex")
    runs = run_all(world, plan, arms_of("sex"), range(1))
    for seed in range(1):
        parts = split(world, plan, seed)
        tested = {world.clusters[row] for row in parts.tested}
        for found in runs.values():
            asked = found[seed].asked
            assert len({*asked}) == len(asked) == plan.labels[-1]
            assert {*asked} <= {*parts.pool.tolist()}
            assert not tested & {world.clusters[row] for row in asked}
            assert asked[: plan.start] == runs["random"][seed].asked[: plan.start]
            measures = found[seed].measures
            assert all(len(values) == 3 for values in measures.values())
            assert all(0 <= value <= 1 for values in measures.values() for value in values)
        assert runs["margin"][seed].asked != runs["random"][seed].asked
    lines = table(plan, runs)
    assert len(lines) == 2 + len(runs)
    assert lines[2].startswith("| `random` | 1 |")
    again = run_all(world, plan, ["bald"], range(1))
    assert again["bald"][0].asked == runs["bald"][0].asked


def test_balanced_arms_ask_for_rare_levels(world: World) -> None:
    levels = ["rare" if row % 10 == 0 else "common" for row in range(len(world.labels))]
    made = replace(world, groups={"level": levels})
    plan = Plan(start=20, batch=12, rounds=1, balance="level")
    runs = run_all(made, plan, ["random", "random+balanced"], range(1))
    counts = {
        arm: sum(levels[row] == "rare" for row in found[0].asked[20:])
        for arm, found in runs.items()
    }
    assert counts["random+balanced"] == 6
    assert counts["random"] < 6


def test_networks_learn_and_flags_are_an_output_of_their_own() -> None:
    chance = np.random.default_rng(1)
    y = chance.integers(0, 3, 120)
    x = np.eye(3)[y] * 2 + chance.normal(size=(120, 3)) / 3
    members = fit(x, y, 3, seed=0)(x)
    assert members.shape == (120, 5, 3)
    assert (members.mean(1).argmax(1) == y).mean() > 0.9
    flagged = fit_introspective(x, y, 3, 0, np.arange(120))(x)
    assert flagged.shape == (120, 5, 4)
    assert flagged[:, :, :3].sum(2) == pytest.approx(np.ones((120, 5)))
    assert ((flagged[:, :, 3] > 0) & (flagged[:, :, 3] < 1)).all()


def test_a_world_needs_no_subgroups(world: World) -> None:
    plan = Plan(start=20, batch=8, rounds=1)
    runs = run_all(replace(world, groups={}), plan, ["random"], range(1))
    assert "worst subgroup" not in runs["random"][0].measures
