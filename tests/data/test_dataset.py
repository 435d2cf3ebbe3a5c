from dataclasses import replace
from pathlib import Path

import pytest

from tests.data.make import make_content, make_rows, make_spec, write_clinic, write_csv
from triage.data.dataset import Dataset, load_dataset
from triage.data.manifest import Case
from triage.errors import SpecError, UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_csv(tmp_path / "rows.csv", make_rows())
    return tmp_path


def make_case(number: int, condition: str | None = "acne", **changes: str) -> Case:
    given = {
        "case_id": f"new{number}",
        "patient_id": f"new-p{number}",
        "cluster": f"patient:new-p{number}",
    }
    return Case(**(given | changes), images=(), condition=condition)


def test_every_case_has_a_split_that_fits_its_role(root: Path) -> None:
    data = load_dataset(make_spec(), root)
    assert len(data.cases) == len(data.splits) == 7 * 20
    for name, split in (("train", "train"), ("validation", "validation"), ("test", "test")):
        for condition in getattr(data.draw, name):
            assert data.counts()[condition] == {split: 20}
    for condition in data.draw.inliers:
        assert sum(data.counts()[condition].values()) == 20
        assert set(data.counts()[condition]) == {"train", "validation", "test"}


def test_of_split(root: Path) -> None:
    data = load_dataset(make_spec(), root)
    parts = [data.of_split(name) for name in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(data.cases)
    assert len(data.of_split("train", "test")) == len(parts[0]) + len(parts[2])
    assert data.of_split("excluded") == []


def test_roles_can_be_drawn_again(root: Path) -> None:
    draws = {load_dataset(make_spec(), root, seed).draw.train for seed in range(10)}
    assert len(draws) > 1


def test_every_problem_is_in_the_refusal(root: Path) -> None:
    rows = [*make_rows(), {**make_rows()[0], "image": "new.png", "condition": "wart"}]
    rows[5]["image"] = rows[4]["image"]
    write_csv(root / "rows.csv", rows)
    with pytest.raises(SpecError) as caught:
        load_dataset(make_spec(), root)
    problems = caught.value.problems
    assert len(problems) == 3  # the wart's row also disagrees with its case on the condition
    assert any("'wart' in 1 rows" in problem for problem in problems)
    assert any("acne4.png is listed twice" in problem for problem in problems)


def test_an_evaluation_needs_test_cases_only(root: Path) -> None:
    rows = [row for row in make_rows() if row["condition"] == "acne"]
    write_csv(root / "rows.csv", rows)
    with pytest.raises(SpecError, match="no training outlier"):
        load_dataset(make_spec(), root)
    assert load_dataset(make_spec(), root, for_training=False).of_split("test")
    write_csv(root / "rows.csv", [row | {"split": "train"} for row in rows])
    spec = make_spec(rows=make_content()["rows"] | {"split": "split"})
    with pytest.raises(SpecError, match="no case is in the test split"):
        load_dataset(spec, root, for_training=False)


def test_images_are_not_opened(tmp_path: Path) -> None:
    write_clinic(tmp_path)
    (tmp_path / "acne0.png").unlink()
    assert len(load_dataset(make_spec(), tmp_path).cases) == 140


def test_the_digest_follows_the_content_and_not_the_place(root: Path, tmp_path: Path) -> None:
    digest = load_dataset(make_spec(), root).digest()
    other = tmp_path / "elsewhere"
    other.mkdir()
    write_csv(other / "rows.csv", make_rows())
    assert load_dataset(make_spec(), other).digest() == digest
    assert load_dataset(make_spec(split={"seed": 1}), other).digest() != digest
    rows = make_rows()
    rows[0]["image"] = "renamed.png"
    write_csv(other / "rows.csv", rows)
    assert load_dataset(make_spec(), other).digest() != digest


def test_further_training_cases(root: Path) -> None:
    data = load_dataset(make_spec(), root)
    more = data.with_training_cases([make_case(1), make_case(2, data.draw.train[0])])
    assert more.of_split("train")[-2:] == [make_case(1), make_case(2, data.draw.train[0])]
    assert more.splits[:-2] == data.splits
    assert more.cases[:-2] == data.cases


def leaks(data: Dataset) -> dict[str, Case]:
    placed = data.of_split("test")[0]
    return {
        "same case": make_case(1, case_id=placed.case_id),
        "same patient": make_case(2, patient_id=placed.patient_id),
        "same cluster": make_case(3, cluster=placed.cluster),
        "validation outlier": make_case(4, data.draw.validation[0]),
        "test outlier": make_case(5, data.draw.test[0]),
        "unheard of": make_case(6, "wart"),
        "no label": make_case(7, None),
    }


def test_a_label_from_the_clinic_never_leaks_into_training(root: Path) -> None:
    data = load_dataset(make_spec(), root)
    for reason, case in leaks(data).items():
        assert data.with_training_cases([case]) == data, reason


def test_joined_clusters_share_a_split(root: Path) -> None:
    data = load_dataset(make_spec(), root)
    inliers = [case for case in data.cases if case.condition in data.draw.inliers]
    pairs = [(a.cluster, b.cluster) for a, b in zip(inliers[::2], inliers[1::2], strict=False)]
    joined = data.with_joined(pairs)
    split = {case.case_id: part for case, part in zip(joined.cases, joined.splits, strict=True)}
    assert all(
        split[a.case_id] == split[b.case_id]
        for a, b in zip(inliers[::2], inliers[1::2], strict=False)
    )
    assert joined.splits != data.splits
    assert data.with_joined([]) is data


@pytest.fixture
def devices(tmp_path: Path) -> Dataset:
    """Every fourth case is from device b."""
    rows = [
        row | {"device": "b" if number % 4 == 0 else "a"} for number, row in enumerate(make_rows())
    ]
    write_csv(tmp_path / "rows.csv", rows)
    return load_dataset(make_spec(subgroups=[{"column": "device", "title": "Device"}]), tmp_path)


def test_a_level_can_be_held_out(devices: Dataset) -> None:
    held = devices.with_held_out("device", "b", split="shifted")
    seen = held.of_split("train", "validation", "test")
    shifted = held.of_split("shifted")
    assert len(shifted) == 10  # a quarter of the inliers
    assert all(case.subgroups["device"] == "b" for case in shifted)
    assert all(case.condition in devices.draw.inliers for case in shifted)
    assert not any(case.subgroups["device"] == "b" for case in seen)


def test_what_hangs_together_with_a_held_out_level_is_excluded(devices: Dataset) -> None:
    inliers = [case for case in devices.cases if case.condition in devices.draw.inliers]
    pair = inliers[0], inliers[1]  # device b, device a
    held = devices.with_joined([(pair[0].cluster, pair[1].cluster)]).with_held_out(
        "device", "b", split="shifted"
    )
    split = {case.case_id: part for case, part in zip(held.cases, held.splits, strict=True)}
    assert [split[case.case_id] for case in pair] == ["shifted", "excluded"]


@pytest.mark.parametrize(
    ("column", "level", "message"),
    [("nonsense", "a", "no subgroup 'nonsense'"), ("device", "c", "no case has device 'c'")],
)
def test_a_level_that_cannot_be_held_out(
    devices: Dataset, column: str, level: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        devices.with_held_out(column, level, split="shifted")


def test_a_benchmark_does_without_outliers(tmp_path: Path) -> None:
    known = {"acne": "inlier", "melanoma": "inlier"}
    write_csv(tmp_path / "rows.csv", make_rows(roles=known))
    with pytest.raises(SpecError):
        load_dataset(make_spec(known), tmp_path)
    assert len(load_dataset(make_spec(known), tmp_path, need_outliers=False).cases) == 40


def test_votes_count_in_the_digest_only_where_they_are_targets(root: Path) -> None:
    data = load_dataset(make_spec(), root)
    plain = data.digest()
    assert data.digest(votes=True) == plain  # nobody voted

    def voted(count: int) -> Dataset:
        first = replace(data.cases[0], votes={"acne": count})
        return replace(data, cases=(first, *data.cases[1:]))

    assert voted(1).digest() == plain
    assert len({plain, voted(1).digest(votes=True), voted(2).digest(votes=True)}) == 3
