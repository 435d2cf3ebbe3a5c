"""The position of the true class of each row, from a column of names or of positions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.auditing.frame_columns import column, present_texts
from triage.errors import UsageError, nearest_name


def true_classes(
    frame: pd.DataFrame, label: object, classes: Sequence[str], outliers: Collection[str]
) -> NDArray[np.int64]:
    """Return the position of each true class; -1 of an outlier.

    Parameters
    ----------
    frame : DataFrame of N rows
    label : hashable
        Column of the true class: a name, or, in a column of whole numbers, a position, unless a
        class is itself named by a whole number.
    classes : sequence of str
        In the order of their positions.
    outliers : collection of str
        Labels that are out-of-distribution, none of them a class by name.

    Returns
    -------
    int64 array [N]

    Raises
    ------
    UsageError
        If the column is absent, a label is missing or that of no class, an outlier is the position
        of a class, or fewer than two classes are there.
    """
    words = present_texts(frame, label, "label")
    series = column(frame, label, "label")
    numbered = _whole(series) and not any(_is_number(name) for name in classes)
    position = {str(at) if numbered else name: at for at, name in enumerate(classes)}
    if both := sorted(position.keys() & {*outliers}):
        raise UsageError(
            f"{both[0]!r} is a class too: the position of {classes[position[both[0]]]!r}, as "
            f"column {label!r} holds whole numbers",
            where="outliers",
            hint=f"{_positions(classes)} Number outliers otherwise, such as -1.",
        )
    position |= dict.fromkeys(outliers, -1)
    if unknown := sorted({*words} - position.keys()):
        raise UsageError(
            f"column {label!r} holds {unknown[0]!r}, which is no class"
            + (f", and {len(unknown) - 1} more such labels" if len(unknown) > 1 else ""),
            where="label",
            hint=_hint(series, unknown, position, classes, numbered=numbered),
        )
    truth = np.array([position[word] for word in words], dtype=np.int64)
    if len(present := np.unique(truth[truth >= 0])) < 2:
        raise UsageError(
            "all cases are of one class only" if len(present) else "no case is of a class",
            where="label",
            hint="Add cases of the other classes: with one class nothing says whether they are "
            "told apart.",
        )
    return truth


def _hint(
    series: pd.Series,
    unknown: Sequence[str],
    known: Collection[str],
    classes: Sequence[str],
    *,
    numbered: bool,
) -> str:
    listed = f"The classes are {', '.join(classes)}."
    outside = "Name conditions that are out-of-distribution in outliers=[...]."
    if {*unknown} <= {"True", "False"}:
        return (
            f"{listed} Convert booleans to names of classes, as with "
            f"Series.map({{False: {classes[0]!r}, True: {classes[1]!r}}})."
        )
    if numbered:
        counted = str(len(classes)) in unknown and not (series == 0).any()
        less = " Subtract 1 if they count from 1." if counted else ""
        return f"{_positions(classes)}{less} {outside}"
    if all(_is_number(word) for word in unknown):
        return (
            f"{listed} {_positions(classes)} A column of type {series.dtype} holds names: convert "
            f"it, as with Series.astype(int). {outside}"
        )
    near = nearest_name(unknown[0], known)
    return (f"Did you mean {near!r}? " if near else "") + f"{listed} {outside}"


def _positions(classes: Sequence[str]) -> str:
    return (
        f"Whole numbers are positions of the probability columns, from 0 ({classes[0]}) to "
        f"{len(classes) - 1} ({classes[-1]})."
    )


def _whole(series: pd.Series) -> bool:
    if pd.api.types.is_integer_dtype(series):
        return True
    return bool(pd.api.types.is_float_dtype(series) and (series == series.round()).all())


def _is_number(name: str) -> bool:
    return name.removeprefix("-").isdecimal()
