from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.gating.tables import OBSERVED, OUTLIER, ROUTINE, URGENT, pair, spec, table
from triage.errors import UsageError
from triage.gating.gate_table import GateTable, gate_table, gate_table_of_frame, read_gate_table
from triage.gating.same_cases import aligned
from triage.vocabulary.subgroup_levels import UNKNOWN


def read(frame: pd.DataFrame) -> GateTable:
    return gate_table_of_frame(frame, spec())


def small(**columns: Any) -> pd.DataFrame:
    return table([URGENT, ROUTINE, OUTLIER, ROUTINE], [URGENT, OBSERVED, ROUTINE, ROUTINE],
                 **columns)  # fmt: skip


def test_what_is_read() -> None:
    frame = small(age=[29.0, 30.0, None, 200.0], sex=["F", "f", " m", "unknown"])
    frame.loc[2, "recommendation"] = "no_ai_opinion"
    found = read(frame).cases
    known = spec()
    assert found.classes == tuple(one.name for one in known.conditions if one.role == "inlier")
    assert found.truth.tolist()[2] == -1
    assert found.predicted is not None
    assert (found.predicted == found.truth).tolist() == [True, False, False, True]
    assert found.abstained is not None
    assert found.abstained.tolist() == [False, False, True, False]
    assert found.queue_urgency is not None
    assert found.queue_urgency.tolist() == [0, 3, 1, 2]  # no opinion waits as semi-urgent
    age, sex = found.axes["age"], found.axes["sex"]
    assert [age.levels[code] for code in age.codes] == ["0-30", "30-45", UNKNOWN, UNKNOWN]
    assert [sex.levels[code] for code in sex.codes] == ["F", "F", "m", UNKNOWN]
    assert found.cost is not None
    assert found.cost[0] == 0.0
    assert (found.cost[1:] >= 0).all()
    assert read(frame).missing == ("skin_type", "device")


def test_csv_and_parquet_and_the_order_of_rows_are_the_same(tmp_path: Path) -> None:
    frame, _ = pair(60)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.sample(frac=1, random_state=1).to_parquet(tmp_path / "a.parquet")
    tables = [read_gate_table(tmp_path / name, spec()) for name in ("a.csv", "a.parquet")]
    tables.append(read(frame))
    assert len({each.content_hash for each in tables}) == 1
    assert len({each.cases_hash for each in tables}) == 1
    assert tables[0].ids == tuple(sorted(frame["case_id"]))


def test_hashes_change_with_the_cases_and_with_what_was_said() -> None:
    frame, other = pair(60)
    one, two = read(frame), read(other)
    assert one.cases_hash == two.cases_hash
    assert one.content_hash != two.content_hash
    relabelled = frame.assign(label=frame["label"].replace(URGENT, OUTLIER))
    assert read(relabelled).cases_hash != one.cases_hash


@pytest.mark.parametrize("absent", ["", None, float("nan"), "NA", "unknown"])
def test_a_case_without_a_patient_is_its_own(absent: object) -> None:
    frame = small()
    frame["patient_id"] = ["p", "p", absent, absent]
    assert np.unique(read(frame).cases.cluster, return_counts=True)[1].tolist() == [2, 1, 1]


def test_clusters_come_before_patients() -> None:
    frame = small(cluster=["a", "a", "a", "b"])
    assert read(frame).cases.cluster.tolist() == [0, 0, 0, 1]


def test_no_patients_at_all() -> None:
    found = read(small().drop(columns="patient_id"))
    assert not found.cases.patients_known
    assert found.missing[0] == "patient_id"
    assert len(np.unique(found.cases.cluster)) == 4


@pytest.mark.parametrize(
    ("changes", "column", "told"),
    [
        (
            {"label": [URGENT, "verruca", "verruca", ROUTINE]},
            "label",
            "2 of 4 rows hold 1 different",
        ),
        ({"label": [URGENT, None, ROUTINE, ROUTINE]}, "label", "1 of 4 rows have no value"),
        ({"condition": [URGENT, "verruca", ROUTINE, ROUTINE]}, "condition", "1 of 4 rows"),
        ({"recommendation": ["urgent", "soon", "", "routine"]}, "recommendation", "2 of 4 rows"),
        ({"ood_score": [0.1, np.nan, np.inf, 0.2]}, "ood_score", "2 of 4 rows"),
        ({"ood_score": ["0.1", "high", "0.3", "0.2"]}, "ood_score", "1 of 4 rows"),
        ({"case_id": ["a", "a", "a", "b"]}, "case_id", "2 of 4 rows repeat"),
        ({"case_id": ["a", "", "c", "b"]}, "case_id", "1 of 4 rows have no identifier"),
        ({"queue_urgency": ["urgent", "x", "routine", "routine"]}, "queue_urgency", "1 of 4 rows"),
    ],
)
def test_what_cannot_be_used_names_the_column_and_counts_the_rows(
    changes: dict[str, Any], column: str, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(small().assign(**changes))
    assert f"column {column!r}: {told}" in str(caught.value)
    assert "verruca" not in str(caught.value)


@pytest.mark.parametrize("column", ["case_id", "label"])
def test_a_needed_column_that_is_absent(column: str) -> None:
    with pytest.raises(UsageError, match=f"no column '{column}'"):
        read(small().drop(columns=column))


def test_empty_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rows"):
        read(small().iloc[:0])
    small().iloc[:0].to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(UsageError, match="no rows"):
        read_gate_table(tmp_path / "none.csv", spec())
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UsageError, match="is empty"):
        read_gate_table(tmp_path / "empty.csv", spec())


def test_too_many_levels() -> None:
    labels = [ROUTINE] * 60
    frame = table(labels, labels, sex=[f"s{at}" for at in range(60)])
    with pytest.raises(UsageError, match="60 levels"):
        read(frame)


def test_probabilities() -> None:
    known = [one.name for one in spec().conditions if one.role == "inlier"]
    columns = {f"p_{name.replace(' ', '_')}": [1 / len(known)] * 4 for name in known}
    found = read(small(**columns)).cases
    assert found.probabilities is not None
    assert found.probabilities.shape == (4, len(known))
    partial = dict(list(columns.items())[1:])
    assert read(small(**partial)).cases.probabilities is None
    with pytest.raises(UsageError, match="the probabilities of 4 of 4 rows"):
        read(small(**{**columns, next(iter(columns)): [0.9] * 4}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.iloc[1:], "1 of the champion's 400 rows are not among"),
        (lambda frame: frame.assign(label=ROUTINE), "'label' differs .* in 100 of 400 rows"),
        (lambda frame: frame.assign(patient_id="p"), "'patient_id' differs"),
        (lambda frame: frame.assign(sex="f"), "'sex' differs .* in 200 of 400 rows"),
    ],
)
def test_different_cases_are_refused(change: Any, told: str) -> None:
    first, second = pair()
    with pytest.raises(UsageError, match=told):
        aligned(read(first), read(change(second)))


def test_an_axis_of_one_table_is_that_of_both() -> None:
    first, second = pair()
    one, two = aligned(read(first), read(second.drop(columns=["sex", "patient_id"])))
    assert two.axes.keys() == one.axes.keys() == {"sex"}
    assert (one.cluster == two.cluster).all()


def test_columns_that_cannot_be_read() -> None:
    lists = small().assign(sex=[["F"]] * 4)
    with pytest.raises(UsageError, match="holds lists"):
        read(lists)
    twice = pd.concat([small(), small()[["label"]]], axis=1)
    with pytest.raises(UsageError, match="several columns have one name"):
        read(twice)


def test_values_of_several_types_are_read_as_text() -> None:
    mixed = read(small(sex=["F", 2, None, "F"])).cases.axes["sex"]
    assert [mixed.levels[code] for code in mixed.codes] == ["F", "2", UNKNOWN, "F"]


def test_predictions_are_a_table_with_their_decisions() -> None:
    frame = small()
    said = ["condition", "recommendation"]
    undecided: Any = SimpleNamespace(cases=frame, decisions=None)
    given: Any = SimpleNamespace(cases=frame.drop(columns=said), decisions=frame[said])
    assert gate_table(given, spec()).cases_hash == read(frame).cases_hash
    with pytest.raises(UsageError, match="carry no decisions"):
        gate_table(undecided, spec())
