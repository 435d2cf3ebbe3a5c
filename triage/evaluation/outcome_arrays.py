"""Conversion of the inputs of `Outcomes` to the array types that metrics use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.vocabulary.subgroup_levels import UNKNOWN


def whole_numbers(name: str, values: Any) -> NDArray[Any]:
    """Return whole numbers as int64; other numbers as they are, for the caller to refuse.

    Parameters
    ----------
    name : str
        Of the array, for messages.
    values : array_like [N]
        Of integers, or of floats that are whole, as a table with missing values holds them.

    Raises
    ------
    UsageError
        If they are not numbers.
    """
    array = _numeric(name, values)
    whole = array.dtype.kind in "iub" or bool(np.all(np.equal(np.mod(array, 1), 0)))
    return array.astype(np.int64) if whole else array


def real_numbers(name: str, values: Any) -> NDArray[np.float64]:
    """Return numbers as float64; see `whole_numbers`."""
    return _numeric(name, values).astype(np.float64, copy=False)


def truth_values(name: str, values: Any) -> NDArray[Any]:
    """Return zeros and ones as bool; other numbers as they are, for the caller to refuse."""
    array = _numeric(name, values)
    return array.astype(np.bool_) if np.isin(array, [0, 1]).all() else array


def names(name: str, values: Any) -> NDArray[np.str_]:
    """Return labels, such as of clusters, as text.

    Raises
    ------
    UsageError
        If one is missing: cases without a cluster are not one cluster.
    """
    array = np.asarray(values)
    if pd.isna(array).any():
        raise UsageError(
            "holds a missing value", where=name, hint="Give every case a cluster of its own or one."
        )
    return array.astype(np.str_)


def text_columns(name: str, table: Any) -> pd.DataFrame:
    """Return a table's columns as text: numbers written out, a missing value as "unknown".

    Parameters
    ----------
    name : str
        Of the table, for messages.
    table : DataFrame, N rows
        Columns of any type. A column of whole numbers with missing values, which pandas keeps as
        floats, reads as the whole numbers it was.

    Returns
    -------
    DataFrame, N rows
        With rows numbered from 0 and the names of columns as text.

    Raises
    ------
    UsageError
        If it is not a DataFrame.
    """
    if not isinstance(table, pd.DataFrame):
        raise UsageError(
            f"is {type(table).__name__}, not a DataFrame",
            where=name,
            hint="Give one row per case; no columns where there are no subgroups.",
        )
    columns = {str(key): [_text(value) for value in table[key]] for key in table.columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)))


def _numeric(name: str, values: Any) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "iufb":
        raise UsageError(
            "is not an array of numbers", where=name, hint="Give a NumPy array, as documented."
        )
    return array


def _text(value: Any) -> str:
    if pd.isna(value):
        return UNKNOWN
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)
