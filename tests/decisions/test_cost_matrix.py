"""The cost matrix of a data spec: defaults, a full matrix, factors, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from tests.decisions.make import CONDITIONS
from tests.decisions.test_fitting import make_spec
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec
from triage.decisions.cost_matrix import (
    CostMatrix,
    case_costs,
    cost_matrix,
    largest_cost,
    subgroup_factors,
    unknown_conditions,
)
from triage.errors import SpecError, UnknownName, UsageError

NAMES = ("melanoma", "bullous", "eczema", "naevus", "rare a", "rare b", "new")
URGENCIES = ("urgent", "semi_urgent", "routine", "observation")
FULL = {
    name: {urgency: float(10 * row + column) for column, urgency in enumerate(URGENCIES)}
    for row, name in enumerate(NAMES)
}


def spec_with(costs: dict[str, Any], **changes: Any) -> DataSpec:
    content = make_spec().model_dump(mode="json")
    content["costs"] = costs
    content["subgroups"] = [
        {"column": "tone", "levels": {"I": [], "VI": []}},
        {"column": "age", "bands": [0, 40, 90]},
        {"column": "site"},
    ]
    return DataSpec.model_validate(content | changes)


def test_the_default_by_hand() -> None:
    matrix = cost_matrix(make_spec())
    assert matrix.conditions == NAMES
    rows = dict(zip(matrix.conditions, matrix.urgency, strict=True))
    # half a wrong name for a step of under-triage, squared; four times that of high risk
    assert rows["melanoma"] == (0.0, 2.0, 8.0, 18.0)
    assert rows["bullous"] == (1.0, 0.0, 2.0, 8.0)
    assert rows["eczema"] == (0.5, 0.25, 0.0, 0.5)
    assert rows["naevus"] == (0.75, 0.5, 0.25, 0.0)
    assert matrix.abstain_known == (0.5,) * 7
    assert matrix.abstain_unknown == (0.0,) * 7
    assert matrix.largest == 19.0


def test_step_prices_weight_and_factors_scale_it() -> None:
    costs = {
        "urgency": {"under_triage": 4.0, "over_triage": 3.0},
        "urgency_weight": 0.5,
        "multipliers": {"risk": {"low": 2.0, "medium": 1.0, "high": 1.0}},
        "abstain": {
            "known": {"low": 0.1, "medium": 0.2, "high": 0.3},
            "unknown": {"low": 0.4, "medium": 0.5, "high": 0.6},
        },
    }
    matrix = cost_matrix(spec_with(costs))
    assert matrix.urgency[0] == (0.0, 2.0, 8.0, 18.0)
    assert matrix.urgency[2] == (6.0, 3.0, 0.0, 4.0)
    assert matrix.abstain_known == (0.3, 0.3, *[0.1] * 5)
    assert matrix.abstain_unknown == (0.6, 0.6, *[0.4] * 5)


def test_a_full_matrix_is_taken_as_it_is_written() -> None:
    matrix = cost_matrix(spec_with({"matrix": FULL}))
    for row, name in enumerate(NAMES):
        assert list(matrix.urgency[row]) == list(FULL[name].values())
    doubled = {"matrix": FULL, "multipliers": {"risk": {"low": 1.0, "medium": 1.0, "high": 2.0}}}
    assert cost_matrix(spec_with(doubled)).urgency[0] == (0.0, 2.0, 4.0, 6.0)


def refused(costs: dict[str, Any], tmp_path: Any) -> str:
    """What a user reads."""
    content = spec_with({}).model_dump(mode="json") | {"costs": costs}
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ({"matrix": {k: v for k, v in FULL.items() if k != "new"}}, ["new", "semi_urgent"]),
        (
            {"matrix": FULL | {"eczema": {"urgent": 1.0, "routine": 0.0, "observation": 1.0}}},
            ["costs.matrix.eczema.semi_urgent", "required"],
        ),
        (
            {"matrix": FULL | {"naevus": FULL["naevus"] | {"routine": -1.0}}},
            ["costs.matrix.naevus.routine", "greater than or equal to 0"],
        ),
        ({"matrix": FULL | {"melanomma": FULL["melanoma"]}}, ["Did you mean melanoma?"]),
        ({"matrix": FULL, "urgency_weight": 0.5}, ["urgency_weight"]),
        (
            {"multipliers": {"subgroups": {"tune": {"I": 2.0}}}},
            ["tune", "Did you mean tone?"],
        ),
        (
            {"multipliers": {"subgroups": {"tone": {"VII": 2.0}}}},
            ["VII", "Did you mean VI?"],
        ),
        (
            {"multipliers": {"subgroups": {"age": {"40-80": 2.0}}}},
            ["Did you mean 40-90?"],
        ),
        (
            {"multipliers": {"risk": {"low": 1.0, "hight": 1.0, "medium": 1.0, "high": 1.0}}},
            ["costs.multipliers.risk.hight", "Did you mean high?"],
        ),
        ({"outcomes": {"wrong_inlier": -0.5}}, ["costs.outcomes.wrong_inlier"]),
    ],
)
def test_what_is_refused_names_condition_and_urgency(
    costs: dict[str, Any], said: list[str], tmp_path: Any
) -> None:
    message = refused(costs, tmp_path)
    for part in said:
        assert part in message


def test_costs_stated_in_part_tell_what_was_taken() -> None:
    assert make_spec().costs.completed() == []
    assert spec_with({"outcomes": {"wrong_inlier": 4.0}}).costs.completed() == [
        "costs.outcomes.abstain_inlier = 0.5",
        "costs.outcomes.abstain_outlier = 0",
        "costs.outcomes.miss_outlier = 1",
    ]
    (abstaining,) = spec_with({"matrix": FULL}).costs.completed()
    assert "costs.abstain" in abstaining


def test_the_cost_of_a_case_against_a_loop() -> None:
    matrix = cost_matrix(spec_with({"matrix": FULL}))
    rng = np.random.default_rng(0)
    labels = [NAMES[k] for k in rng.integers(0, len(NAMES), 60)]
    outlier = np.array([name in NAMES[4:] for name in labels])
    right, abstained = rng.random(60) < 0.5, rng.random(60) < 0.5
    urgency, factors = rng.integers(0, 4, 60), rng.uniform(0.5, 2, 60)
    found = case_costs(matrix, labels, outlier, right, urgency, abstained, factors)
    for i, label in enumerate(labels):
        expected = FULL[label][URGENCIES[urgency[i]]]
        if abstained[i]:
            expected += 0.0 if outlier[i] else 0.5
        elif outlier[i] or not right[i]:
            expected += 1.0
        assert found[i] == pytest.approx(expected * factors[i])
        assert found[i] <= matrix.largest * 2
    with pytest.raises(UnknownName, match="melanomma"):
        matrix.rows(["melanomma"])


def test_factors_of_subgroups_multiply_the_costs_of_their_cases() -> None:
    subgroups = {"tone": {"VI": 3.0}, "age": {"40-90": 0.5}}
    spec = spec_with({"multipliers": {"subgroups": subgroups}})
    table = pd.DataFrame(
        {"tone": ["I", "VI", "VI", "unknown"], "age": ["0-40", "0-40", "40-90", "40-90"]}
    )
    assert subgroup_factors(spec.costs, table).tolist() == [1.0, 3.0, 1.5, 0.5]
    assert largest_cost(spec) == 3 * cost_matrix(spec).largest
    assert subgroup_factors(make_spec().costs, table).tolist() == [1.0] * 4
    with pytest.raises(UsageError, match="age"):
        subgroup_factors(spec.costs, table[["tone"]])


def test_a_matrix_needs_a_row_for_each_condition() -> None:
    matrix = cost_matrix(make_spec()).model_dump()
    for changes in ({"conditions": NAMES[:-1]}, {"conditions": ("naevus",) * 7}):
        with pytest.raises(ValidationError):
            CostMatrix.model_validate(matrix | changes)


def test_a_spec_without_the_new_keys_is_written_as_before() -> None:
    spec = make_spec()
    assert spec.model_dump(mode="json")["costs"].keys() == {"outcomes", "urgency", "source"}
    assert "capacity" not in spec.model_dump(mode="json")
    assert unknown_conditions(spec, {"new", "rare a"}) == ("rare a", "new")
    assert [one.name for one in CONDITIONS] == list(NAMES[:4])
