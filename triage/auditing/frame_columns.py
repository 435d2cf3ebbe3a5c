"""Columns of a user's data frame, checked and brought to the types that metrics read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.data.cell_text import cell_text, column_texts
from triage.errors import UsageError, nearest_name
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.subgroup_levels import UNKNOWN

MAX_LEVELS = 50
"""Levels of a group column; more are numbers or identifiers that nobody has put into bands."""

MAX_ROWS = 10
"""Rows that a message lists."""


def column(frame: pd.DataFrame, name: object, role: str) -> pd.Series:
    """Return one column of a frame.

    Parameters
    ----------
    frame : DataFrame
    name : hashable
        Of the column.
    role : str
        The argument that names it, for messages.

    Raises
    ------
    UsageError
        If there is no such column, or several.
    """
    try:
        hash(name)
    except TypeError:
        raise UsageError(
            f"is of type {type(name).__name__}, not the name of a column",
            where=role,
            hint="Give its name, such as 'y', and not its values.",
        ) from None
    absent = _is_missing(name)
    places = [
        place
        for place, each in enumerate(frame.columns)
        if (absent and _is_missing(each)) or not (absent or _is_missing(each) or each != name)
    ]
    if len(places) == 1:
        return frame.iloc[:, places[0]]
    if places:
        raise UsageError(
            f"there are {len(places)} columns {name!r}", where=role, hint="Rename them."
        )
    by_text = {str(each): each for each in frame.columns}
    near = "" if absent else nearest_name(str(name), by_text)
    listed = ", ".join(list(by_text)[:20]) + (", ..." if len(by_text) > 20 else "")
    hint = f"There are {listed}."
    if near:
        hint = f"Did you mean {by_text[near]!r}?"
        if near == str(name):
            hint = f"Did you mean {by_text[near]!r} of type {type(by_text[near]).__name__}?"
    raise UsageError(f"there is no column {name!r}", where=role, hint=hint)


def _is_missing(name: object) -> bool:
    """Whether a name is None, NaN or NA, which no comparison finds."""
    return not isinstance(name, str) and not cell_text(name)


def numbers(frame: pd.DataFrame, name: object, role: str) -> NDArray[np.float64]:
    """Return a column of finite numbers, float64 [N].

    Raises
    ------
    UsageError
        If it is absent, not of numbers, or a value is missing or infinite.
    """
    series = column(frame, name, role)
    kinds = pd.api.types
    if not kinds.is_numeric_dtype(series) or kinds.is_complex_dtype(series):
        raise UsageError(
            f"column {name!r} is of type {series.dtype}, not of numbers",
            where=role,
            hint="Convert it, as with pandas.to_numeric.",
        )
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(~np.isfinite(values), f"column {name!r} holds missing or infinite values", role)
    return values


def truth_values(frame: pd.DataFrame, name: object, role: str) -> NDArray[np.bool_]:
    """Return a column of booleans, or of 0 and 1, bool [N]; UsageError for anything else."""
    values = numbers(frame, name, role)
    _refuse(~np.isin(values, (0, 1)), f"column {name!r} holds values other than 0 and 1", role)
    return values.astype(np.bool_)


def urgency_ranks(frame: pd.DataFrame, name: object, role: str) -> NDArray[np.int64]:
    """Return a column of urgencies as ranks, int64 [N], 0 the most urgent.

    Raises
    ------
    UsageError
        If it is absent, or a value is neither the name of an urgency nor a rank from 0 to 3.
    """
    known = {str(urgency): urgency.rank for urgency in Urgency}
    known |= {str(rank): rank for rank in known.values()}
    words = column_texts(column(frame, name, role))
    ranks = np.array([known.get(word, -1) for word in words], dtype=np.int64)
    if (ranks < 0).any():
        word = words[int((ranks < 0).argmax())]
        raise UsageError(
            f"column {name!r} holds {word!r}, which is no urgency",
            where=role,
            hint=f"Use {', '.join(Urgency)}, or ranks from 0, the most urgent, to 3.",
        )
    return ranks


def group_levels(frame: pd.DataFrame, name: object) -> list[str]:
    """Return the level of each row as text; numbers are written out, missing is "unknown".

    Raises
    ------
    UsageError
        If the column is absent, or has more than `MAX_LEVELS` levels.
    """
    levels = [level_text(value) for value in column(frame, name, "groups").astype(object)]
    if (count := len({*levels})) > MAX_LEVELS:
        raise UsageError(
            f"column {name!r} has {count} levels, more than {MAX_LEVELS}",
            where="groups",
            hint="Put its values into bands first, as with pandas.cut.",
        )
    return levels


def level_text(value: object) -> str:
    """Return the level that a value of a group column is of."""
    return cell_text(value) or UNKNOWN


def present_texts(frame: pd.DataFrame, name: object, role: str) -> list[str]:
    """Return a column as text; UsageError where a value is missing."""
    words = column_texts(column(frame, name, role))
    _refuse(np.array([not word for word in words]), f"column {name!r} has missing values", role)
    return words


def _refuse(wrong: NDArray[np.bool_], what: str, role: str) -> None:
    if wrong.any():
        rows = [str(row) for row in np.flatnonzero(wrong)[: MAX_ROWS + 1]]
        listed = ", ".join(rows[:MAX_ROWS]) + (", ..." if len(rows) > MAX_ROWS else "")
        raise UsageError(
            f"{what} in {int(wrong.sum())} of {len(wrong)} rows: "
            f"row{'s' if len(rows) > 1 else ''} {listed} (counted from 0)",
            where=role,
            hint="Leave these rows out, or complete them.",
        )


def class_names(columns: Sequence[object]) -> list[str]:
    """Return the class of each probability column: its name without a prefix all of them have.

    Examples
    --------
    >>> class_names(["p_naevus", "p_melanoma"])
    ['naevus', 'melanoma']
    >>> class_names(["naevus", "p_melanoma"])
    ['naevus', 'p_melanoma']
    """
    names = [str(name) for name in columns]
    for prefix in ("p_", "probability_"):
        if all(name.startswith(prefix) and name != prefix for name in names):
            return [name.removeprefix(prefix) for name in names]
    return names
