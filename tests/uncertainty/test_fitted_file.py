"""Scores, calibrators and prediction sets come back from disk as they were, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.uncertainty.calibration.make import fitted as fitted_calibrator
from tests.uncertainty.calibration.make import simulate
from tests.uncertainty.scores.make import fitted as fitted_score
from triage.array_file import load_arrays, save_arrays
from triage.errors import UsageError
from triage.uncertainty.calibration import CALIBRATORS, Calibrator
from triage.uncertainty.calibration.histogram import HistogramBinning
from triage.uncertainty.conformal import CONFORMAL, ConformalSet, Lac
from triage.uncertainty.fitted_file import load_fitted, save_fitted
from triage.uncertainty.scores import Score, make_score

KINDS = (Score, Calibrator, ConformalSet)


@pytest.fixture(scope="module")
def data() -> Any:
    return simulate(200, 4, temperature=1.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "method.safetensors"


def test_what_a_score_learned_comes_back_exactly(path: Path) -> None:
    score = fitted_score(make_score("vim", dimensions=3))
    save_fitted(path, score)
    loaded = load_fitted(path, Score)
    assert loaded == make_score("vim", dimensions=3)
    assert loaded.states is not None
    assert score.states is not None
    assert len(loaded.states) == len(score.states) == 2
    for found, state in zip(loaded.states, score.states, strict=True):
        assert found.keys() == state.keys()
        for name, array in state.items():
            assert found[name].dtype == array.dtype
            assert found[name].shape == array.shape
            assert np.array_equal(found[name], array)


@pytest.mark.parametrize("key", CALIBRATORS)
def test_a_calibrator_calibrates_as_before(key: str, data: Any, path: Path) -> None:
    calibrator = fitted_calibrator(key, data)
    save_fitted(path, calibrator)
    again = load_fitted(path, Calibrator)
    assert again == calibrator
    assert type(again) is type(calibrator)
    assert calibrator.state is not None
    # By rows already before it is saved: products with another layout may round differently.
    assert all(array.flags.c_contiguous for array in calibrator.state.values())
    p, _, distance = simulate(100, 4, seed=3)
    np.testing.assert_array_equal(again.calibrate(p, distance), calibrator.calibrate(p, distance))


@pytest.mark.parametrize("by", ["all", "condition", "subgroup"])
@pytest.mark.parametrize("key", CONFORMAL)
def test_sets_are_the_same(key: str, by: Any, data: Any, path: Path) -> None:
    p, truth, _ = data
    groups = np.where(np.arange(len(p)) % 3 == 0, "a", "b") if by == "subgroup" else None
    sets = CONFORMAL[key](alpha=0.2, by=by, seed=5).fit(p, truth, groups)
    save_fitted(path, sets)
    again = load_fitted(path, ConformalSet)
    assert again == sets
    np.testing.assert_array_equal(again.sets(p, groups), sets.sets(p, groups))


def test_settings_come_back(data: Any, path: Path) -> None:
    save_fitted(path, HistogramBinning(bins=4).fit(*data))
    assert load_fitted(path, Calibrator) == HistogramBinning(bins=4)


@pytest.mark.parametrize("method", [make_score("knn"), CALIBRATORS["vector"](), Lac()])
def test_one_that_was_not_fitted_keeps_its_settings(method: Any, path: Path) -> None:
    save_fitted(path, method)
    kind = next(kind for kind in KINDS if isinstance(method, kind))
    assert load_fitted(path, kind) == method


def test_one_kind_is_not_taken_for_another(path: Path) -> None:
    save_fitted(path, make_score("knn"))
    with pytest.raises(UsageError, match="is not a calibrator"):
        load_fitted(path, Calibrator)
    with pytest.raises(UsageError, match="is not a prediction set"):
        load_fitted(path, ConformalSet)


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Choose another place"):
        save_fitted(tmp_path / "file" / "c", make_score("knn"))


@pytest.mark.parametrize("damage", ["text", "cut", "altered", "other"])
def test_damaged_files_are_refused(damage: str, data: Any, path: Path) -> None:
    save_fitted(path, fitted_calibrator("vector", data))
    whole = path.read_bytes()
    match damage:
        case "text":
            path.write_text("hello")
        case "cut":
            path.write_bytes(whole[:-5])
        case "altered":
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        case "other":
            save_file({"a": np.zeros(2)}, path)
    with pytest.raises(UsageError, match=r"method\.safetensors: is not a calibrator"):
        load_fitted(path, Calibrator)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "nothing"},
        {"key": "isotonic", "settings": {}},
        {"settings": {"spreads": 1}},
        {"format": "something-else"},
    ],
)
def test_a_file_of_something_else_is_refused(change: dict[str, Any], data: Any, path: Path) -> None:
    save_fitted(path, fitted_calibrator("vector", data))
    arrays, header = load_arrays(path) or ({}, {})
    save_arrays(path, arrays, {**header, **change})
    with pytest.raises(UsageError, match="is not a calibrator"):
        load_fitted(path, Calibrator)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_not_there(kind: Any, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "c"):
        with pytest.raises(UsageError, match="no such file"):
            load_fitted(place, kind)
