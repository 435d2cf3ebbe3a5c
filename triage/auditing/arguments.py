"""Arguments of an audit, checked before the table is read."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Iterable, Mapping, Set
from numbers import Real
from typing import SupportsIndex

import numpy as np
import pandas as pd

from triage.auditing.frame_columns import class_names
from triage.data.cell_text import cell_text
from triage.errors import UsageError

OVERALL = "overall"
"""What tables call the set of all cases, where they name the group of a subgroup."""


def check_frame(frame: object) -> None:
    """Raise UsageError unless this is a data frame with rows and columns."""
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(
            f"is {type(frame).__name__}, not a pandas DataFrame",
            where="frame",
            hint="Convert it, as with pandas.DataFrame(...).",
        )
    if frame.empty:
        raise UsageError(
            "the table has no rows or no columns", where="frame", hint="Give one row for each case."
        )


def check_callable(value: object, where: str) -> None:
    """Raise UsageError unless this can be called."""
    if not callable(value):
        raise UsageError(
            f"is {_shown(value)}, not a function",
            where=where,
            hint="Give a function of the stage, how much is done, and the total; or leave it out.",
        )


def share(value: object, where: str) -> float | None:
    """Return a share between 0 and 1, both excluded, or None; UsageError for anything else."""
    if value is None:
        return None
    number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if not number or not 0 < float(value) < 1:  # type: ignore[arg-type]  # a number by then
        raise UsageError(
            f"must lie between 0 and 1, not {_shown(value)}",
            where=where,
            hint="Give the share of outliers expected in use, such as 0.1.",
        )
    return float(value)  # type: ignore[arg-type]


def whole_number(value: object, where: str, *, at_least: int, example: int) -> int:
    """Return a whole number; UsageError where it is another type, or below `at_least`."""
    if isinstance(value, SupportsIndex) and not isinstance(value, bool | np.bool_):
        try:
            number = operator.index(value)
        except TypeError:  # an array of several
            number = at_least - 1
        if number >= at_least:
            return number
    raise UsageError(
        f"must be a whole number of at least {at_least}, not {_shown(value)}",
        where=where,
        hint=f"Give one such as {example}.",
    )


def group_columns(groups: object) -> list[Hashable]:
    """Return the columns of subgroups.

    Raises
    ------
    UsageError
        If this is no list, a column is named twice, or has a name that results use otherwise.
    """
    listed = _listed(groups, "groups", "a list of columns", ", such as ['sex']")
    names = [str(name) for name in listed]
    if len({*names}) < len(names):
        raise UsageError("a column is named twice", where="groups", hint="Name it once.")
    for name in names:
        if name in ("", OVERALL):
            raise UsageError(
                f"a column of subgroups cannot be named {name!r}"
                + (", which is what results call all cases" if name else ""),
                where="groups",
                hint="Rename it, as with DataFrame.rename.",
            )
    return listed


def class_columns(probabilities: object) -> dict[str, Hashable]:
    """Return the column of each class.

    Raises
    ------
    UsageError
        If this is neither a list nor a mapping, there are fewer than two, or one is named twice.
    """
    listed: list[Hashable]
    if isinstance(probabilities, Mapping):
        columns = {str(name): each for name, each in probabilities.items()}
        listed = list(probabilities.values())
    else:
        wanted = "a list of columns, one for each class, or a mapping of class to column"
        if isinstance(probabilities, Set):
            raise UsageError(
                "is a set, which has no order",
                where="probabilities",
                hint=f"Give {wanted}.",
            )
        listed = _listed(probabilities, "probabilities", wanted)
        columns = dict(zip(class_names(listed), listed, strict=True))
    if len(listed) < 2:
        raise UsageError(
            "there is one class only" if listed else "no column is named",
            where="probabilities",
            hint="Name one column for each class, at least two.",
        )
    if len(columns) < len(listed) or len({*map(str, listed)}) < len(listed):
        raise UsageError(
            "a class or a column is named twice",
            where="probabilities",
            hint="Name one column for each class.",
        )
    return columns


def outlier_names(outliers: object, classes: Iterable[str]) -> set[str]:
    """Return the labels of outliers as text, whole numbers without a decimal point.

    Raises
    ------
    UsageError
        If this is no list, or one is missing or the name of a class.
    """
    listed = _listed(outliers, "outliers", "a list of labels", ", such as ['other']")
    names = {cell_text(name) for name in listed}
    if "" in names:
        raise UsageError(
            "holds a missing or empty label",
            where="outliers",
            hint="Name the labels that are out-of-distribution; every case needs a label.",
        )
    if both := sorted(names.intersection(classes)):
        raise UsageError(
            f"{both[0]!r} is a class too",
            where="outliers",
            hint="A condition is either a class with probabilities or an outlier.",
        )
    return names


def metric_keys(metrics: object) -> list[str]:
    """Return the keys of metrics; UsageError where this is neither a key nor a list of keys."""
    kind, example = "the key of a metric or a list of keys", ", such as ['accuracy']"
    listed = _listed(metrics, "metrics", kind, example)
    keys = [key for key in listed if isinstance(key, str)]
    if len(keys) < len(listed):
        other = next(key for key in listed if not isinstance(key, str))
        raise UsageError(
            f"holds {_shown(other)}, which is not the key of a metric",
            where="metrics",
            hint=f"Give {kind}{example}.",
        )
    if not keys:
        raise UsageError("no metric is named", where="metrics", hint=f"Give {kind}{example}.")
    return keys


def _listed(value: object, where: str, kind: str, example: str = "") -> list[Hashable]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping | bytes) or not isinstance(value, Iterable):
        raise UsageError(
            f"is {_shown(value)}, not {kind}", where=where, hint=f"Give {kind}{example}."
        )
    return list(value)


def _shown(value: object) -> str:
    """Return a plain value as Python writes it, and of any other the type."""
    if isinstance(value, np.generic):
        value = value.item()
    plain = value is None or isinstance(value, str | bool | int | float)
    return repr(value) if plain else f"a value of type {type(value).__name__}"
