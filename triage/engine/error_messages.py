"""Errors of tasks as JSON, so that they pass from a worker without pickle."""

from __future__ import annotations

import builtins
import traceback
from importlib import import_module
from typing import Any

from triage.errors import EngineError, RejectReason, TriageError

_REASON = "reason"


def error_to_plain(error: BaseException) -> dict[str, Any]:
    """Return what an error says as JSON types.

    Of a `TriageError` its class, its base classes and its attributes; of any other exception its
    name, its text and its traceback.
    """
    if isinstance(error, TriageError):
        bases = [
            f"{base.__module__}:{base.__qualname__}"
            for base in type(error).__mro__
            if issubclass(base, TriageError)
        ]
        return {
            "classes": bases,
            "text": str(error.args[0]) if error.args else "",
            "attributes": {
                name: _plain(value) for name, value in vars(error).items() if name != "__notes__"
            },
            "notes": list(getattr(error, "__notes__", ())),
        }
    return {
        "class": type(error).__name__,
        "text": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }


def error_from_plain(found: dict[str, Any]) -> Exception:
    """Return the error that `error_to_plain` described.

    A `TriageError` is of the class that was raised, or of its nearest base class that exists here.
    Another exception is of its built-in class or a `RuntimeError`, and has the traceback of the
    worker as a note.
    """
    if "classes" in found:
        return _typed(found)
    kind = getattr(builtins, found["class"], None)
    error: Exception
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            error = kind(found["text"])
        except TypeError:  # such as UnicodeDecodeError, which takes five arguments
            error = RuntimeError(f"{found['class']}: {found['text']}")
    else:
        error = RuntimeError(f"{found['class']}: {found['text']}")
    error.add_note(found["traceback"])
    return error


def _typed(found: dict[str, Any]) -> TriageError:
    kind = next((one for name in found["classes"] if (one := _class(name))), EngineError)
    error = kind.__new__(kind)  # constructors differ; what they set is copied
    Exception.__init__(error, found["text"])
    for name, value in found["attributes"].items():
        if name == _REASON and value in [*RejectReason]:
            value = RejectReason(value)
        setattr(error, name, tuple(value) if isinstance(value, list) else value)
    for note in found["notes"]:
        error.add_note(note)
    return error


def _class(name: str) -> type[TriageError] | None:
    module, _, qualname = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, type) and issubclass(found, TriageError) else None


def _plain(value: Any) -> Any:
    """Return a value of JSON types, or its text where it is of another type."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return str(value)
