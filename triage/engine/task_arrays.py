"""Arrays in a file that tasks read, with the hash of what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from triage.array_file import Arrays, load_arrays, save_arrays
from triage.errors import EngineError
from triage.hashing import hash_bytes, hash_json

_CONTENT = "content"


def content_of(arrays: Arrays, header: dict[str, Any]) -> str:
    """Return the hash of arrays and of a header of JSON types."""
    described = {
        name: [str(value.dtype), list(value.shape), hash_bytes(value.tobytes())]
        for name, value in arrays.items()
    }
    return hash_json([described, header])


def write_task_arrays(path: Path, arrays: Arrays, header: dict[str, Any], content: str) -> None:
    """Write arrays for tasks, whole or not at all.

    Parameters
    ----------
    path : Path
    arrays : dict of array
    header : dict
        JSON types.
    content : str
        Hash of what the file is for, such as `content_of`; tasks state it when they read.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    save_arrays(path, arrays, {**header, _CONTENT: content})


def read_task_arrays(path: Path, content: str, what: str) -> tuple[Arrays, dict[str, Any]]:
    """Read the arrays of a task.

    Parameters
    ----------
    path : Path
    content : str
        What the file has to be of.
    what : str
        What it holds, in words.

    Raises
    ------
    EngineError
        If this machine has no such file, or it is damaged, or of something else.
    """
    found = load_arrays(path)
    if found is None:
        raise EngineError(
            f"the worker finds no whole file of {what}",
            where=str(path),
            hint="Write to a folder that every machine reaches by the same path.",
        )
    if found[1].get(_CONTENT) != content:
        raise EngineError(
            f"the worker finds {what} of another run",
            where=str(path),
            hint="Let no two runs write to one folder at the same time.",
        )
    return found
