"""Warnings on a table of images: cells and columns that are probably wrong.

A problem stops the work; a warning is listed and the work continues. Nothing is repaired silently.
Certain equivalences are not listed: see `triage.data.identifiers`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from triage.data.case_facts import (
    NO_DATES,
    cells_in_rows,
    in_rows,
    parse_age,
    parse_laterality,
    parse_number,
    parse_visit,
    shown,
    unparsed,
)
from triage.data.identifier_damage import (
    damaged_identifiers,
    of_another_form,
    placeholders,
    without_zeros,
)
from triage.data.identifiers import clean_text, is_missing, is_no_identifier
from triage.data.level_warnings import age_warnings, level_warnings
from triage.data.lookalikes import (
    is_second_column,
    names_patients,
    nearest_name,
    probably_same,
    without_eye,
)
from triage.data.patient_warnings import patient_warnings, side_warnings
from triage.data.row_identity import identifier_columns
from triage.data.spec import DataSpec, Rows, level_key

_LISTED = 200
_ALMOST_LABEL = 0.88
_PLACEHOLDER_ROWS = 3


def missing_words(table: pd.DataFrame, rows: Rows) -> list[str]:
    """List the words that count as a missing identifier, in a table as it was read."""
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
    """List the probable errors in the cells and columns of a table.

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
        found += _identifier_warnings(table[name], patients=name == rows.patient)
    for axis in spec.subgroups:
        if axis.column in table.columns:
            found += level_warnings(table[axis.column], axis)
    found += fact_warnings(table, rows)
    ages = [axis.column for axis in spec.subgroups if nearest_name("age", [axis.column])]
    for name in dict.fromkeys([*([rows.age] if rows.age else []), *ages]):
        if name in table.columns:
            found += age_warnings(table[name])
    return found + patient_warnings(table, spec) + side_warnings(table, rows)


def _identifier_warnings(column: pd.Series, *, patients: bool) -> list[str]:
    """List the identifiers that are probably equal, damaged or placeholders."""
    named = column[column != ""]
    first = named[~named.duplicated()]
    row_of = dict(zip(first, first.index, strict=True))
    title = column.name
    same, known = [], set[str]()
    for group, kind in probably_same(row_of):
        same.append(
            f"{_with_rows(column, group, row_of)} are probably the same: they differ only in {kind}"
        )
        known.update(group)
    if patients:
        for group in without_eye(row_of):
            same.append(
                f"{_with_rows(column, group, row_of)} are probably one patient: they differ only "
                "in the eye"
            )
            known.update(group)
    for short, padded in without_zeros(name for name in row_of if name not in known):
        same.append(f"{_cells(named, short)} probably lost leading zeros: {shown(padded)} has them")
        known.update(short)
    found = _cut(same, f"{title}: identifiers that are probably the same")
    kinds: dict[str, set[str]] = {}
    for name, kind in damaged_identifiers(row_of, str(title)).items():
        kinds.setdefault(kind, set()).add(name)
        known.add(name)
    found += [
        f"{_cells(named, names)} is probably damaged: {kind}; write the identifier as it was given"
        for kind, names in kinds.items()
    ]
    counts = dict(named.value_counts())
    for name in placeholders(counts, _PLACEHOLDER_ROWS) if len(counts) > 1 else []:
        found.append(
            f"{_cells(named, [name])} is probably a placeholder, and would join strangers: leave "
            "it empty"
        )
        known.add(name)
    if others := of_another_form(row_of, known):
        found.append(
            f"{_cells(named, others)} has another form than nearly all other identifiers of the "
            "column: look whether it is one"
        )
    return found


def _cells(column: pd.Series, names: Iterable[str]) -> str:
    return cells_in_rows(column[column.isin({*names})])


def _with_rows(column: pd.Series, names: Sequence[str], row_of: Mapping[str, object]) -> str:
    listed = ", ".join(map(shown, names))
    return f"{column.name}: {listed} ({in_rows(row_of[name] for name in names)})"


def ignored_conditions(column: pd.Series, spec: DataSpec) -> list[str]:
    """List the labels that a spec ignores although they are missing or almost a condition's."""
    if spec.rows.unlisted_conditions != "ignore":
        return []
    found = []
    missing = []
    for name in column.unique():
        if name in spec.by_name:
            continue
        if is_missing(name):
            missing.append(name)
        elif (near := nearest_label(name, spec.by_name)) is not None:
            found.append(f"{_cells(column, [name])} is ignored, but is almost {near!r}")
    if missing:
        rows = column.index[column.isin(missing)]
        found.insert(0, f"{column.name}: {in_rows(rows)} without a label are left out")
    return found


def nearest_label(name: str, known: Iterable[str]) -> str | None:
    """Return the known label that differs in case, blanks, punctuation or one letter only."""
    keys = {re.sub(r"[\W_]+", "", level_key(other)): other for other in known}
    key = re.sub(r"[\W_]+", "", level_key(name))
    if key in keys:
        return keys[key]
    close = difflib.get_close_matches(key, keys, n=1, cutoff=_ALMOST_LABEL)
    return keys[close[0]] if close else None


def left_out_rows(table: pd.DataFrame, rows: Rows) -> list[str]:
    """List the cells that `rows.where` leaves out although they are almost a value it keeps.

    Parameters
    ----------
    table : DataFrame
        As it was read, before rows were left out.
    rows : Rows
    """
    found = []
    for column, values in rows.where.items():
        kept = {clean_text(value) for value in values}
        keys = {_where_key(value): value for value in kept}
        almost = [
            text
            for text in table[column].unique()
            if clean_text(text) not in kept and _where_key(text) in keys
        ]
        if almost:
            found.append(
                f"{_cells(table[column], almost)} is left out, but is almost "
                f"{keys[_where_key(almost[0])]!r}"
            )
    return found


def _where_key(text: str) -> str:
    number = parse_number(text)
    return str(number) if number is not None else re.sub(r"[\W_]+", "", level_key(text))


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
        for problem in unparsed(table[name], parse, f"{because}, and counts as missing")
    ]


def visit_problems(table: pd.DataFrame, rows: Rows) -> list[str]:
    """List the visits that are no whole days since the first one, such as dates."""
    return unparsed(table[rows.visit], parse_visit, NO_DATES, show=False) if rows.visit else []


def column_warnings(
    columns: Sequence[str], used: Iterable[str], wanted: Iterable[str]
) -> list[str]:
    """List the unread columns whose names are similar to a requested one.

    Parameters
    ----------
    columns : sequence of str
        Of the table.
    used : iterable of str
        Those that are read.
    wanted : iterable of str
        Those that would be read if they were there.
    """
    used, wanted = list(used), list(wanted)
    free = [name for name in columns if name not in {*used, *wanted}]
    found = []
    for name in wanted:
        near = None if name in columns else nearest_name(name, free)
        if near is not None:
            found.append(
                f"column {near!r} is not read, but is almost {name!r}: rename it if it is meant"
            )
    there = [name for name in dict.fromkeys([*used, *wanted]) if name in columns]
    doubles = {other: name for name in there for other in free if is_second_column(other, name)}
    return found + [
        f"column {other!r} is not read, but is probably a second column {name!r}: look which is "
        "meant"
        for other, name in doubles.items()
    ]


def unnamed_patient_warnings(columns: Sequence[str], rows: Rows) -> list[str]:
    """Warn of a column that probably holds the patient if the spec names none."""
    if rows.patient is not None:
        return []
    used = {rows.image, rows.condition, rows.case, rows.split, rows.licence, rows.consent}
    used |= {*rows.group}
    return [
        f"column {name!r} is not read, but rows.patient names no column: cases of one patient "
        "would count as different patients"
        for name in columns
        if name not in used and names_patients(name)
    ]


def _cut(found: list[str], what: str) -> list[str]:
    rest = len(found) - _LISTED
    return [*found[:_LISTED], *([f"{what}: and {rest} more"] if rest > 0 else [])]
