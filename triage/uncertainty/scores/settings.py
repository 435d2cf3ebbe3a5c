"""The types of a score's settings, checked where they are given."""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np

from triage.errors import UsageError

_NAMES = {int: "a whole number", float: "a finite number", bool: "True or False"}


def checked_settings(kind: type, settings: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the settings as plain Python values of the types that a score declares.

    Parameters
    ----------
    kind : type
        A dataclass; its fields are of int, float or bool, or of one of these or None.
    settings : dict of str to Any
        By name of the field.
    where : str
        The score, for messages.

    Raises
    ------
    UsageError
        If a setting is of another type, NaN or infinite. True and False are no numbers.
    """
    hints = get_type_hints(kind)
    declared = {field.name: hints[field.name] for field in fields(kind)}
    return {name: _checked(name, value, declared[name], where) for name, value in settings.items()}


def _checked(name: str, value: Any, declared: Any, where: str) -> Any:
    allowed = set(get_args(declared)) or {declared}
    optional = NoneType in allowed
    (plain,) = allowed - {NoneType}
    if plain not in _NAMES:
        return value
    if value is None and optional:
        return None
    if plain is bool:
        if isinstance(value, bool | np.bool_):
            return bool(value)
    elif not isinstance(value, bool) and isinstance(value, int | np.integer):
        # a float holds no whole number beyond 1e308
        if plain is int or abs(int(value)) < 10**308:
            return plain(value)
    elif plain is float and isinstance(value, float | np.floating) and isfinite(value):
        return float(value)
    raise UsageError(
        f"a setting is of the wrong type or not finite: {name} is {value!r}",
        where=where,
        hint=f"Give {_NAMES[plain]}{' or None' if optional else ''} as {name}.",
    )
