"""A fitted calibrator on disk: its key, its settings and what it learned, in one file."""

from __future__ import annotations

from pathlib import Path

from triage.array_file import load_arrays, save_arrays
from triage.errors import UsageError
from triage.uncertainty.calibration.calibrator import COMMON, Calibrator
from triage.uncertainty.calibration.registry import CALIBRATORS

FORMAT = "triage-calibrator-1"


def save_calibrator(path: Path, calibrator: Calibrator) -> None:
    """Write a fitted calibrator, whole or not at all.

    Raises
    ------
    UsageError
        If it was not fitted, or the place cannot be written to.
    """
    header = {
        "format": FORMAT,
        "key": calibrator.info.key,
        "settings": calibrator.settings(),
    }
    save_arrays(path, calibrator.learned(), header)


def load_calibrator(path: Path) -> Calibrator:
    """Read what `save_calibrator` wrote; it calibrates exactly as the one that was saved.

    Raises
    ------
    UsageError
        If there is no such file, it is damaged, or it holds something else.
    """
    if not path.is_file():
        raise UsageError("there is no such file", where=str(path))
    unfit = UsageError(
        "is not a calibrator of this version, or is damaged",
        where=str(path),
        mend="Fit the calibrator again and save it.",
    )
    found = load_arrays(path)
    if found is None or found[1].get("format") != FORMAT:
        raise unfit
    arrays, header = found
    settings = {  # JSON has no tuples
        name: tuple(value) if isinstance(value, list) else value
        for name, value in header["settings"].items()
    }
    try:
        calibrator = CALIBRATORS[header["key"]](**settings)
    except (KeyError, TypeError) as error:
        raise unfit from error
    if arrays.keys() != {*COMMON, *calibrator.arrays}:
        raise unfit
    calibrator.state = arrays
    return calibrator
