import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.uncertainty.calibration.make import fitted, simulate
from triage.array_file import load_arrays, save_arrays
from triage.errors import UsageError
from triage.uncertainty.calibration import (
    CALIBRATORS,
    load_calibrator,
    make_calibrator,
    save_calibrator,
)
from triage.uncertainty.calibration.histogram import HistogramBinning


@pytest.fixture(scope="module")
def data():
    return simulate(200, 4, temperature=1.5)


@pytest.mark.parametrize("key", CALIBRATORS)
def test_a_calibrator_comes_back_as_it_was(key, data, tmp_path):
    calibrator = fitted(key, data)
    save_calibrator(tmp_path / "c.safetensors", calibrator)
    again = load_calibrator(tmp_path / "c.safetensors")
    assert again == calibrator
    assert type(again) is type(calibrator)
    p, _, distance = simulate(100, 4, seed=3)
    np.testing.assert_array_equal(again.calibrate(p, distance), calibrator.calibrate(p, distance))


def test_settings_come_back(data, tmp_path):
    save_calibrator(tmp_path / "c", HistogramBinning(bins=4).fit(*data))
    assert load_calibrator(tmp_path / "c") == HistogramBinning(bins=4)


def test_only_fitted_ones_are_saved(tmp_path):
    with pytest.raises(UsageError, match="not fitted"):
        save_calibrator(tmp_path / "c", make_calibrator("vector"))
    assert not (tmp_path / "c").exists()


def test_a_place_that_cannot_be_written_to(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Choose another place"):
        save_calibrator(tmp_path / "file" / "c", fitted("none", data))


@pytest.mark.parametrize("damage", ["text", "cut", "altered", "other"])
def test_damaged_files_are_refused(damage, data, tmp_path):
    path = tmp_path / "c.safetensors"
    save_calibrator(path, fitted("vector", data))
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
    with pytest.raises(UsageError, match=r"c\.safetensors: is not a calibrator"):
        load_calibrator(path)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "nothing"},
        {"key": "isotonic", "settings": {}},
        {"settings": {"spreads": 1}},
        {"format": "triage-score-1"},
    ],
)
def test_a_file_of_something_else_is_refused(change, data, tmp_path):
    path = tmp_path / "c.safetensors"
    save_calibrator(path, fitted("vector", data))
    arrays, header = load_arrays(path)
    save_arrays(path, arrays, {**header, **change})
    with pytest.raises(UsageError, match="is not a calibrator"):
        load_calibrator(path)


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path, tmp_path / "c"):
        with pytest.raises(UsageError, match="no such file"):
            load_calibrator(path)
