"""A task: the name of a function and plain arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from triage import __version__
from triage.errors import EngineError
from triage.hashing import hash_json
from triage.progress import Progress

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__triage_task__"


def task_function(function: F) -> F:
    """Mark a function as one that tasks may name.

    It takes its arguments by name, and `progress` (a `triage.progress.Progress`) beside them. It
    returns JSON: None, bool, int, float, str, and lists and dicts of them.
    """
    setattr(function, _MARK, True)
    return function


@dataclass(frozen=True)
class Task:
    """Work that any process of this software can do.

    Parameters
    ----------
    function : str
        Module and name, such as `triage.intake.score_shard:score_shard`; marked by
        `task_function`.
    arguments : mapping
        JSON types only: paths, hashes, settings. No live objects.
    name : str
        How progress and messages call it; no identifier of a patient.
    """

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def key(self) -> str:
        """Return the hash of what decides the result: version, function and arguments."""
        return hash_json([__version__, self.function, dict(self.arguments)])

    def run(self, progress: Progress) -> Any:
        """Do the work, in this process.

        Raises
        ------
        EngineError
            If there is no such function, or it is not one for tasks.
        """
        module, _, name = self.function.partition(":")
        try:
            function = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise EngineError(
                "the worker has no such function",
                where=self.function,
                hint="Install the same version everywhere.",
            ) from error
        if not getattr(function, _MARK, False):
            raise EngineError("is not a function for tasks", where=self.function)
        return function(progress=progress, **self.arguments)
