from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.make import make_content, make_spec
from triage.data.manifest import Case, cases_of_rows
from triage.data.patient_split import EXCLUDED, SPLITS, split_cases, unit_hash
from triage.data.roles import draw_roles
from triage.data.spec import DataSpec
from triage.vocabulary.learning import Consent

NOTE = {"validation_outliers": "held_out_cases", "note": "Too few."}
PLAIN = make_spec(rows=make_content()["rows"] | {"group": ["twin"]})
STAND_IN = make_spec(
    {"acne": "inlier", "melanoma": "inlier", "keloid": "outlier_train", "eczema": "outlier_test"},
    rows=make_content()["rows"] | {"group": ["twin"]},
    roles=NOTE,
)
OF_ROLE = {
    "inlier": set(SPLITS),
    "outlier_train": {"train"},
    "outlier_validation": {"validation"},
    "outlier_test": {"test"},
}


@st.composite
def tables(draw: st.DrawFn, spec: DataSpec) -> pd.DataFrame:
    n = draw(st.integers(1, 25))
    few = st.integers(0, 8).map(str)
    rows = {
        "image": [f"{k}.png" for k in range(n)],
        "case_id": [f"c{k}" for k in range(n)],
        "patient_id": [draw(few) for _ in range(n)],
        "twin": [draw(st.sampled_from(["", "", "", "t", "u"])) for _ in range(n)],
        "condition": [draw(st.sampled_from(sorted(spec.by_name))) for _ in range(n)],
    }
    return pd.DataFrame(rows)


def place(table: pd.DataFrame, spec: DataSpec, seed: int = 0) -> tuple[list[Case], list[str]]:
    cases = cases_of_rows(table, spec, Path("/"))
    return cases, split_cases(cases, spec, draw_roles(spec, seed))


@settings(max_examples=60)
@given(st.data(), st.sampled_from([PLAIN, STAND_IN]), st.integers(0, 5))
def test_no_patient_and_no_group_is_astride(data: st.DataObject, spec: DataSpec, seed: int) -> None:
    table = data.draw(tables(spec))
    cases, splits = place(table, spec, seed)
    placed = pd.Series(splits)[np.array(splits) != EXCLUDED]
    for column in ("patient_id", "twin"):
        groups = table[column][placed.index]
        assert (placed[groups != ""].groupby(groups[groups != ""]).nunique() == 1).all()
    draw = draw_roles(spec, seed)
    for case, split in zip(cases, splits, strict=True):
        allowed = OF_ROLE[draw.role_of(str(case.condition))] | {EXCLUDED}
        if spec is STAND_IN and case.condition in draw.train:
            allowed |= {"validation"}
        assert split in allowed
        if case.condition in draw.inliers:
            assert split != EXCLUDED


@settings(max_examples=60)
@given(st.data(), st.sampled_from([PLAIN, STAND_IN]))
def test_further_rows_move_no_case_of_an_unchanged_cluster(
    data: st.DataObject, spec: DataSpec
) -> None:
    table = data.draw(tables(spec))
    kept = data.draw(st.integers(1, len(table)))
    before = dict(zip(*[list(x) for x in _by_case(table[:kept], spec)], strict=True))
    after = dict(zip(*[list(x) for x in _by_case(table, spec)], strict=True))
    members = {name: _members(after, cluster) for name, (cluster, _) in after.items()}
    for name, (cluster, split) in before.items():
        if members[name] == _members(before, cluster):
            assert after[name][1] == split


def _by_case(table: pd.DataFrame, spec: DataSpec) -> tuple[list[str], list[tuple[str, str]]]:
    cases, splits = place(table, spec)
    clusters = [case.cluster for case in cases]
    return [case.case_id for case in cases], list(zip(clusters, splits, strict=True))


def _members(placed: dict[str, tuple[str, str]], cluster: str) -> set[str]:
    return {name for name, (other, _) in placed.items() if other == cluster}


def make_case(number: int, condition: str = "acne", **changes: Any) -> Case:
    given: dict[str, Any] = {
        "case_id": f"c{number}",
        "patient_id": f"p{number}",
        "cluster": f"patient:p{number}",
        "images": (),
        "condition": condition,
    }
    return Case(**(given | changes))


def test_shares_are_about_right() -> None:
    spec = make_spec(split={"train": 0.5, "validation": 0.2, "test": 0.3})
    splits = Counter(split_cases([make_case(k) for k in range(4000)], spec, draw_roles(spec)))
    for name, share in (("train", 0.5), ("validation", 0.2), ("test", 0.3)):
        deviation = (share * (1 - share) / 4000) ** 0.5
        assert abs(splits[name] / 4000 - share) < 4 * deviation


def test_the_seed_moves_cases() -> None:
    cases = [make_case(k) for k in range(100)]
    found = [
        split_cases(cases, spec, draw_roles(spec))
        for spec in (make_spec(split={"seed": seed}) for seed in (0, 0, 1))
    ]
    assert found[0] == found[1] != found[2]


def test_unit_hash_is_uniform_and_fixed_for_ever() -> None:
    # First 13 digits of `printf 0:patient:p1 | sha256sum`. A changed value would move cases
    # between the splits of data sets in use.
    assert unit_hash("patient:p1", 0) == 0xBC0C83C674F9D / 16**13
    values = np.array([unit_hash(f"{k}", 3) for k in range(2000)])
    assert 0.0 <= values.min() <= values.max() < 1.0
    counts, _ = np.histogram(values, bins=10, range=(0, 1))
    assert ((counts - 200) ** 2 / 200).sum() < 27.9  # chi-squared, 9 degrees, p = 0.001


def test_held_out_cases_stand_in_for_validation_outliers() -> None:
    cases = [make_case(k, "keloid") for k in range(1000)]
    splits = Counter(split_cases(cases, STAND_IN, draw_roles(STAND_IN)))
    assert set(splits) == {"train", "validation"}
    assert abs(splits["validation"] / 1000 - STAND_IN.roles.held_out_share) < 0.06
    assert set(split_cases([make_case(1, "eczema")], STAND_IN, draw_roles(STAND_IN))) == {"test"}


def test_a_cluster_goes_to_its_latest_split_and_what_may_not_follow_is_left_out() -> None:
    draw = draw_roles(PLAIN)
    mates = [
        make_case(0, draw.train[0], cluster="x"),
        make_case(1, draw.validation[0], cluster="x"),
        make_case(2, "acne", cluster="x"),
        make_case(3, draw.test[0], cluster="x"),
        make_case(4, draw.train[0], cluster="y"),
        make_case(5, draw.validation[0], cluster="y"),
    ]
    assert split_cases(mates, PLAIN, draw) == [
        EXCLUDED,
        EXCLUDED,
        "test",
        "test",
        EXCLUDED,
        "validation",
    ]


def test_the_manifests_split_is_kept_for_inliers_and_never_brought_forward() -> None:
    draw = draw_roles(PLAIN)
    for number, split in enumerate(SPLITS * 5):
        assert split_cases([make_case(number, split=split)], PLAIN, draw) == [split]
    for condition, expected in (
        (draw.train[0], ["train", EXCLUDED, EXCLUDED, EXCLUDED]),
        (draw.validation[0], ["validation", "validation", EXCLUDED, EXCLUDED]),
        (draw.test[0], ["test", "test", "test", "gate"]),
    ):
        cases = [make_case(k, condition, split=split) for k, split in enumerate(SPLITS)]
        assert split_cases(cases, PLAIN, draw) == expected


def test_a_training_outlier_that_the_manifest_validates_on_may_stand_in() -> None:
    draw = draw_roles(STAND_IN)
    cases = [make_case(k, "keloid", split="validation") for k in range(20)]
    assert set(split_cases(cases, STAND_IN, draw)) == {"validation"}


GATED = make_spec(
    rows=make_content()["rows"] | {"group": ["twin"]},
    split={"train": 0.6, "validation": 0.2, "test": 0.12, "gate": 0.08},
)


@given(table=tables(PLAIN))
@settings(max_examples=60, deadline=None)
def test_a_gate_share_moves_cases_of_test_alone(table: pd.DataFrame) -> None:
    cases = cases_of_rows(table, PLAIN, Path())
    before = split_cases(cases, PLAIN, draw_roles(PLAIN))
    after = split_cases(cases, GATED, draw_roles(GATED))
    for case, a, b in zip(cases, before, after, strict=True):
        assert a == b or (a, b) == ("test", "gate"), case.cluster


def test_shares_of_the_gate_among_inliers_and_outliers() -> None:
    draw = draw_roles(GATED)
    for condition in (draw.inliers[0], draw.test[0]):
        cases = [
            Case(f"c{k}", f"p{k}", f"patient:p{k}", (Path(f"{k}.png"),), condition)
            for k in range(4000)
        ]
        counts = Counter(split_cases(cases, GATED, draw))
        held_out = counts["test"] + counts["gate"]
        # Binomial with a probability of 0.4: 4 standard errors.
        assert abs(counts["gate"] / held_out - 0.4) < 4 * (0.24 / held_out) ** 0.5
        plain = split_cases(cases, PLAIN, draw_roles(PLAIN))
        assert plain.count("test") == held_out


def test_a_manifest_says_what_is_kept_for_the_gate() -> None:
    draw = draw_roles(GATED)
    trained, tested = draw.train[0], draw.test[0]

    def placed(condition: str, split: str | None, spec: DataSpec = PLAIN) -> str:
        case = Case("c", "p", "patient:p", (Path("a.png"),), condition, split=split)
        return split_cases([case], spec, draw_roles(spec))[0]

    assert placed("acne", "gate") == placed(tested, "gate") == "gate"
    assert placed(tested, "test", GATED) == placed("acne", "test", GATED) == "test"
    assert placed(trained, "gate") == EXCLUDED
    assert placed(tested, "train") == "test"


def test_who_withdrew_consent_is_in_no_split_and_decides_for_nobody() -> None:
    kept = Case("a", "p", "patient:p", (Path("a.png"),), "acne", split="train")
    gone = replace(kept, case_id="b", split="test", consent=Consent.WITHDRAWN)
    assert split_cases([kept, gone], PLAIN, draw_roles(PLAIN)) == ["train", EXCLUDED]
