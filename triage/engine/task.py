"""A task: the name of a function and plain arguments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar, overload

from triage import __version__
from triage.errors import EngineError
from triage.hashing import hash_json
from triage.progress import Progress

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__triage_task__"
_SAFE = "__triage_thread_safe__"


@overload
def task_function(function: F) -> F: ...


@overload
def task_function(*, thread_safe: bool = False) -> Callable[[F], F]: ...


def task_function(function: Any = None, *, thread_safe: bool = False) -> Any:
    """Mark a function as one that tasks may name.

    It takes its arguments by name, and `progress` (a `triage.progress.Progress`) beside them. It
    returns JSON: None, bool, int, float, str, and lists and dicts of them.

    Parameters
    ----------
    function : callable
    thread_safe : bool
        Whether several such tasks may run at once in threads of one process; the local engine
        then runs as many at once as it has workers.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, True)
        setattr(function, _SAFE, thread_safe)
        return function

    return mark if function is None else mark(function)


@dataclass(frozen=True)
class Task:
    """Work that any process of this software can do.

    Parameters
    ----------
    function : str
        Module and name, such as `triage.intake.score_shard:score_shard`; marked by
        `task_function`.
    arguments : mapping
        JSON types only: paths as text, hashes, settings. No live objects.
    name : str
        How progress and messages call it; no identifier of a patient.
    """

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def key(self) -> str:
        """Return the hash of what decides the result: version, function and arguments."""
        return hash_json([__version__, self.function, dict(self.arguments)])

    def to_json(self) -> str:
        """Return the text by which a task is sent to another process.

        Raises
        ------
        TypeError
            If an argument is not of JSON types.
        """
        return json.dumps(
            {"function": self.function, "arguments": dict(self.arguments), "name": self.name}
        )

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Return the task that `to_json` wrote."""
        return cls(**json.loads(text))

    def is_thread_safe(self) -> bool:
        """Return whether several such tasks may run at once in threads of one process."""
        return bool(getattr(self._function(), _SAFE))

    def run(self, progress: Progress) -> Any:
        """Do the work, in this process.

        Arguments and result pass through JSON, as they do on their way to another process, so
        that a task gets and gives the same on every engine.

        Raises
        ------
        EngineError
            If there is no such function, or it is not one for tasks.
        TypeError
            If an argument or the result is not of JSON types.
        """
        function = self._function()
        arguments = json.loads(json.dumps(dict(self.arguments)))
        return json.loads(json.dumps(function(progress=progress, **arguments)))

    def _function(self) -> Callable[..., Any]:
        module, _, name = self.function.partition(":")
        try:
            function: Callable[..., Any] = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise EngineError(
                "the worker has no such function",
                where=self.function,
                hint="Install the same version everywhere.",
            ) from error
        if not getattr(function, _MARK, False):
            raise EngineError("is not a function for tasks", where=self.function)
        return function
