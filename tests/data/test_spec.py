from typing import Any

import pytest
from pydantic import ValidationError

from tests.data.make import make_content, make_spec
from triage.data.spec import DataSpec


def problems_of(content: dict[str, Any]) -> dict[str, str]:
    """Message by place."""
    with pytest.raises(ValidationError) as caught:
        DataSpec.model_validate(content)
    return {
        ".".join(str(part) for part in item["loc"]): item["msg"] for item in caught.value.errors()
    }


def test_a_sound_spec() -> None:
    spec = make_spec()
    assert list(spec.by_name) == [condition.name for condition in spec.conditions]
    assert spec.split.train + spec.split.validation + spec.split.test == pytest.approx(1.0)
    assert spec.max_images_per_case == 6


def test_a_spec_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        make_spec().name = "other"


@pytest.mark.parametrize(
    "place",
    ["title", "rows.manifest", "conditions.0", "roles.auto", "subgroups.0", "costs.outcomes"],
)
def test_an_unknown_key_is_an_error_at_every_level(place: str) -> None:
    content = make_content(subgroups=[{"column": "age"}], costs={"outcomes": {}})
    target: Any = content
    for part in place.split(".")[: -1 if place in ("title", "rows.manifest") else None]:
        target = target[int(part)] if isinstance(target, list) else target[part]
    target["tilte"] = 1
    (found,) = problems_of(content)
    assert found.endswith("tilte")


def test_every_problem_is_listed_with_its_place() -> None:
    content = make_content(outlier_prevalence=1.5, split={"train": 0.5})
    content["conditions"][1]["risk"] = "huge"
    content["rows"]["folders"] = "images"
    del content["licence"]
    assert set(problems_of(content)) == {
        "outlier_prevalence",
        "split",
        "conditions.1.risk",
        "rows",
        "licence",
    }


def test_conditions_are_named_once() -> None:
    content = make_content()
    content["conditions"].append(dict(content["conditions"][0]))
    assert "['acne']" in problems_of(content)["conditions"]


@pytest.mark.parametrize("auto", [{"train": 1, "validation": 1, "test": 2}, None])
def test_the_counts_must_place_every_auto_condition(auto: dict[str, int] | None) -> None:
    content = make_content(roles={"auto": auto})
    placed = sum(auto.values()) if auto else 0
    assert (
        f"5 conditions have role auto, but roles.auto places {placed}" in problems_of(content)[""]
    )


@pytest.mark.parametrize(
    ("bands", "message"),
    [([0], "at least 2"), ([0, 30, 30], "increase"), ([5, 1], "increase"), ([0, "nan"], "finite")],
)
def test_bands_increase(bands: list[Any], message: str) -> None:
    found = problems_of(make_content(subgroups=[{"column": "age", "bands": bands}]))
    assert message in " ".join(found.values())


@pytest.mark.parametrize("column", ["label", "case_id", "cluster", "reason", "p_outlier"])
def test_a_subgroup_may_not_hide_a_column_of_the_predictions(column: str) -> None:
    found = problems_of(make_content(subgroups=[{"column": column}]))
    assert column in found["subgroups"]


def test_a_subgroup_is_named_once() -> None:
    found = problems_of(make_content(subgroups=[{"column": "age"}, {"column": "age"}]))
    assert "age" in found["subgroups"]


@pytest.mark.parametrize("rows", [{}, {"manifest": "a.csv", "folders": "b"}])
def test_exactly_one_source_of_rows(rows: dict[str, str]) -> None:
    assert "exactly one" in problems_of(make_content(rows=rows))["rows"]


def test_a_stand_in_for_validation_outliers_needs_its_note() -> None:
    content = make_content()
    content["roles"]["validation_outliers"] = "held_out_cases"
    assert "note" in problems_of(content)["roles"]
    content["roles"]["note"] = "Two rare conditions only."
    assert DataSpec.model_validate(content).roles.note


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, float("nan")])
def test_prevalence_lies_strictly_between_none_and_all(prevalence: float) -> None:
    assert "outlier_prevalence" in problems_of(make_content(outlier_prevalence=prevalence))


@pytest.mark.parametrize("cost", [-1, float("inf"), float("nan")])
def test_costs_are_finite_and_not_negative(cost: float) -> None:
    content = make_content(costs={"outcomes": {"miss_outlier": cost}})
    assert "costs.outcomes.miss_outlier" in problems_of(content)


def test_json_round_trip() -> None:
    spec = make_spec(subgroups=[{"column": "age", "bands": [0, 30, 60]}])
    assert DataSpec.model_validate_json(spec.model_dump_json()) == spec
