"""A score on disk: its key, its settings and what it learned, in one safetensors file."""

from __future__ import annotations

from pathlib import Path

from triage.array_file import load_arrays, save_arrays
from triage.errors import UsageError
from triage.uncertainty.scores import make_score
from triage.uncertainty.scores.score import Score, State

FORMAT = "triage-score-1"


def save_score(path: Path, score: Score) -> None:
    """Write a score, whole or not at all; one that was not fitted keeps its settings only.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    parts = score.states or ()
    arrays = {
        f"{number}.{name}": array
        for number, state in enumerate(parts)
        for name, array in state.items()
    }
    header = {
        "format": FORMAT,
        "key": score.info.key,
        "settings": score.settings(),
        "parts": None if score.states is None else len(parts),
    }
    save_arrays(path, arrays, header)


def load_score(path: Path) -> Score:
    """Read a score written by `save_score`; it scores exactly as the one that was saved.

    Raises
    ------
    UsageError
        If there is no such file, it is damaged, or it holds something else.
    """
    if not path.is_file():
        raise UsageError("there is no such file", where=str(path))
    found = load_arrays(path)
    if found is None or found[1].get("format") != FORMAT:
        raise UsageError(
            "is not a score, or is damaged",
            where=str(path),
            mend="Fit the score again and save it.",
        )
    arrays, header = found
    settings = {  # JSON has no tuples
        name: tuple(value) if isinstance(value, list) else value
        for name, value in header["settings"].items()
    }
    score = make_score(header["key"], **settings)
    if header["parts"] is not None:
        states: list[State] = [{} for _ in range(header["parts"])]
        for name, array in arrays.items():
            number, _, field = name.partition(".")
            states[int(number)][field] = array
        score.states = tuple(states)
    return score
