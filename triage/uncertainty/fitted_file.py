"""A score, calibrator or kind of prediction set on disk: key, settings and what it learned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from triage.array_file import Arrays, load_arrays, save_arrays
from triage.errors import UsageError
from triage.uncertainty.calibration import CALIBRATORS, Calibrator
from triage.uncertainty.calibration.calibrator import COMMON
from triage.uncertainty.conformal import CONFORMAL, ConformalSet
from triage.uncertainty.scores import SCORES, Score

Fitted = TypeVar("Fitted", Score, Calibrator, ConformalSet)

FORMAT = "triage-fitted-1"
_REGISTRIES: dict[str, tuple[type, Mapping[str, type]]] = {
    "score": (Score, SCORES),
    "calibrator": (Calibrator, CALIBRATORS),
    "prediction set": (ConformalSet, CONFORMAL),
}


def save_fitted(path: Path, method: Score | Calibrator | ConformalSet) -> None:
    """Write a method, whole or not at all; one that was not fitted keeps its settings only.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    states = _states(method)
    arrays = {
        f"{number}.{name}": array
        for number, state in enumerate(states or ())
        for name, array in state.items()
    }
    header = {
        "format": FORMAT,
        "kind": _kind_of(type(method)),
        "key": method.info.key,
        "settings": method.settings(),
        "parts": None if states is None else len(states),
    }
    save_arrays(path, arrays, header)


def load_fitted(path: Path, kind: type[Fitted]) -> Fitted:
    """Read what `save_fitted` wrote; it does exactly what the one that was saved did.

    Parameters
    ----------
    path : Path
    kind : type
        `Score`, `Calibrator` or `ConformalSet`.

    Raises
    ------
    UsageError
        If there is no such file, it is damaged, or it holds something else.
    """
    if not path.is_file():
        raise UsageError("there is no such file", where=str(path))
    name = _kind_of(kind)
    unfit = UsageError(
        f"is not a {name} of this version, or is damaged",
        where=str(path),
        hint=f"Fit the {name} again and save it.",
    )
    found = load_arrays(path)
    if found is None or (found[1].get("format"), found[1].get("kind")) != (FORMAT, name):
        raise unfit
    arrays, header = found
    settings = {  # JSON has no tuples
        key: tuple(value) if isinstance(value, list) else value
        for key, value in header["settings"].items()
    }
    try:
        method: Any = _REGISTRIES[name][1][header["key"]](**settings)
    except (KeyError, TypeError) as error:
        raise unfit from error
    if header["parts"] is not None:
        if isinstance(method, Calibrator) and len(arrays) != len({*COMMON, *method.arrays}):
            raise unfit
        _restore(method, _by_part(arrays, header["parts"]))
    restored: Fitted = method
    return restored


def _kind_of(cls: type) -> str:
    return next(name for name, (base, _) in _REGISTRIES.items() if issubclass(cls, base))


def _states(method: Score | Calibrator | ConformalSet) -> tuple[Arrays, ...] | None:
    if isinstance(method, Score):
        return method.states
    return None if method.state is None else (method.state,)


def _restore(method: Any, states: tuple[Arrays, ...]) -> None:
    if isinstance(method, Score):
        method.states = states
    else:
        (method.state,) = states


def _by_part(arrays: Arrays, parts: int) -> tuple[Arrays, ...]:
    states: list[Arrays] = [{} for _ in range(parts)]
    for name, array in arrays.items():
        number, _, field = name.partition(".")
        states[int(number)][field] = array
    return tuple(states)
