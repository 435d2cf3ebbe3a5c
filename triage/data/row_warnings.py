"""Warnings on a table of images: what is probably wrong, none of it silently used or mended.

A problem stops; a warning is listed and the work goes on. What is certain is not listed: see
`triage.data.identifiers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from triage.data.case_facts import (
    NO_DATES,
    band_names,
    cells_in_rows,
    in_rows,
    parse_age,
    parse_laterality,
    parse_number,
    parse_visit,
    shown,
    unparsed,
    word_names,
)
from triage.data.identifiers import clean_text, is_missing, is_no_identifier
from triage.data.lookalikes import damage_of, is_placeholder, nearest_name, probably_same
from triage.data.row_identity import identifier_columns
from triage.data.spec import DataSpec, Rows, Subgroup, level_key

_LISTED = 200
_PLACEHOLDER_ROWS = 3
_PATIENT_COLUMNS = ("patient_id", "patient", "subject_id", "person_id")


def missing_words(table: pd.DataFrame, rows: Rows) -> list[str]:
    """List the words that are taken for a missing identifier, of a table as it was read."""
    found = []
    columns = [*identifier_columns(rows), *([rows.split] if rows.split else []), *rows.diagnoses]
    for name in dict.fromkeys(columns):
        test = is_no_identifier if name in identifier_columns(rows) else is_missing
        words = {text for text in table[name].unique() if clean_text(text) and test(text)}
        if words:
            cells = table[name][table[name].isin(words)]
            found.append(f"{cells_in_rows(cells)} means that there is none, and joins nothing")
    return found


def row_warnings(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    """List what is probably wrong with the cells and columns of a table.

    Parameters
    ----------
    table : DataFrame
        As `triage.data.manifest.read_rows` returns it.
    spec : DataSpec

    Returns
    -------
    list of str
        Each with its column and rows.
    """
    rows = spec.rows
    found: list[str] = []
    for name in identifier_columns(rows):
        found += _same_warnings(table[name]) + _damage_warnings(table[name])
    for axis in spec.subgroups:
        if axis.column in table.columns:
            found += _level_warnings(table[axis.column], axis)
    found += fact_warnings(table, rows)
    return found


def _same_warnings(column: pd.Series) -> list[str]:
    first = column[~column.duplicated() & (column != "")]
    row_of = dict(zip(first, first.index, strict=True))
    found = [
        f"{column.name}: {', '.join(map(shown, group))} ({in_rows(row_of[name] for name in group)})"
        f" are probably the same: they differ only in {kind}"
        for group, kind in probably_same(row_of)
    ]
    return _cut(found, f"{column.name}: identifiers that are probably the same")


def _damage_warnings(column: pd.Series) -> list[str]:
    kinds: dict[str, set[str]] = {}
    counts = column[column != ""].value_counts()
    for name in counts.index:
        if (kind := damage_of(name)) is not None:
            kinds.setdefault(kind, set()).add(name)
    found = [
        f"{cells_in_rows(column[column.isin(names)])} is probably damaged: {kind}"
        for kind, names in kinds.items()
    ]
    if len(counts) > 1 and counts.iloc[0] >= _PLACEHOLDER_ROWS and is_placeholder(counts.index[0]):
        found.append(
            f"{cells_in_rows(column[column == counts.index[0]])} is probably a placeholder, and "
            "would join strangers: leave it empty"
        )
    return found


def ignored_conditions(column: pd.Series, spec: DataSpec) -> list[str]:
    """List the labels that a spec ignores although they are almost those of a condition."""
    if spec.rows.unlisted_conditions != "ignore":
        return []
    keys = {level_key(name): name for name in spec.by_name}
    return [
        f"{cells_in_rows(column[column == name])} is ignored, but is almost "
        f"{keys[level_key(name)]!r}"
        for name in column.unique()
        if name not in spec.by_name and level_key(name) in keys
    ]


def _level_warnings(column: pd.Series, axis: Subgroup) -> list[str]:
    if axis.bands is not None:
        no_number = "is no number, and is taken for unknown"
        found = unparsed(column, parse_number, no_number)
        bands = band_names(axis, column)
        outside = [
            bands[text] is None and not is_missing(text) and parse_number(text) is not None
            for text in column
        ]
        if any(outside):
            found.append(
                f"{cells_in_rows(column[outside])} is in no band, and is taken for unknown"
            )
        return found
    names = word_names(axis, column)
    strange = column[[names[text] is None and not is_missing(text) for text in column]]
    if axis.levels is not None:
        because = f"is none of the levels {', '.join(axis.levels)}, and is taken for unknown"
        return [f"{cells_in_rows(strange)} {because}"] if len(strange) else []
    spellings: dict[str, set[str]] = {}
    for text, name in names.items():
        if name is not None:
            spellings.setdefault(name, set()).add(clean_text(text))
    return [
        f"{column.name}: {', '.join(map(shown, sorted(texts)))} are taken for one level, {name!r}: "
        "give `levels` in the spec"
        for name, texts in spellings.items()
        if len(texts) > 1
    ]


def fact_warnings(table: pd.DataFrame, rows: Rows) -> list[str]:
    """List the cells of eyes and ages that do not parse."""
    readers: tuple[tuple[str | None, Callable[[str], object | None], str], ...] = (
        (rows.laterality, parse_laterality, "is none of left, right and both"),
        (rows.age, parse_age, "is no age in years"),
    )
    return [
        problem
        for name, parse, because in readers
        if name
        for problem in unparsed(table[name], parse, f"{because}, and is taken for missing")
    ]


def visit_problems(table: pd.DataFrame, rows: Rows) -> list[str]:
    """List the visits that are no whole days since the first one, such as dates."""
    return unparsed(table[rows.visit], parse_visit, NO_DATES, show=False) if rows.visit else []


def column_warnings(
    columns: Sequence[str], used: Iterable[str], wanted: Iterable[str]
) -> list[str]:
    """List the wanted columns that are not there while one of almost that name is.

    Parameters
    ----------
    columns : sequence of str
        Of the table.
    used : iterable of str
        Those that are read.
    wanted : iterable of str
        Those that would be read if they were there.
    """
    free = [name for name in columns if name not in {*used}]
    found = []
    for name in wanted:
        near = None if name in columns else nearest_name(name, free)
        if near is not None:
            found.append(
                f"column {near!r} is not read, but is almost {name!r}: rename it if it is meant"
            )
    return found


def unnamed_patient_warnings(columns: Sequence[str], rows: Rows) -> list[str]:
    """Warn of a column that probably holds the patient while the spec names none."""
    if rows.patient is not None:
        return []
    used = {rows.image, rows.condition, rows.case, rows.split, *rows.group}
    return [
        f"column {name!r} is not read, but rows.patient names no column: cases of one patient "
        "would be taken for strangers"
        for name in columns
        if name not in used and name.strip().casefold() in _PATIENT_COLUMNS
    ]


def _cut(found: list[str], what: str) -> list[str]:
    rest = len(found) - _LISTED
    return [*found[:_LISTED], *([f"{what}: and {rest} more"] if rest > 0 else [])]
