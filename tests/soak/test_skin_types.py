"""The parts of the measurement by skin type on made-up cases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit, logit

from tests.evaluation.test_metrics import small
from tests.soak.skin_type_tables import groups_and_lag
from tests.soak.skin_type_thresholds import COLUMN, centre_by_type
from tests.soak.skin_type_variants import GREY_WORLD, SHADES, TONES, balanced, matched
from triage.data.manifest import Case
from triage.models.settings import TrainSettings
from triage.predictions import Predictions
from triage.systems.photographs.plan import TrainingPlan


@pytest.mark.parametrize("toned", [GREY_WORLD, SHADES])
def test_constancy_takes_a_colour_cast_off(toned):
    rng = np.random.default_rng(0)
    grey = rng.integers(20, 120, size=(40, 40, 1)).repeat(3, axis=2)
    cast = np.rint(grey * [1.3, 1.0, 0.7]).astype(np.uint8)
    found = toned.apply(cast, "")
    assert found.dtype == np.uint8
    assert np.ptp(found.astype(int), axis=2).max() <= 2
    means = (cast / 255.0) ** toned.severity
    expected = (means.mean(axis=(0, 1)) ** (1 / toned.severity)).mean()
    seen = ((found / 255.0) ** toned.severity).mean(axis=(0, 1)) ** (1 / toned.severity)
    assert seen == pytest.approx(np.full(3, expected), abs=0.005)


def test_tones_change_what_they_say():
    frame = np.full((4, 4, 3), 100, dtype=np.uint8)
    darker, lighter, warmer, cooler = (tone.apply(frame, "").astype(int)[0, 0] for tone in TONES)
    assert (darker < 100).all()
    assert (lighter > 100).all()
    assert warmer[0] > 100 > warmer[2]
    assert cooler[0] < 100 < cooler[2]
    assert len({tone.digest for tone in (*TONES, GREY_WORLD, SHADES)}) == 6


def plan_of(counts: dict[tuple[str, str], int]) -> tuple[TrainingPlan, list[Case]]:
    """A plan that trains on so many cases of each condition and skin type."""
    keys = [key for key, n in counts.items() for _ in range(n)]
    cases = [
        Case(str(n), str(n), str(n), (Path("x"),), condition, subgroups={"skin_type": kind})
        for n, (condition, kind) in enumerate(keys)
    ]
    conditions = sorted({condition for condition, _ in counts})
    targets = torch.tensor([conditions.index(condition) for condition, _ in keys])
    rows = torch.arange(len(cases))
    none = torch.tensor([], dtype=torch.int64)
    return TrainingPlan(
        settings=TrainSettings(backbones=("x",)),
        classes=tuple(conditions),
        n_inliers=len(conditions),
        data_digest="",
        train=rows,
        train_targets=targets,
        early_stop=none,
        early_stop_targets=none,
        validation_rows=np.array([], dtype=np.int64),
    ), cases


def counted(plan: TrainingPlan, cases: list[Case]) -> Counter[tuple[str, str]]:
    """Training cases of a plan by condition and skin type; its targets must be theirs."""
    rows = plan.train.tolist()
    names = [plan.classes[target] for target in plan.train_targets.tolist()]
    assert names == [cases[row].condition for row in rows]
    return Counter(
        (name, cases[row].subgroups["skin_type"]) for name, row in zip(names, rows, strict=True)
    )


def test_balanced_repeats_the_rare_types_of_a_condition():
    counts = {("a", "1"): 36, ("a", "5"): 9, ("a", "6"): 1, ("b", "1"): 4, ("b", "6"): 4}
    plan, cases = plan_of(counts)
    found = counted(balanced(plan, cases), cases)
    repeats = {("a", "5"): 2, ("a", "6"): 3}
    assert found == {key: n * repeats.get(key, 1) for key, n in counts.items()}


def test_matched_keeps_as_many_of_each_group_as_the_darkest_has():
    counts = {("a", "1"): 30, ("a", "2"): 30, ("a", "4"): 20, ("a", "5"): 5, ("a", "6"): 2}
    plan, cases = plan_of(counts | {("b", "1"): 9, ("b", "3"): 1, ("b", "unknown"): 7})
    found = counted(matched(plan, cases, 0), cases)
    assert found["a", "1"] + found["a", "2"] == 7
    assert found["a", "4"] == 7
    assert (found["a", "5"], found["a", "6"]) == (5, 2)
    assert (found["b", "1"], found["b", "3"], found["b", "unknown"]) == (2, 1, 0)
    assert found.total() == 24


def test_centring_takes_off_most_of_the_distance_of_a_skin_type_and_keeps_its_order():
    rng = np.random.default_rng(0)
    kinds = np.array(["1"] * 300 + ["6"] * 80)
    labels = np.where(np.arange(380) % 4 < 3, "a", "outlier")
    logits = rng.normal(size=380) + 2.0 * (kinds == "6") + (labels == "outlier")
    table = Predictions(
        cases=pd.DataFrame(
            dict.fromkeys(("case_id", "patient_id", "cluster"), np.arange(380).astype(str))
            | {"label": labels, COLUMN: kinds}
        ),
        classes=("a",),
        n_inliers=1,
        members=("m",),
        probabilities=np.ones((380, 1, 1), np.float32),
        embedding=np.zeros((380, 1), np.float32),
    )
    tables = {"validation": table, "test": table}
    found = centre_by_type(dict.fromkeys(tables, expit(logits)), tables)
    known, dark = labels == "a", kinds == "6"
    mean, own = logits[known].mean(), logits[known & dark].mean()
    left = logit(found["test"][known & dark]).mean() - mean
    assert left == pytest.approx((own - mean) * 20 / (60 + 20), abs=1e-6)
    assert (np.argsort(found["test"][dark]) == np.argsort(logits[dark])).all()


def test_an_equal_mix_removes_a_lag_that_is_only_of_the_mix():
    """Condition a is always right, b never; I-II and III-IV have 3 of 4 a, V-VI 1 of 4."""
    truth, right, group = [], [], []
    for name, share in (("I-II", 3), ("III-IV", 3), ("V-VI", 1)):
        for n in range(40):
            is_a = n % 4 < share
            truth.append(0 if is_a else 1)
            right.append(is_a)
            group.append(name)
    probabilities = [[0.9, 0.1]] * len(truth)
    outcomes = small(truth, probabilities)
    assert (outcomes.probabilities.argmax(axis=1) == outcomes.truth).tolist() == right
    facts = pd.DataFrame({"group": group, "condition": [str(label) for label in truth]})
    assert groups_and_lag("accuracy", outcomes, facts, ())[3].startswith("-0.500 ")
    *cells, lag = groups_and_lag("accuracy", outcomes, facts, ("condition",))
    assert {cell.split()[0] for cell in cells} == {f"{7 / 12:.3f}"}
    assert lag.startswith(("+0.000 ", "-0.000 "))
