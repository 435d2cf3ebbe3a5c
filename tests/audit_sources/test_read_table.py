"""Tables of other people become columns of small types, and nothing is made up."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.audit_sources.tables import CLASSES, CONDITIONS, frame, plan, write
from triage.audit_sources import column_values, read_table
from triage.auditing.audit_plan import Axis, Period
from triage.auditing.audit_table import AuditTable
from triage.decisions.cost_matrix import CostMatrix, case_costs
from triage.hashing import hash_file

SEX = Axis(name="sex", column="sex")
AGE = Axis(name="age", column="age", bands=(0, 30, 60, 100))
BOTH = Axis(name="sex * age", of=("sex", "age"))


def levels(table: AuditTable, axis: str) -> list[str]:
    found = table.axes[axis]
    return [found.levels[code] for code in found.codes]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_the_columns_of_a_table(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name=name)
    found = read_table(plan(), path)
    assert found.classes == CLASSES
    assert found.truth.tolist() == [0, 1, 0, 1, 1, -1]
    assert found.cluster.tolist() == [0, 0, 1, 2, 2, 3]
    assert found.patients_known
    assert found.predicted is not None
    assert found.predicted.tolist() == [0, 1, 1, 1, 0, 0]
    assert found.probabilities is not None
    np.testing.assert_allclose(
        found.probabilities, frame()[["p_mel", "p_nv"]].to_numpy(), atol=1e-6
    )
    assert found.case_names is not None
    assert found.case_names.to_pylist() == ["c0", "c1", "c2", "c3", "c4", "c5"]
    assert found.facts["predictions"] == hash_file(path)
    for column in ("ood_score", "abstained", "cost", "true_urgency", "queue_urgency", "p_urgent",
                   "first_right", "final_right", "seconds", "ai_shown"):  # fmt: skip
        assert getattr(found, column) is None


def test_types_are_small(tmp_path: Path) -> None:
    found = read_table(plan(SEX), write(tmp_path))
    assert found.truth.dtype == np.int16
    assert found.cluster.dtype == np.int32
    assert found.probabilities is not None
    assert found.probabilities.dtype == np.float32
    assert found.axes["sex"].codes.dtype == np.int16


def test_many_probabilities_stay_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = read_table(plan(), write(tmp_path)).probabilities
    monkeypatch.setattr(column_values, "MAPPED_BYTES", 4)
    mapped = read_table(plan(), write(tmp_path)).probabilities
    assert isinstance(mapped, np.memmap)
    assert not isinstance(in_memory, np.memmap)
    assert in_memory is not None
    np.testing.assert_array_equal(mapped, in_memory)


def test_levels_of_words_of_bands_and_of_pairs(tmp_path: Path) -> None:
    found = read_table(plan(SEX, AGE, BOTH), write(tmp_path))
    # "F " is the level f, of which the two spellings are equally frequent: the first in order.
    assert levels(found, "sex") == ["F", "m", "F", "unknown", "m", "m"]
    assert levels(found, "age") == ["0-30", "30-60", "unknown", "60-100", "30-60", "unknown"]
    assert levels(found, "sex * age") == [
        "F, 0-30", "m, 30-60", "unknown", "unknown", "m, 30-60", "unknown",
    ]  # fmt: skip
    assert found.axes["age"].levels == ("0-30", "30-60", "60-100", "unknown")
    assert any("sex" in note and "joined" in note for note in found.notes)
    assert any("age: 1 values lie in none of the bands" in note for note in found.notes)


def test_a_value_that_is_the_name_of_a_band_is_that_band(tmp_path: Path) -> None:
    table = frame(age=["0-30", "30-60", "unknown", "60-100", "x", "29.5"])
    found = read_table(plan(AGE), write(tmp_path, table))
    assert levels(found, "age") == ["0-30", "30-60", "unknown", "60-100", "unknown", "0-30"]


def test_axes_of_the_true_condition(tmp_path: Path) -> None:
    axes = [Axis(name=one, property=one) for one in ("risk", "urgency", "condition")]  # type: ignore[arg-type]
    found = read_table(plan(*axes, conditions=CONDITIONS), write(tmp_path))
    assert levels(found, "risk") == ["high", "low", "high", "low", "low", "unknown"]
    assert found.axes["risk"].levels == ("high", "low", "unknown")
    assert found.axes["urgency"].levels == ("urgent", "semi_urgent", "routine")
    assert levels(found, "condition")[-1] == "other"


def test_recommendations_urgencies_and_what_follows(tmp_path: Path) -> None:
    wanted = plan(columns={"recommendation": "advice", "ood_score": "score"}, conditions=CONDITIONS)
    found = read_table(wanted, write(tmp_path))
    assert found.abstained is not None
    assert found.abstained.tolist() == [False, False, True, False, False, True]
    # Without a column of queues that of an abstention is not known.
    assert found.queue_urgency is not None
    assert found.queue_urgency.tolist() == [0, 2, -1, 2, 0, -1]
    assert found.true_urgency is not None
    assert found.true_urgency.tolist() == [0, 2, 0, 2, 2, 1]
    assert found.p_urgent is not None
    np.testing.assert_allclose(found.p_urgent, frame()["p_mel"], atol=1e-6)
    assert found.ood_score is not None
    assert found.ood_score.tolist() == frame()["score"].tolist()


MATRIX = CostMatrix(
    conditions=("mel", "nv", "other"),
    urgency=((0, 1, 4, 9), (3, 2, 0, 1), (1, 0, 1, 2)),
    abstain_known=(0.5, 0.25, 0.75),
    abstain_unknown=(0.1, 0.2, 0.0),
    wrong_name=1.0,
    named_unknown=2.0,
)


def test_costs_are_those_of_the_matrix(tmp_path: Path) -> None:
    queue = ["urgent", "routine", "semi_urgent", "routine", "urgent", "semi_urgent"]
    wanted = plan(
        columns={"recommendation": "advice", "queue_urgency": "queue"},
        conditions=CONDITIONS, costs=MATRIX, largest_cost=20,
    )  # fmt: skip
    found = read_table(wanted, write(tmp_path, frame(queue=queue)))
    ranks = {"urgent": 0, "semi_urgent": 1, "routine": 2}
    right = np.array([True, True, False, True, False, False])
    expected = case_costs(
        MATRIX,
        frame()["y"].tolist(),
        np.array([False] * 5 + [True]),
        right,
        np.array([ranks[one] for one in queue]),
        np.array([False, False, True, False, False, True]),
    )
    assert found.cost is not None
    np.testing.assert_allclose(found.cost, expected)
    assert found.cost[0] == 0
    assert found.cost[4] == 3 + 1  # a naevus sent as urgent, and called melanoma


def test_without_a_queue_there_is_no_cost(tmp_path: Path) -> None:
    wanted = plan(columns={"recommendation": "advice"}, conditions=CONDITIONS, costs=MATRIX)
    assert read_table(wanted, write(tmp_path)).cost is None


def test_a_column_of_costs_counts_before_the_matrix(tmp_path: Path) -> None:
    table = frame(paid=[1, 2, 3, 4, 5, 6])
    wanted = plan(columns={"cost": "paid"}, conditions=CONDITIONS, costs=MATRIX)
    found = read_table(wanted, write(tmp_path, table)).cost
    assert found is not None
    assert found.tolist() == [1, 2, 3, 4, 5, 6]


def test_reads_of_people(tmp_path: Path) -> None:
    table = frame(
        first=["mel", "mel", "NV", "", "nv", "other"],
        final=["mel", "nv", "mel", "nv", "", "nv"],
        before=["urgent", "urgent", "routine", "", "routine", "semi_urgent"],
        time=["12.5", "", "3", "NA", "7", "1"],
        shown=["yes", "yes", "no", "", "1", "0"],
    )
    wanted = plan(columns={"first_read": "first", "final_decision": "final", "seconds": "time",
                           "first_urgency": "before", "ai_shown": "shown"})  # fmt: skip
    found = read_table(wanted, write(tmp_path, table))
    assert found.first_right is not None
    assert found.final_right is not None
    assert found.first_right.tolist() == [1, 0, 0, -1, 1, 1]
    assert found.final_right.tolist() == [1, 1, 1, 1, -1, 0]
    assert found.first_urgency is not None
    assert found.first_urgency.tolist() == [0, 0, 2, -1, 2, 1]
    assert found.ai_shown is not None
    assert found.ai_shown.tolist() == [1, 1, 0, -1, 1, 0]
    assert found.seconds is not None
    np.testing.assert_array_equal(found.seconds, [12.5, np.nan, 3, np.nan, 7, 1])


@pytest.mark.parametrize("word", ["", "NaN", "unknown", None])
def test_cases_without_a_label_are_kept_where_the_plan_says_so(
    tmp_path: Path, word: str | None
) -> None:
    table = frame(y=["mel", "nv", word, "nv", "nv", "other"])
    found = read_table(plan(unlabelled="exclude"), write(tmp_path, table))
    assert found.truth.tolist() == [0, 1, -2, 1, 1, -1]
    assert found.labelled.tolist() == [True, True, False, True, True, True]
    assert len(found) == 6


def test_every_true_condition_has_its_name(tmp_path: Path) -> None:
    labels = ["mel", "", "mel", "nv", "nv", "other"]
    found = read_table(plan(unlabelled="exclude"), write(tmp_path, frame(y=labels)))
    assert found.label_codes is not None
    names = [found.label_names[code] if code >= 0 else "" for code in found.label_codes]
    assert names == labels


def test_labels_by_position(tmp_path: Path) -> None:
    table = frame(y=[0, 1, 0, 1, 1, -1])
    wanted = plan(Axis(name="risk", property="risk"), conditions=CONDITIONS, outliers=("-1",))
    found = read_table(wanted, write(tmp_path, table))
    assert found.truth.tolist() == [0, 1, 0, 1, 1, -1]
    assert levels(found, "risk") == ["high", "low", "high", "low", "low", "unknown"]


def test_a_named_condition_in_place_of_probabilities(tmp_path: Path) -> None:
    table = frame(said=["mel", "nv", "nv", "nv", "", "mel"])
    wanted = plan(columns={"probabilities": None, "predicted": "said"}, conditions=CONDITIONS)
    found = read_table(wanted, write(tmp_path, table))
    assert found.predicted is not None
    assert found.predicted.tolist() == [0, 1, 1, 1, -1, 0]
    assert found.probabilities is None


def test_without_patients_each_case_is_one(tmp_path: Path) -> None:
    found = read_table(plan(columns={"patient": None, "case": None}), write(tmp_path))
    assert not found.patients_known
    assert found.cluster.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.case_names is None


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_period_and_cohorts(tmp_path: Path, name: str) -> None:
    days = pd.to_datetime([
        "2025-01-31", "2025-02-01", "2025-02-10", "2025-02-28 23:59", "2025-03-01", "2025-02-05",
    ], format="mixed")  # fmt: skip
    table = frame(day=days, site=["a", "a", "a", "b", "a", "c"])
    wanted = plan(
        columns={"source": "site"},
        period=Period(first=datetime(2025, 2, 1), last=datetime(2025, 2, 28), column="day"),
        cohorts=("a", "b"),
    )
    found = read_table(wanted, write(tmp_path, table, name))
    assert found.truth.tolist() == [1, 0, 1]
    assert found.excluded == {"outside the period": 2, "of other sources": 1}
    assert found.cluster.tolist() == [0, 1, 2]


def test_quotes_that_keep_a_spreadsheet_from_running_a_cell_are_taken_off(tmp_path: Path) -> None:
    table = frame(sex=["'=f", "m", "'=f", "m", "m", "m"])
    found = read_table(plan(SEX), write(tmp_path, table))
    assert found.axes["sex"].levels == ("=f", "m")


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbf" + write(tmp_path, name="plain.csv").read_bytes())
    assert len(read_table(plan(), path)) == 6


def test_lines_within_values_and_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = write(tmp_path, frame(note=['two\nlines "quoted"', *"abcde"])).read_bytes()
    path.write_bytes(lines + b"\r\n\n")
    assert len(read_table(plan(), path)) == 6


def test_the_batches_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from triage.audit_sources import table_file

    many = pd.concat([frame()] * 50, ignore_index=True)
    many["case"] = [f"c{row}" for row in range(len(many))]
    wanted = plan(SEX, AGE, columns={"recommendation": "advice"})
    whole = read_table(wanted, write(tmp_path, many, "t.parquet"))
    monkeypatch.setattr(table_file, "_BATCH_ROWS", 7)
    pieces = read_table(wanted, write(tmp_path, many, "t.parquet"))
    monkeypatch.setattr(table_file, "_BLOCK_BYTES", 600)
    text = read_table(wanted, write(tmp_path, many))
    for other in (pieces, text):
        np.testing.assert_array_equal(whole.truth, other.truth)
        np.testing.assert_array_equal(whole.cluster, other.cluster)
        np.testing.assert_array_equal(whole.abstained, other.abstained)  # type: ignore[arg-type]
        for axis in ("sex", "age"):
            assert levels(whole, axis) == levels(other, axis)
        assert other.probabilities is not None
        assert whole.probabilities is not None
        np.testing.assert_array_equal(whole.probabilities, other.probabilities)
