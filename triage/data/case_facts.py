"""Parsers of cells that are not plain words: visits, eyes, ages, levels of subgroups.

Each parser returns the parsed values and lists the cells that do not parse.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TypeVar

import pandas as pd

from triage.data.identifiers import clean_text, is_missing
from triage.data.spec import Subgroup, band_name, level_key
from triage.vocabulary.subgroup_levels import UNKNOWN

MAX_AGE = 130.0
"""Years; nobody has lived that long."""
MAX_VISIT = 50_000
"""Days; a larger number is a date without separators or a spreadsheet's serial date."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"(\d{1,9})([.]0*)?", re.ASCII)
_SIDES = {
    "left": (
        "l", "left", "os", "left eye", "sinister", "le", "lt", "lft", "oculus sinister",
        "os left", "left os", "links", "linkes auge", "gauche", "izquierdo", "sinistro",
    ),
    "right": (
        "r", "right", "od", "right eye", "dexter", "re", "rt", "rgt", "oculus dexter",
        "od right", "right od", "rechts", "rechtes auge", "droit", "droite", "derecho", "destro",
    ),
    "both": (
        "b", "both", "ou", "both eyes", "bilateral", "oculus uterque", "beide", "beidseits",
    ),
}  # fmt: skip
_SIDE_OF = {spelling: side for side, spellings in _SIDES.items() for spelling in spellings}
NO_DATES = (
    "is no whole number of days since the patient's first visit (give 0 for the first visit, 35 "
    "for one five weeks later; dates are not taken, because they identify people)"
)
_SHOWN_CELLS, _SHOWN_LENGTH = 5, 24
_Value = TypeVar("_Value")


def parse_number(text: str) -> float | None:
    """Return the number in a cell, None if it is not one; `NaN` and infinity are not numbers."""
    text = clean_text(text)
    return float(text) if _NUMBER.fullmatch(text) else None


def parse_visit(text: str) -> int | None:
    """Return the days since the patient's first visit, None if the cell is not such a number."""
    found = _WHOLE.fullmatch(clean_text(text))
    days = int(found[1]) if found else MAX_VISIT + 1
    return days if days <= MAX_VISIT else None


def parse_age(text: str) -> float | None:
    """Return an age in years, None if it is not between 0 and `MAX_AGE`."""
    number = parse_number(text)
    return number if number is not None and 0.0 <= number <= MAX_AGE else None


def parse_laterality(text: str) -> str | None:
    """Return `left`, `right` or `both`, None for any other text.

    Upper and lower case, full stops and other punctuation do not matter: `O.D.` is `OD`.
    """
    words = re.sub(r"[\W_]+", " ", level_key(text).replace(".", ""))
    return _SIDE_OF.get(words.strip())


def parsed(column: pd.Series, parse: Callable[[str], _Value | None]) -> dict[str, _Value | None]:
    """Return the parsed value of each distinct cell of a column; words for 'missing' are None."""
    return {text: None if is_missing(text) else parse(text) for text in map(str, column.unique())}


def unparsed(
    column: pd.Series, parse: Callable[[str], object | None], because: str, *, show: bool = True
) -> list[str]:
    """Describe the cells that do not parse although they are not missing.

    Parameters
    ----------
    column : Series of str
    parse : callable
        Returns None for a cell that does not parse.
    because : str
        The end of the sentence.
    show : bool
        Whether to show the cells; dates are not shown.

    Returns
    -------
    list of str
        Empty, or one sentence with the column, some of the cells and their rows, and why.
    """
    found = parsed(column, parse)
    wrong = column[[found[text] is None and not is_missing(text) for text in column]]
    where = cells_in_rows(wrong) if show else f"{column.name}: the cell in {in_rows(wrong.index)}"
    return [f"{where} {because}"] if len(wrong) else []


def cells_in_rows(cells: pd.Series) -> str:
    """Name some cells of a column with their rows, for a message."""
    distinct = [shown(text) for text in cells.unique()[:_SHOWN_CELLS]]
    more = cells.nunique() - len(distinct)
    listed = ", ".join(distinct) + (f" and {more} more" if more > 0 else "")
    return f"{cells.name}: {listed} in {in_rows(cells.index)}"


def in_rows(rows: Iterable[object]) -> str:
    """Name some rows by number and how many more there are, for a message."""
    numbers = list(rows)
    first = ", ".join(map(str, numbers[:_SHOWN_CELLS]))
    more = len(numbers) - _SHOWN_CELLS
    return f"row{'s' if len(numbers) > 1 else ''} {first}" + (
        f" and {more} more" if more > 0 else ""
    )


def shown(text: str) -> str:
    """Return a cell in quotes, truncated for use in a message."""
    return repr(text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}...")


def subgroup_levels(table: pd.DataFrame, axis: Subgroup) -> pd.Series:
    """Return the level of each row on one subgroup axis, `unknown` where missing.

    Levels that differ only in case and blanks are one: named as the spec does if it gives
    `levels`, else in the spelling that most rows have.
    """
    if axis.column not in table.columns:
        return pd.Series(UNKNOWN, index=table.index)
    values = table[axis.column]
    names = band_names(axis, values) if axis.bands is not None else word_names(axis, values)
    return values.map({text: name or UNKNOWN for text, name in names.items()}).astype(object)


def band_names(axis: Subgroup, values: pd.Series) -> dict[str, str | None]:
    """Return the band `[b0, b1)` of each distinct cell; None outside all and if not a number."""
    edges = axis.bands or ()
    bands = list(pairwise(edges))
    found: dict[str, str | None] = {}
    for text, number in parsed(values, parse_number).items():
        inside = [band for band in bands if number is not None and band[0] <= number < band[1]]
        found[text] = band_name(*inside[0]) if inside else None
    return found


def word_names(axis: Subgroup, values: pd.Series) -> dict[str, str | None]:
    """Return the level of each distinct cell; None where missing or no level of the spec."""
    if axis.levels is not None:
        known = {
            level_key(spelling): level
            for level, others in axis.levels.items()
            for spelling in (level, *others)
        }
        return {text: known.get(level_key(text)) for text in map(str, values.unique())}
    spelling = most_frequent_spellings(Counter(map(str, values)))
    return {
        text: None if is_missing(text) else spelling[level_key(text)]
        for text in map(str, values.unique())
    }


def most_frequent_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Most frequent spelling of each level; of equal ones the first in the alphabet."""
    clean: Counter[str] = Counter()
    for text, count in counts.items():
        clean[clean_text(text)] += count
    best: dict[str, str] = {}
    for text in sorted(clean, key=lambda text: (-clean[text], text)):
        best.setdefault(level_key(text), text)
    return best
