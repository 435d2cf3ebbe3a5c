import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triage import predictions
from triage.errors import PredictionsError
from triage.predictions import DECISION_COLUMNS, Predictions

CLASSES = ("acne", "melanoma", "outlier")


def make(n: int = 5, n_members: int = 2, seed: int = 0, **changes: Any) -> Predictions:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, n_members, len(CLASSES)))
    weights = np.exp(logits)
    labels = [None if row % 2 else "acne" for row in range(n)]
    given: dict[str, Any] = {
        "cases": pd.DataFrame(
            {
                "case_id": [f"c{row}" for row in range(n)],
                "patient_id": [f"p{row}" for row in range(n)],
                "cluster": [f"patient:p{row}" for row in range(n)],
                "label": pd.Series(labels, dtype=object),
                "sex": ["female"] * n,
            }
        ),
        "classes": CLASSES,
        "n_inliers": 2,
        "members": tuple(f"m{k}" for k in range(n_members)),
        "probabilities": (weights / weights.sum(axis=2, keepdims=True)).astype(np.float32),
        "embedding": rng.normal(size=(n, 4)).astype(np.float32),
        "provenance": {"bundle": "ab", "version": "1"},
    }
    return Predictions(**(given | changes))


def make_decisions(n: int) -> pd.DataFrame:
    numbers = ("p_condition", "p_outlier", "ood_score", "aleatoric", "epistemic", "expected_cost")
    return pd.DataFrame(
        {
            name: [row / 7 if name in numbers else f"{name} {row}" for row in range(n)]
            for name in DECISION_COLUMNS
        }
    )


@pytest.mark.parametrize("n", [0, 1, 5])
@pytest.mark.parametrize("decided", [False, True])
def test_round_trip(tmp_path: Path, n: int, decided: bool) -> None:
    before = make(n)
    if decided:
        before = before.with_decisions(make_decisions(n))
    before.save(tmp_path / "new" / "x.parquet")
    after = Predictions.load(tmp_path / "new" / "x.parquet")

    assert (after.classes, after.n_inliers, after.members) == (CLASSES, 2, ("m0", "m1"))
    assert after.provenance == before.provenance
    assert after.probabilities.dtype == after.embedding.dtype == np.float32
    np.testing.assert_array_equal(after.probabilities, before.probabilities)
    np.testing.assert_array_equal(after.embedding, before.embedding)
    assert after.subgroup_columns == ("sex",)
    for name in ("case_id", "patient_id", "cluster", "sex"):
        assert list(after.cases[name]) == list(before.cases[name])
    if decided:
        assert before.decisions is not None
        assert after.decisions is not None
        assert tuple(after.decisions) == DECISION_COLUMNS
        for name in DECISION_COLUMNS:
            assert list(after.decisions[name]) == list(before.decisions[name])
    else:
        assert after.decisions is None


def test_a_table_of_an_earlier_version_lacks_only_what_it_did_not_say(tmp_path: Path) -> None:
    earlier = make_decisions(3).drop(columns=["aleatoric", "epistemic"])
    make(3).with_decisions(earlier).save(tmp_path / "x.parquet")
    after = Predictions.load(tmp_path / "x.parquet").decisions
    assert after is not None
    assert [name for name in DECISION_COLUMNS if name not in after] == ["aleatoric", "epistemic"]
    assert after.equals(earlier)


def test_what_one_member_cannot_tell_stays_unknown(tmp_path: Path) -> None:
    decisions = make_decisions(3).assign(epistemic=np.nan)
    make(3, n_members=1).with_decisions(decisions).save(tmp_path / "x.parquet")
    after = Predictions.load(tmp_path / "x.parquet").decisions
    assert after is not None
    assert after["epistemic"].isna().all()
    assert after["epistemic"].dtype == np.float64


@pytest.mark.parametrize("labels", [[None, "acne", None], [None] * 3, ["acne"] * 3])
def test_a_missing_label_stays_missing(tmp_path: Path, labels: list[str | None]) -> None:
    before = make(3)
    before.cases["label"] = pd.Series(labels, dtype=object)
    before.save(tmp_path / "x.parquet")
    after = Predictions.load(tmp_path / "x.parquet").cases["label"]
    assert list(after.isna()) == [label is None for label in labels]
    assert list(after.dropna()) == [label for label in labels if label is not None]


def test_rows_keep_their_decisions_whatever_the_index(tmp_path: Path) -> None:
    before = make(3)
    before = replace(before, cases=before.cases.set_index(pd.Index([7, 3, 5])))
    before.with_decisions(make_decisions(3)).save(tmp_path / "x.parquet")
    after = Predictions.load(tmp_path / "x.parquet")
    assert after.decisions is not None
    assert list(after.cases["case_id"]) == ["c0", "c1", "c2"]
    assert list(after.decisions["condition"]) == ["condition 0", "condition 1", "condition 2"]


def test_a_folder_of_tables_is_not_a_table(tmp_path: Path) -> None:
    make().save(tmp_path / "x.parquet")
    with pytest.raises(PredictionsError, match=r"is a folder without dataset\.json"):
        Predictions.load(tmp_path)


def test_mean_over_members_in_double_precision() -> None:
    table = make(4, n_members=3)
    mean = table.mean_probabilities()
    assert mean.dtype == np.float64
    expected = [
        [sum(float(p) for p in table.probabilities[n, :, c]) / 3 for c in range(3)]
        for n in range(4)
    ]
    np.testing.assert_allclose(mean, expected, rtol=1e-12)
    assert table.inliers == ("acne", "melanoma")


def _change(table: Predictions, name: str) -> dict[str, Any]:
    bad = table.probabilities.copy()
    if name == "sum":
        bad[1, 0] *= 1.01
    elif name == "negative":
        bad[1, 0] = [-0.5, 1.0, 0.5]
    elif name == "nan":
        bad[1, 0, 0] = np.nan
    return {"probabilities": bad}


@pytest.mark.parametrize(
    ("name", "message"),
    [("sum", "sum to one"), ("nan", "sum to one"), ("negative", "negative")],
)
def test_wrong_probabilities_are_refused(name: str, message: str) -> None:
    with pytest.raises(PredictionsError, match=message):
        make(**_change(make(), name))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_inliers": 0}, "n_inliers is 0"),
        ({"n_inliers": 4}, "n_inliers is 4"),
        ({"members": ("m0",)}, "have shape"),
        ({"classes": ("acne", "acne", "outlier")}, "named twice"),
        ({"embedding": np.zeros((4, 2), np.float32)}, "embedding has shape"),
        ({"embedding": np.full((5, 2), np.inf, np.float32)}, "not finite"),
        ({"cases": make().cases.drop(columns="cluster")}, "'cluster'"),
        ({"cases": make().cases.assign(case_id="c0")}, "appears twice"),
        ({"cases": make().cases.assign(reason="wet")}, "reason"),
        ({"decisions": make_decisions(4)}, "4 decisions for 5 cases"),
    ],
)
def test_a_malformed_table_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PredictionsError, match=message):
        make(**changes)


def test_an_ensemble_has_a_member() -> None:
    with pytest.raises(PredictionsError, match="no member"):
        make(n_members=0)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.parquet"
    make(seed=1).save(path)
    old = path.read_bytes()

    def fails_half_way(table: pa.Table, where: BinaryIO, **_: object) -> None:
        where.write(b"PAR1 half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", fails_half_way)
    with pytest.raises(PredictionsError, match="No space left"):
        make(seed=2).save(path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(table: pa.Table, where: BinaryIO, **_: object) -> None:
        where.write(b"PAR1 half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make().save(tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PredictionsError, match="cannot be written"):
        make().save(tmp_path / "file" / "x.parquet")


@pytest.mark.parametrize("limit", ["MAX_ROWS", "MAX_COLUMNS", "MAX_CONTENT_BYTES"])
def test_a_table_is_refused_by_what_its_footer_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    make().save(tmp_path / "x.parquet")
    Predictions.load(tmp_path / "x.parquet")
    monkeypatch.setattr(predictions, limit, 4)
    with pytest.raises(PredictionsError, match="has more than"):
        Predictions.load(tmp_path / "x.parquet")


def test_a_file_of_too_many_bytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.parquet").open("wb") as stream:
        stream.truncate(predictions.MAX_BYTES + 1)  # takes no room on disk
    with pytest.raises(PredictionsError, match="larger than 4 GiB"):
        Predictions.load(tmp_path / "x.parquet")


def test_files_that_are_no_predictions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(PredictionsError, match="no such predictions table"):
        Predictions.load(path)
    make().save(path)
    whole = path.read_bytes()
    for content in (b"", b"image,label\n", whole[: len(whole) // 2], whole[:-1], whole[4:]):
        path.write_bytes(content)
        with pytest.raises(PredictionsError, match="is not a predictions table") as caught:
            Predictions.load(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"not json",
        b"[]",
        b"{}",
        json.dumps({"format": "triage-predictions-0"}).encode(),
        json.dumps({"format": "triage-predictions-1", "members": 3, "classes": []}).encode(),
    ],
)
def test_parquet_files_of_other_makes_are_refused(tmp_path: Path, header: bytes | None) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"case_id": ["a"]})
    pq.write_table(table.replace_schema_metadata({b"triage": header} if header else {}), path)
    with pytest.raises(PredictionsError) as caught:
        Predictions.load(path)
    assert str(path) in str(caught.value)


def test_a_table_with_altered_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    make().save(path)
    table = pq.read_table(path)
    doubled = pa.concat_tables([table, table])
    pq.write_table(doubled, path)
    with pytest.raises(PredictionsError, match="appears twice") as caught:
        Predictions.load(path)
    assert str(path) in str(caught.value)
    place = table.schema.get_field_index("embedding")
    plain = table.set_column(place, "embedding", pa.array(["x"] * len(table)))
    pq.write_table(plain, path)
    with pytest.raises(PredictionsError, match="not a list of fixed size"):
        Predictions.load(path)


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("p_condition", 1.2, "not between 0 and 1"),
        ("p_outlier", -0.1, "not between 0 and 1"),
        ("p_outlier", np.nan, "not between 0 and 1"),
        ("ood_score", np.inf, "not finite"),
        ("expected_cost", np.nan, "not finite"),
    ],
)
def test_decisions_that_cannot_be_are_refused(column, value, named):
    decisions = make_decisions(3)
    decisions[column] = [0.5, value, 0.5]
    with pytest.raises(PredictionsError, match=named) as caught:
        make(3).with_decisions(decisions)
    assert column in str(caught.value)
