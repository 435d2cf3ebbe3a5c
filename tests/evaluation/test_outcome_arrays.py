"""Outcomes from tables as they come: other types work, or are refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from triage.errors import UsageError
from triage.evaluation import Outcomes, evaluate

N = 40


def given(**changes: Any) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    fields: dict[str, Any] = {
        "classes": ("a", "b"),
        "truth": generator.integers(-1, 2, N),
        "probabilities": generator.dirichlet([1, 1], N),
        "ood_score": generator.random(N),
        "abstained": generator.random(N) < 0.3,
        "cost": generator.random(N),
        "true_urgency": generator.integers(0, 4, N),
        "queue_urgency": generator.integers(0, 4, N),
        "cluster": np.arange(N).astype(str),
        "subgroups": pd.DataFrame(index=range(N)),
    }
    return fields | changes


@pytest.mark.parametrize(
    ("column", "levels"),
    [
        (np.arange(N) % 3, ["0", "1", "2"]),
        ([None, "a"] * (N // 2), ["a", "unknown"]),
        ([np.nan, 1.0] * (N // 2), ["1", "unknown"]),
        ([1, "a"] * (N // 2), ["1", "a"]),
        ([True, False] * (N // 2), ["False", "True"]),
        (pd.Categorical(["x", "y"] * (N // 2)), ["x", "y"]),
    ],
)
def test_groups_of_any_type_are_evaluated(column: Any, levels: list[str]) -> None:
    table = pd.DataFrame({"group": column}, index=range(N, 2 * N))
    found = evaluate(Outcomes(**given(subgroups=table)), n_resamples=5)
    assert [one.level for one in found.subgroups] == levels
    assert {one.axis for one in found.subgroups} == {"group"}


def test_no_groups_and_columns_named_by_numbers() -> None:
    assert evaluate(Outcomes(**given()), n_resamples=5).subgroups == []
    table = pd.DataFrame({0: ["x", "y"] * (N // 2)})
    assert Outcomes(**given(subgroups=table)).subgroups.columns.tolist() == ["0"]


def test_lists_and_whole_floats_are_taken_as_numbers() -> None:
    whole = given()
    plain = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in whole.items()
    }
    plain["truth"] = whole["truth"].astype(float)
    plain["abstained"] = whole["abstained"].astype(int)
    plain["cluster"] = np.arange(N)
    found = Outcomes(**plain)
    assert found.truth.dtype == np.int64
    assert found.abstained.dtype == np.bool_
    one, other = (evaluate(o, n_resamples=5).overall for o in (found, Outcomes(**whole)))
    assert {key: each.value for key, each in one.items()} == {
        key: each.value for key, each in other.items()
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subgroups": None}, "subgroups: is NoneType, not a DataFrame"),
        ({"subgroups": {"sex": ["f"] * N}}, "subgroups: is dict, not a DataFrame"),
        ({"cluster": np.array([None, "a"] * (N // 2), dtype=object)}, "cluster: holds a missing"),
        ({"cost": ["much"] * N}, "cost: is not an array of numbers"),
        ({"abstained": ["no"] * N}, "abstained: is not an array of numbers"),
        ({"probabilities": [[0.5, 0.5], [1.0]] * (N // 2)}, "probabilities: is not an array of"),
        ({"probabilities": np.ones(N)}, r"probabilities have shape \(40,\)"),
        ({"probabilities": np.full((N, 1, 2), 0.5)}, r"probabilities have shape \(40, 1, 2\)"),
        ({"truth": np.full(N, 0.5)}, "truth: holds values that are not whole numbers"),
        ({"truth": np.full(N, np.nan)}, "truth"),
        ({"abstained": np.full(N, 2)}, "abstained: holds values that are neither"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_words(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Outcomes(**given(**changes))
