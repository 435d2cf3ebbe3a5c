"""Warnings on subgroup columns: levels that are probably equal, numbers that are probably codes."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection

import pandas as pd

from triage.data.case_facts import (
    band_names,
    cells_in_rows,
    in_rows,
    parse_number,
    shown,
    unparsed,
    word_names,
)
from triage.data.identifiers import clean_text, is_missing
from triage.data.spec import DataSpec, Subgroup, level_key

_SEXES = {
    "female": (
        "f",
        "female",
        "w",
        "woman",
        "weiblich",
        "frau",
        "fem",
        "femme",
        "mujer",
        "femenino",
    ),
    "male": ("m", "male", "man", "mann", "m\u00e4nnlich", "masc", "homme", "hombre", "masculino"),
}
_SEX_OF = {word: sex for sex, words in _SEXES.items() for word in words}
_ALMOST, _SHARE = 0.88, 0.1
_SENTINEL_ROWS = 3
_OFTEN = 3
_NUMBER = re.compile(r"-?\d+([.,]\d+)?", re.ASCII)


def level_warnings(column: pd.Series, axis: Subgroup) -> list[str]:
    """List what is probably wrong with a subgroup column.

    Parameters
    ----------
    column : Series of str
    axis : Subgroup

    Returns
    -------
    list of str
        Cells that count as unknown, and levels that are probably one.
    """
    if axis.bands is not None:
        return _band_warnings(column, axis)
    names = word_names(axis, column)
    if axis.levels is not None:
        strange = column[[names[text] is None and not is_missing(text) for text in column]]
        if strange.empty:
            return []
        meant = _meant(strange.unique(), axis)
        because = f"is none of the levels {', '.join(axis.levels)}, and counts as unknown"
        return [f"{cells_in_rows(strange)} {because}{meant}"]
    spellings: dict[str, set[str]] = {}
    for text, name in names.items():
        if name is not None:
            spellings.setdefault(name, set()).add(clean_text(text))
    found = [
        f"{column.name}: {', '.join(map(shown, sorted(texts)))} count as one level, {name!r}: "
        "give `levels` in the spec"
        for name, texts in spellings.items()
        if len(texts) > 1
    ]
    return found + _alike_warnings(column, names)


def factor_warnings(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    """List levels that have a factor on costs and that no row has, where the data decide levels.

    Of others the spec states the levels, and refuses a factor of any other.

    Parameters
    ----------
    table : DataFrame
        As `triage.data.manifest.read_rows` returns it.
    spec : DataSpec
    """
    given = spec.costs.multipliers.subgroups if spec.costs.multipliers else {}
    return [
        f"{axis.column}: costs.multipliers names the level {shown(level)}, which no row has"
        for axis in spec.subgroups
        if not axis.stated_levels and axis.column in table
        for level in given.get(axis.column, ())
        if level not in word_names(axis, table[axis.column]).values()
    ]


def _band_warnings(column: pd.Series, axis: Subgroup) -> list[str]:
    found = unparsed(column, parse_number, "is no number, and counts as unknown")
    bands = band_names(axis, column)
    outside = [
        bands[text] is None and not is_missing(text) and parse_number(text) is not None
        for text in column
    ]
    if any(outside):
        found.append(f"{cells_in_rows(column[outside])} is in no band, and counts as unknown")
    return found


def _meant(cells: Collection[str], axis: Subgroup) -> str:
    """The levels most similar to strange cells, for the end of a message."""
    known = {level_key(text): name for name, all_ in (axis.levels or {}).items() for text in all_}
    known |= {level_key(name): name for name in axis.levels or {}}
    near = {}
    for cell in list(cells)[:_OFTEN]:
        key = _plain(cell)
        if sex := _SEX_OF.get(key):
            near[cell] = next((known[word] for word in _SEXES[sex] if word in known), None)
        elif close := difflib.get_close_matches(key, known, n=1, cutoff=_ALMOST):
            near[cell] = known[close[0]]
    listed = [f"{shown(cell)} is almost {name!r}" for cell, name in near.items() if name]
    return f" ({'; '.join(listed)})" if listed else ""


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", level_key(text)).strip()


def _alike_warnings(column: pd.Series, names: dict[str, str | None]) -> list[str]:
    """Levels that differ only in punctuation or spelling, or are synonyms."""
    counts: Counter[str] = Counter()
    for text, count in column.value_counts().items():
        if (name := names[str(text)]) is not None:
            counts[name] += int(count)
    groups: dict[str, list[str]] = {}
    for name in counts:
        key = _plain(name)
        groups.setdefault(f"sex {_SEX_OF[key]}" if key in _SEX_OF else key, []).append(name)
    found = [
        f"{_rows_of(column, group, names)} are probably one level: give `levels` in the spec"
        for group in groups.values()
        if len(group) > 1
    ]
    listed = {name for group in groups.values() if len(group) > 1 for name in group}
    often = [name for name in counts if counts[name] >= _OFTEN]
    for name, count in counts.items():
        near = _nearest_level(name, [one for one in often if count <= _SHARE * counts[one]])
        if name not in listed and near is not None:
            found.append(f"{_rows_of(column, [name], names)} is almost the level {near!r}")
            listed.add(name)
    numbers = [name for name in counts if _NUMBER.fullmatch(name)]
    if numbers and sum(counts[name] for name in numbers) <= _SHARE * counts.total():
        found.append(f"{_rows_of(column, numbers, names)} is a number among words")
    return found


def _nearest_level(name: str, often: Collection[str]) -> str | None:
    """A frequent level with a spelling similar to a rare one; numbers must be equal."""
    key = _plain(name)
    if len(key) <= 2:  # an initial
        begun = [
            one for one in often if _plain(one).startswith(key) and len(_plain(one)) > len(key)
        ]
        return begun[0] if len(begun) == 1 and key.isalpha() else None
    known = {
        _plain(one): one for one in often if re.findall(r"\d+", one) == re.findall(r"\d+", name)
    }
    close = difflib.get_close_matches(key, known, n=1, cutoff=_ALMOST)
    return known[close[0]] if close else None


def sex_of(text: str) -> str | None:
    """Return the sex that a common word or initial names, else the text of the cell."""
    return None if is_missing(text) else _SEX_OF.get(_plain(text), _plain(text))


def _rows_of(column: pd.Series, levels: Collection[str], names: dict[str, str | None]) -> str:
    rows = column.index[column.map(names).isin(list(levels))]
    return f"{column.name}: {', '.join(map(shown, sorted(levels)))} in {in_rows(rows)}"


def age_warnings(column: pd.Series) -> list[str]:
    """List ages that are probably codes for 'missing': many 99 or 0 beside few neighbours.

    Parameters
    ----------
    column : Series of str
        Ages in years.
    """
    numbers = column.map({text: parse_number(text) for text in map(str, column.unique())})
    found = []
    for code, low, high in ((99.0, 90.0, 98.0), (0.0, 0.5, 17.0), (100.0, 90.0, 99.0)):
        rows = numbers == code
        beside = int(((numbers >= low) & (numbers <= high)).sum())
        if int(rows.sum()) >= _SENTINEL_ROWS and beside * 2 < int(rows.sum()):
            found.append(
                f"{cells_in_rows(column[rows])} is probably a code for a missing age: leave it "
                "empty"
            )
    return found
