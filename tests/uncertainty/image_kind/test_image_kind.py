from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from triage.array_file import load_arrays, save_arrays
from triage.errors import UsageError
from triage.uncertainty.image_kind import (
    ImageKind,
    Pictures,
    fit_image_kind,
    load_image_kind,
    save_image_kind,
)
from triage.uncertainty.image_kind.image_kind import FEWEST_CASES, _limit
from triage.uncertainty.image_kind.neighbour_distance import NEIGHBOUR, NeighbourDistance

WIDTHS, N_STATISTICS = {"net": 24}, 5


def names(n: int, start: int = 0) -> NDArray[np.str_]:
    return np.array([f"c{start + k}" for k in range(n)], dtype=np.str_)


def pictures(seed: int, n: int, *, start: int = 0, away: float = 0.0) -> Pictures:
    """Pictures whose embeddings vary along a few directions; `away` adds to another one."""
    rng = np.random.default_rng(seed)
    embedding = np.concatenate([rng.normal(size=(n, 6)), 0.05 * rng.normal(size=(n, 18))], axis=1)
    embedding[:, 0] += 5
    embedding[:, -1] += away
    statistics = rng.normal(size=(n, 5)) * [1, 2, 3, 0, 1]
    return Pictures(
        names(n, start), statistics.astype(np.float32), {"net": embedding.astype(np.float32)}
    )


@pytest.fixture(scope="module")
def kind() -> ImageKind:
    found = fit_image_kind(
        pictures(0, 600), pictures(1, 300, start=600), names(600), embeddings_learned=False
    )
    assert found is not None
    return found


def test_few_of_the_same_kind_are_flagged(kind: ImageKind) -> None:
    """600 and 300 held-out cases: the fourth largest score is the limit at a rate of 0.5 %."""
    assert kind.summary.held_out_cases == 900
    assert kind.summary.flagged == 3
    assert len(kind.problems(pictures(2, 4000))) < 0.015 * 4000


def test_either_part_flags_and_says_so(kind: ImageKind) -> None:
    usual = pictures(3, 1)
    by_embedding = Pictures(usual.cases, usual.statistics, pictures(3, 1, away=4.0).embedding)
    by_statistics = Pictures(usual.cases, usual.statistics + np.float32([0, 0, 0, 5, 0]),
                             usual.embedding)  # fmt: skip
    assert kind.problems(usual) == {}
    assert "networks" in kind.problems(by_embedding)["c0"]
    assert "colours and texture" in kind.problems(by_statistics)["c0"]


def test_the_least_usual_picture_of_a_case_decides(kind: ImageKind) -> None:
    three = pictures(4, 3)
    one = np.array(["a", "a", "b"], dtype=np.str_)
    strange = three.statistics.copy()
    strange[1] += 40
    found = kind.problems(Pictures(one, strange, three.embedding))
    assert list(found) == ["a"]
    assert found["a"].startswith("Picture 2 of 2 ")
    assert kind.problems(Pictures(one[:0], strange[:0], {"net": np.zeros((0, 24))})) == {}


def test_embeddings_that_learned_are_held_out_by_validation_alone() -> None:
    """Training pictures all alike to their own network say nothing of how others look to it."""
    training, validation = pictures(0, 200), pictures(1, 300, start=200)
    learned = {"net": np.tile(training.embedding["net"][:1], (200, 1))}
    training = Pictures(training.cases, training.statistics, learned)
    found = fit_image_kind(training, validation, names(200), embeddings_learned=True)
    assert found is not None
    assert found.summary.held_out_cases == 500
    further = pictures(2, 2000, start=600)
    assert len(found.problems(further)) < 0.02 * 2000
    middle = np.median(found.scores(further)[:, 1])
    assert middle == pytest.approx(0.0, abs=0.2)


def test_too_few_cases_set_no_limit() -> None:
    few = FEWEST_CASES - 1
    assert fit_image_kind(
        pictures(0, few), pictures(1, 90, start=few), names(few), embeddings_learned=False
    ) is None  # fmt: skip
    assert fit_image_kind(
        pictures(0, 90), pictures(1, few, start=90), names(90), embeddings_learned=True
    ) is None  # fmt: skip


def test_a_limit_from_few_scores_is_that_of_their_tail() -> None:
    """Of an exponential law the limit is ln 200; one odd score of 150 hardly moves it."""
    scores = -np.log((np.arange(150) + 0.5) / 150)
    assert _limit(scores, 0.005) == pytest.approx(np.log(200), abs=0.3)
    odd = np.where(scores == scores.max(), 50.0, scores)
    assert _limit(odd, 0.005) == pytest.approx(_limit(scores, 0.005), abs=0.1)
    many = np.random.default_rng(1).exponential(size=20_000)
    assert (many > _limit(many, 0.005)).mean() == pytest.approx(0.005, abs=1e-4)


def test_distances_by_hand() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(50, 8))
    others = rng.normal(size=(7, 8)) * 3
    each = np.sort(np.linalg.norm(others[:, None] - values, axis=2), axis=1)
    plain = NeighbourDistance.plain(values, components=8)
    assert np.allclose(np.exp(plain(others)), each[:, NEIGHBOUR - 1], rtol=1e-4)
    # Without some of the axes what pictures share beyond them is neglected, lengths are not.
    fewer = np.exp(NeighbourDistance.plain(values, components=4)(others))
    assert np.all(fewer > 0.5 * each[:, NEIGHBOUR - 1])


def test_whitening_makes_units_immaterial() -> None:
    rng = np.random.default_rng(6)
    values, others = rng.normal(size=(400, 4)), rng.normal(size=(9, 4))
    units = np.array([1.0, 10.0, 100.0, 0.1])
    first = NeighbourDistance.whitened(values, 1e-9)(others)
    second = NeighbourDistance.whitened(values * units, 1e-9)(others * units)
    assert np.allclose(first, second, atol=1e-3)


def test_a_file_gives_back_the_same_guard(kind: ImageKind, tmp_path: Path) -> None:
    path = tmp_path / "kind.safetensors"
    save_image_kind(path, kind, "v1")
    again = load_image_kind(path, "v1", N_STATISTICS, WIDTHS)
    assert again is not None
    assert (again.limit, again.summary, again.scales) == (kind.limit, kind.summary, kind.scales)
    seen = pictures(9, 40)
    assert np.array_equal(again.scores(seen), kind.scores(seen))
    assert load_image_kind(tmp_path / "absent", "v1", N_STATISTICS, WIDTHS) is None


def test_a_file_that_does_not_fit_is_refused(kind: ImageKind, tmp_path: Path) -> None:
    path = tmp_path / "kind.safetensors"
    save_image_kind(path, kind, "v1")
    with pytest.raises(UsageError, match="another version"):
        load_image_kind(path, "v2", N_STATISTICS, WIDTHS)
    for widths in ({"net": 25}, {"other": 24}, {"net": 24, "more": 3}):
        with pytest.raises(UsageError, match="backbones"):
            load_image_kind(path, "v1", N_STATISTICS, widths)
    with pytest.raises(UsageError, match="fit"):
        load_image_kind(path, "v1", N_STATISTICS + 1, WIDTHS)
    content = path.read_bytes()
    for damaged in (content[:-9], b"", content[:-1] + bytes([content[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match="damaged"):
            load_image_kind(path, "v1", N_STATISTICS, WIDTHS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(
    kind: ImageKind, tmp_path: Path, value: float
) -> None:
    path = tmp_path / "kind.safetensors"
    save_image_kind(path, kind, "v1")
    found = load_arrays(path)
    assert found is not None
    arrays, header = found
    spoilt = {name: array.copy() for name, array in arrays.items()}
    spoilt["1.table"][3, 0] = value
    save_arrays(path, spoilt, header)
    with pytest.raises(UsageError, match="not finite"):
        load_image_kind(path, "v1", N_STATISTICS, WIDTHS)
    save_arrays(path, arrays, header | {"limit": value})
    with pytest.raises(UsageError, match="header"):
        load_image_kind(path, "v1", N_STATISTICS, WIDTHS)


@pytest.mark.parametrize("spread", [0.0, -1.0])
def test_scales_that_are_not_positive_are_refused(
    kind: ImageKind, tmp_path: Path, spread: float
) -> None:
    path = tmp_path / "kind.safetensors"
    save_image_kind(path, kind, "v1")
    found = load_arrays(path)
    assert found is not None
    arrays, header = found
    scales = {key: [0.0, spread] for key in header["scales"]}
    save_arrays(path, arrays, header | {"scales": scales})
    with pytest.raises(UsageError, match="header"):
        load_image_kind(path, "v1", N_STATISTICS, WIDTHS)


def test_arrays_that_do_not_fit_are_refused(kind: ImageKind, tmp_path: Path) -> None:
    path = tmp_path / "kind.safetensors"
    save_image_kind(path, kind, "v1")
    found = load_arrays(path)
    assert found is not None
    arrays, header = found
    without = {name: array for name, array in arrays.items() if name != "1.axes"}
    narrow = arrays | {"1.axes": arrays["1.axes"][:, :-1]}
    short = arrays | {"1.remainder": arrays["1.remainder"][:-1]}
    for wrong in (without, narrow, short, arrays | {"9.table": arrays["1.table"]}):
        save_arrays(path, wrong, header)
        with pytest.raises(UsageError, match="fit"):
            load_image_kind(path, "v1", N_STATISTICS, WIDTHS)
