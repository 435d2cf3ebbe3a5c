"""`triage.audit` measures what `evaluate` measures, only what it can, and refuses the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import triage
from triage.auditing.arguments import OVERALL
from triage.auditing.audit_result import AuditResult
from triage.auditing.frame_columns import MAX_LEVELS
from triage.auditing.metric_columns import METRIC_COLUMNS, Column
from triage.errors import TriageError, UsageError
from triage.evaluation import METRICS, Outcomes, evaluate
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS

N = 120
RESAMPLES = 100
COLUMNS: dict[str, Any] = {"label": "y", "probabilities": ["p_a", "p_b", "p_c"]}
EVERYTHING: dict[str, Any] = COLUMNS | {
    "groups": ["skin_type", "sex"],
    "patient": "patient_id",
    "outliers": ["rare"],
    "ood_score": "ood",
    "abstained": "abstained",
    "cost": "cost",
    "true_urgency": "true",
    "queue_urgency": "queue",
}


def make_frame(seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    p = generator.dirichlet([1.0, 1.0, 1.0], N)
    return pd.DataFrame(
        {
            "y": generator.choice(["a", "b", "c", "rare"], N),
            "p_a": p[:, 0],
            "p_b": p[:, 1],
            "p_c": p[:, 2],
            "skin_type": generator.integers(1, 4, N),
            "sex": generator.choice(["f", "m", None], N),  # type: ignore[arg-type]
            "patient_id": generator.integers(0, 50, N),
            "ood": generator.random(N),
            "abstained": generator.random(N) < 0.3,
            "cost": generator.choice([0.0, 1.0, 5.0], N),
            "true": generator.choice(["urgent", "routine"], N),
            "queue": generator.choice(["urgent", "observation"], N),
        }
    )


FRAME = make_frame()


def audited(frame: pd.DataFrame = FRAME, **arguments: Any) -> AuditResult:
    return triage.audit(frame, n_resamples=RESAMPLES, **(arguments or EVERYTHING))


RESULT = audited()
GIVEN = [each for each in Column if each in EVERYTHING and each != Column.PROBABILITIES]


# The same numbers as evaluate


def test_all_metrics_are_those_of_evaluate() -> None:
    """But for rounding: an audit keeps probabilities as float32."""
    ranks = {"urgent": 0, "semi_urgent": 1, "routine": 2, "observation": 3}
    expected = evaluate(
        Outcomes(
            classes=("a", "b", "c"),
            truth=FRAME["y"].map({"a": 0, "b": 1, "c": 2, "rare": -1}).to_numpy(),
            probabilities=FRAME[["p_a", "p_b", "p_c"]].to_numpy(),
            ood_score=FRAME["ood"].to_numpy(),
            abstained=FRAME["abstained"].to_numpy(),
            cost=FRAME["cost"].to_numpy(),
            true_urgency=FRAME["true"].map(ranks).to_numpy(),
            queue_urgency=FRAME["queue"].map(ranks).to_numpy(),
            cluster=FRAME["patient_id"].astype(str).to_numpy(dtype=str),
            subgroups=FRAME[["skin_type", "sex"]],
        ),
        n_resamples=2,
    )
    wanted = pd.DataFrame(expected.table())
    wanted = wanted.rename(columns={"axis": "group"}).set_index(["group", "level", "metric"])
    found = RESULT.to_frame().set_index(["group", "level", "metric"]).loc[wanted.index]
    for name in ("value", "n_cases", "n_clusters"):
        np.testing.assert_allclose(
            found[name].astype(float), wanted[name].astype(float), rtol=1e-5, atol=1e-6
        )


def test_numbers_are_those_of_an_audit_with_a_plan() -> None:
    accuracy = RESULT.measurement.estimate("sex", "f", "accuracy")
    assert accuracy is not None
    row = RESULT.by_group["accuracy"].loc[("sex", "f")]
    assert (row["value"], row["low"], row["high"]) == (accuracy.value, accuracy.low, accuracy.high)
    assert accuracy.interval == "Korn-Graubard"


def test_leaving_metrics_out_changes_no_number() -> None:
    assert {*METRICS} <= {*RESULT.metrics}
    few = audited(**COLUMNS, groups=["skin_type", "sex"], patient="patient_id", outliers=["rare"])
    everything = RESULT.to_frame().set_index(["group", "level", "metric"])
    found = few.to_frame().set_index(["group", "level", "metric"])
    assert 0 < len(few.metrics) < len(RESULT.metrics)
    kept = everything.loc[found.index]
    np.testing.assert_allclose(kept[["value"]], found[["value"]], rtol=1e-9, atol=1e-12)
    assert list(kept["n_cases"]) == list(found["n_cases"])


# What is not given is absent


def test_the_table_of_columns_is_of_all_metrics() -> None:
    assert METRIC_COLUMNS.keys() == AUDIT_METRICS.keys()


@pytest.mark.parametrize("column", [each for each in GIVEN if each is not Column.OUTLIERS])
def test_metrics_without_their_column_are_absent(column: Column) -> None:
    arguments = {key: value for key, value in EVERYTHING.items() if key != column}
    result = audited(FRAME.drop(columns=EVERYTHING[column]), **arguments)
    assert {*RESULT.metrics} - {*result.metrics} == {
        key for key in RESULT.metrics if column in METRIC_COLUMNS[key]
    }
    assert {*result.by_group.columns.get_level_values(0)} == {*result.metrics}
    assert {*result.overall.index} == {*result.metrics}


def test_metrics_of_outliers_need_outliers() -> None:
    inliers = FRAME[FRAME["y"] != "rare"]
    result = audited(inliers, **EVERYTHING)
    assert "ood_auroc" not in result.metrics
    assert "outlier_abstention_rate" not in result.metrics
    assert "aurc" in result.metrics


@pytest.mark.parametrize("key", METRICS)
def test_a_metric_reads_no_column_but_its_own(key: str) -> None:
    """Changing every column that the table says it does not read leaves it as it was."""
    generator = np.random.default_rng(5)
    other = FRAME.assign(
        ood=generator.random(N), abstained=generator.random(N) < 0.5,
        cost=generator.random(N), true="routine", queue="semi_urgent",
    )  # fmt: skip
    read = [EVERYTHING[each] for each in METRIC_COLUMNS[key] & {*GIVEN} - {Column.OUTLIERS}]
    changed = other.assign(**{name: FRAME[name] for name in read})
    found, wanted = (result.overall.loc[key, "value"] for result in (audited(changed), RESULT))
    np.testing.assert_allclose(float(found), float(wanted), rtol=1e-9, atol=1e-12)


# Rows and other columns


@settings(max_examples=15)
@given(order=st.permutations(range(N)), shift=st.integers(-5, 5), extra=st.booleans())
def test_order_index_and_other_columns_do_not_matter(
    order: list[int], shift: int, extra: bool
) -> None:
    frame = FRAME.iloc[order]
    frame.index = pd.Index([shift] * N)
    if extra:
        frame = frame.assign(note=[object()] * N, **{"p_d": np.nan})
    frame = frame[frame.columns[::-1]]
    arguments = COLUMNS | {"groups": ["sex"], "outliers": ["rare"], "ood_score": "ood"}
    pd.testing.assert_frame_equal(
        audited(frame, **arguments).to_frame(), audited(**arguments).to_frame()
    )


def test_the_frame_is_left_as_it_is() -> None:
    before = FRAME.copy(deep=True)
    audited()
    pd.testing.assert_frame_equal(FRAME, before)


def test_whole_numbers_are_positions_of_columns() -> None:
    numbered = FRAME.assign(y=FRAME["y"].map({"a": 0, "b": 1, "c": 2, "rare": -1}))
    result = audited(numbered, **(EVERYTHING | {"outliers": [-1]}))
    pd.testing.assert_frame_equal(result.to_frame(), RESULT.to_frame())


def test_classes_named_by_whole_numbers_are_names() -> None:
    named = FRAME.rename(columns={"p_a": "1", "p_b": "2", "p_c": "3"})
    named["y"] = named["y"].map({"a": 1, "b": 2, "c": 3, "rare": 9})
    arguments = EVERYTHING | {"probabilities": ["1", "2", "3"], "outliers": [9]}
    assert audited(named, **arguments).overall["value"].equals(RESULT.overall["value"])


def test_a_mapping_names_the_classes() -> None:
    mapped = {"c": "p_c", "a": "p_a", "b": "p_b"}
    result = audited(**(EVERYTHING | {"probabilities": mapped}))
    assert result.classes == ("c", "a", "b")
    assert result.overall.loc["accuracy", "value"] == RESULT.overall.loc["accuracy", "value"]


def test_integer_and_missing_groups() -> None:
    assert RESULT.groups == ("skin_type", "sex")
    levels = RESULT.by_group.loc["skin_type"].index.tolist()
    assert levels == ["1", "2", "3"]
    assert RESULT.by_group.loc["sex"].index.tolist()[-1] == "unknown"
    floats = FRAME.assign(skin_type=FRAME["skin_type"].astype(float))
    floats.loc[3, "skin_type"] = np.nan
    again = audited(floats, **EVERYTHING).by_group.loc["skin_type"].index.tolist()
    assert again == ["1", "2", "3", "unknown"]


def test_without_patients_each_case_is_one() -> None:
    arguments = {key: value for key, value in EVERYTHING.items() if key != "patient"}
    result = audited(**arguments)
    assert result.n_patients is None
    assert result.overall.loc["accuracy", "n_clusters"] == (FRAME["y"] != "rare").sum()
    assert RESULT.n_patients == FRAME["patient_id"].nunique()


@pytest.mark.parametrize("kind", ["category", "string"])
def test_types_of_columns_do_not_matter(kind: str) -> None:
    typed = FRAME.astype({"y": kind, "sex": kind, "true": kind, "patient_id": "Int64"})
    typed["skin_type"] = typed["skin_type"].astype("Int64")
    typed["abstained"] = typed["abstained"].astype(int)
    pd.testing.assert_frame_equal(audited(typed, **EVERYTHING).to_frame(), RESULT.to_frame())


# What results offer


def test_by_group_holds_intervals_and_sizes() -> None:
    accuracy = RESULT.by_group["accuracy"]
    assert list(accuracy.columns) == ["value", "low", "high", "n_cases", "n_clusters", "evidence"]
    assert (accuracy["low"] < accuracy["high"]).all()
    right = FRAME[FRAME["y"] != "rare"]
    top = right[["p_a", "p_b", "p_c"]].idxmax(axis=1).str[2:]
    expected = (top == right["y"]).groupby(right["skin_type"].astype(str)).mean()
    found = accuracy.loc["skin_type"]["value"]
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy())


def test_difference_is_of_the_farthest_levels() -> None:
    found = RESULT.difference().set_index(["group", "metric"]).loc["skin_type", "accuracy"]
    values = RESULT.by_group["accuracy"].loc["skin_type"]["value"].astype(float)
    assert found["value"] == pytest.approx(values.max() - values.min())
    assert (found["level"], found["other_level"]) == (values.idxmax(), values.idxmin())
    assert found["low"] < found["value"] < found["high"]


def test_difference_to_a_reference() -> None:
    found = RESULT.difference(reference={"skin_type": 1})
    assert {*found["group"]} == {"skin_type"}
    assert {*found["other_level"]} == {"1"}
    assert {*found["level"]} == {"2", "3"}
    with pytest.raises(UsageError, match="sexx"):
        RESULT.difference(reference={"sexx": "f"})
    with pytest.raises(UsageError, match="level of sex"):
        RESULT.difference(reference={"sex": "x"})


def test_no_groups_no_rows() -> None:
    result = audited(**COLUMNS, outliers=["rare"])
    assert len(result.by_group) == 0
    assert len(result.difference()) == 0
    assert "accuracy" in result.by_group.columns.get_level_values(0)


def test_the_plot_is_a_picture_without_scripts() -> None:
    svg = RESULT.plot().svg
    assert svg.startswith("<svg")
    assert "<script" not in svg
    assert "OOD AUROC" in svg
    assert "Brier" in RESULT.plot("brier").svg
    with pytest.raises(UsageError, match="not measured"):
        audited(**COLUMNS, outliers=["rare"]).plot(["ood_auroc"])
    with pytest.raises(UsageError, match="accuracy"):
        RESULT.plot(["acuracy"])


def test_html_and_pictures_escape_what_data_hold() -> None:
    evil = "<script>alert(1)</script>"
    frame = FRAME.assign(site=[evil, "arm"] * (N // 2))
    result = audited(frame, **COLUMNS, outliers=["rare"], groups=["site"])
    assert "&lt;script&gt;" in result._repr_html_()
    assert "<script" not in result._repr_html_()
    assert "<script" not in result.plot(["accuracy"]).svg
    assert "120 cases" in repr(result)


# Bad input


def refused(frame: Any, *words: str, **changed: Any) -> None:
    with pytest.raises(TriageError) as caught:
        triage.audit(frame, n_resamples=RESAMPLES, **(EVERYTHING | changed))
    assert caught.value.where
    assert caught.value.hint
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message


def changed(column: str, value: Any) -> pd.DataFrame:
    frame = FRAME.copy()
    frame[column] = frame[column].astype(object)
    frame.loc[7, column] = value
    return frame.infer_objects()


def test_what_is_no_table() -> None:
    refused([[1, 2]], "list", "DataFrame")
    refused(FRAME.iloc[:0], "no rows")
    refused(pd.DataFrame(), "no rows")


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("label", "yy"),
        ("probabilities", ["p_a", "p_b", "p_cc"]),
        ("groups", ["skin_typ"]),
        ("patient", "patient_idd"),
        ("ood_score", "oodd"),
        ("abstained", "abstaine"),
    ],
)
def test_absent_columns(argument: str, name: Any) -> None:
    refused(FRAME, argument, "there is no column", **{argument: name})


def test_columns_named_twice() -> None:
    doubled = pd.concat([FRAME, FRAME[["y"]]], axis=1)
    refused(doubled, "2 columns 'y'")
    refused(FRAME, "twice", groups=["sex", "sex"])
    refused(FRAME, "twice", probabilities=["p_a", "p_a", "p_b"])


def test_probabilities_that_are_none() -> None:
    refused(FRAME.assign(p_a=FRAME["p_a"] / 2), "do not sum to one")
    refused(FRAME.assign(p_a=-FRAME["p_a"]), "outside 0 to 1")
    refused(changed("p_a", np.nan), "'p_a'", "missing", "row 7")
    refused(changed("p_a", np.inf), "'p_a'", "infinite")
    refused(changed("p_a", "high"), "'p_a'", "not of numbers")


def test_labels_that_no_class_has() -> None:
    refused(changed("y", "d"), "'d'", "a, b, c", "outliers")
    refused(changed("y", "A"), "Did you mean 'a'?")
    refused(changed("y", None), "missing", "row 7")
    refused(FRAME, "'rare'", outliers=[])
    refused(FRAME, "'a' is a class too", outliers=["a", "rare"])
    refused(FRAME.assign(y=5), "'5'")


def test_one_class_only() -> None:
    refused(FRAME.assign(y="a"), "one class only")
    refused(FRAME.assign(y="rare"), "no case is of a class")
    refused(FRAME, "one class only", probabilities=["p_a"])
    refused(FRAME, "one class only", probabilities="p_a")
    refused(FRAME, "no column", probabilities=[])


def test_groups_of_too_many_levels() -> None:
    refused(FRAME.assign(age=np.linspace(20, 80, N)), f"more than {MAX_LEVELS}", groups=["age"])


def test_other_values_that_cannot_be() -> None:
    refused(changed("patient_id", None), "patient", "missing")
    refused(FRAME.assign(abstained=FRAME["abstained"] * 2), "other than 0 and 1")
    refused(changed("true", "soon"), "'soon'", "urgent")
    refused(changed("ood", np.nan), "ood_score", "missing")
    refused(FRAME.assign(cost=-1.0), "cost")
    refused(FRAME, "outlier_prevalence", outlier_prevalence=1.5)


def test_one_group_may_be_named_by_itself() -> None:
    assert audited(**COLUMNS, outliers="rare", groups="sex").groups == ("sex",)


# Labels that are positions


NUMBERED = FRAME.assign(y=FRAME["y"].map({"a": 0, "b": 1, "c": 2, "rare": -1}))


@pytest.mark.parametrize("outliers", [[1], [1.0], ["1"], [-1, 1], [np.int64(1)]])
def test_an_outlier_is_no_position_of_a_class(outliers: list[object]) -> None:
    refused(NUMBERED, "outliers", "'1' is a class too", "'b'", "0 (a) to 2 (c)", outliers=outliers)
    floats = NUMBERED.astype({"y": float})
    refused(floats, "'1' is a class too", outliers=outliers)


def test_a_number_may_be_an_outlier_among_names() -> None:
    named = FRAME.assign(y=FRAME["y"].replace("rare", "1"))
    found = audited(named, **(EVERYTHING | {"outliers": [1]}))
    assert found.overall["value"].equals(RESULT.overall["value"])


def test_numbers_that_are_no_position() -> None:
    one_based = NUMBERED.assign(y=NUMBERED["y"].replace(-1, 0) + 1)
    refused(one_based, "'3'", "0 (a) to 2 (c)", "Subtract 1", outliers=[])
    from_zero = NUMBERED.assign(y=NUMBERED["y"].replace(-1, 7))
    with pytest.raises(UsageError, match=r"0 \(a\) to 2 \(c\)") as caught:
        audited(from_zero, **(EVERYTHING | {"outliers": []}))
    assert "Subtract" not in str(caught.value)
    text = NUMBERED.assign(y=NUMBERED["y"].astype(str))
    refused(text, "'0'", "0 (a) to 2 (c)", "astype(int)", outliers=["-1"])


def test_labels_that_are_booleans() -> None:
    refused(FRAME.assign(y=FRAME["y"] == "b"), "'False'", "{False: 'a', True: 'b'}", outliers=[])


# Names of columns


def test_a_column_named_by_nothing() -> None:
    unnamed = FRAME.rename(columns={"y": np.nan})
    assert audited(unnamed, **(EVERYTHING | {"label": np.nan})).metrics == RESULT.metrics
    for name in (None, np.nan, pd.NA):
        with pytest.raises(UsageError, match="there is no column") as caught:
            audited(FRAME, **(EVERYTHING | {"label": name}))
        assert "Did you mean" not in str(caught.value)


def test_a_name_of_another_type() -> None:
    refused(FRAME.rename(columns={"y": 1}), "'1'", "Did you mean 1 of type int?", label="1")


@pytest.mark.parametrize("argument", ["label", "patient", "ood_score", "cost", "true_urgency"])
def test_values_instead_of_a_name(argument: str) -> None:
    refused(FRAME, argument, "type Series, not the name", **{argument: FRAME["y"]})
    refused(FRAME, argument, "type list, not the name", **{argument: ["y"]})


@pytest.mark.parametrize("name", [OVERALL, ""])
def test_names_that_no_group_may_have(name: str) -> None:
    named = FRAME.rename(columns={"sex": name})
    refused(named, "groups", repr(name), "Rename", groups=[name])


def test_overall_is_of_all_cases_only() -> None:
    """Whatever a group is named, as in a result that was put together from a measurement."""

    def named(each: Any) -> Any:
        return each.model_copy(update={"axis": OVERALL}) if each.axis == "sex" else each

    measured = RESULT.measurement
    found = AuditResult(
        measured.model_copy(
            update={
                "levels": [named(each) for each in measured.levels],
                "estimates": [named(each) for each in measured.estimates],
            }
        )
    )
    pd.testing.assert_frame_equal(found.overall, RESULT.overall)
    assert len(found.by_group) == len(RESULT.by_group)


def test_missing_labels_are_listed() -> None:
    frame = FRAME.copy()
    frame.loc[[3, 5, 9], "y"] = None
    refused(frame, "label", "in 3 of 120 rows: rows 3, 5, 9 (counted from 0)")


# Arguments of the wrong type


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("probabilities", [None, 3, 2.5, {"p_a", "p_b"}, [None], FRAME["p_a"]]),
        ("groups", [None, 3, {"sex": 1}, [None], [["sex"]]]),
        ("outliers", [None, 3, {"rare": 1}, [None], [""]]),
        ("n_resamples", [None, 2.5, "a", 0, 1, -1, True, np.array([5, 6]), [60]]),
        ("seed", [None, 2.5, "a", -1, True, np.array([5, 6]), [0]]),
        ("outlier_prevalence", ["a", 0, 1, True, float("nan"), [0.1], 1 + 2j, pd.NA, FRAME]),
        ("progress", [None, 3]),
    ],
)
def test_arguments_that_cannot_be(argument: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(UsageError) as caught:
            triage.audit(FRAME, **(EVERYTHING | {"n_resamples": RESAMPLES, argument: value}))
        assert caught.value.where == argument, value
        assert caught.value.hint
        assert len(str(caught.value)) < 400


def test_numbers_of_numpy_are_numbers() -> None:
    found = triage.audit(
        FRAME,
        **EVERYTHING,
        n_resamples=np.int64(RESAMPLES),
        seed=np.int32(0),  # type: ignore[arg-type]
    )
    pd.testing.assert_frame_equal(found.to_frame(), RESULT.to_frame())


def test_a_users_own_metric() -> None:
    def share_right(cases: pd.DataFrame, weights: np.ndarray) -> float:
        known = (cases["label"] != "outlier").to_numpy()
        right = (cases["label"] == cases["predicted"]).to_numpy()
        return float(np.average(right[known], weights=weights[known]))

    result = triage.audit(FRAME, **EVERYTHING, metrics=[share_right], n_resamples=RESAMPLES)
    found, wanted = (result.overall.loc[key] for key in ("share_right", "accuracy"))
    assert found["value"] == pytest.approx(wanted["value"])
    assert found["low"] == pytest.approx(wanted["low"], abs=0.02)
    assert found["high"] == pytest.approx(wanted["high"], abs=0.02)
    assert "share_right" in result.plot(["share_right"]).svg


@pytest.mark.parametrize(
    "metrics", [3, [3], {"a b": np.mean}, {"accuracy": np.mean}, {"auroc": np.mean}, [len, len]]
)
def test_what_is_no_metric_of_a_user(metrics: Any) -> None:
    refused(FRAME, metrics=metrics)


def test_a_users_metric_that_fails() -> None:
    def broken(cases: pd.DataFrame, weights: np.ndarray) -> float:
        return float(cases["absent"].sum())

    refused(FRAME, "broken", "KeyError", metrics=[broken])


@pytest.mark.parametrize("metrics", [3, [3], [["ece"]], [], {"ece": 1}, [None]])
def test_what_is_no_metric_to_plot(metrics: Any) -> None:
    with pytest.raises(UsageError) as caught:
        RESULT.plot(metrics)
    assert caught.value.where == "metrics"
    assert caught.value.hint


@pytest.mark.parametrize("reference", ["g", 3, [], {"sex": ["f"]}, {3: 1}])
def test_what_is_no_reference(reference: Any) -> None:
    with pytest.raises(UsageError) as caught:
        RESULT.difference(reference)
    assert caught.value.where == "reference"
    assert caught.value.hint


def test_a_reference_is_written_as_in_the_table() -> None:
    whole = RESULT.difference({"skin_type": 1})
    pd.testing.assert_frame_equal(RESULT.difference({"skin_type": 1.0}), whole)
    assert {*RESULT.difference({"sex": None})["other_level"]} == {"unknown"}


def test_progress_is_reported_to_the_end() -> None:
    seen: list[tuple[str, int, int]] = []
    found = triage.audit(
        FRAME, **EVERYTHING, n_resamples=RESAMPLES, progress=lambda *each: seen.append(each)
    )
    last = {stage: (done, total) for stage, done, total in seen}
    axes = 1 + len(set(RESULT.by_group.index.get_level_values(0)))
    assert last.pop("measuring groups") == (axes, axes)
    assert all(done == total for done, total in last.values())
    pd.testing.assert_frame_equal(found.to_frame(), RESULT.to_frame())
