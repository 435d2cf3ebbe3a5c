"""Text of cells of data frames, as a CSV file would hold it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def cell_text(value: Any) -> str:
    """Return a value as text: a missing one as '', a whole number without a decimal point.

    pandas keeps a column of whole numbers with missing values as floats; 3.0 then reads 3.

    Examples
    --------
    >>> [cell_text(value) for value in (3.0, 3.5, "iii", None, float("nan"))]
    ['3', '3.5', 'iii', '', '']
    """
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)


def column_texts(values: pd.Series) -> list[str]:
    """Return every value of a column as `cell_text` does."""
    return [cell_text(value) for value in values.astype(object)]
