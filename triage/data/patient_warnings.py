"""Warnings on rows that are valid alone, but contradict each other or the name of their file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import pandas as pd

from triage.data.case_facts import in_rows, parse_laterality, parse_number, parsed
from triage.data.level_warnings import sex_of
from triage.data.lookalikes import nearest_name
from triage.data.spec import DataSpec, Rows

_MAX_AGE_SPAN = 20.0
"""Years between two visits of one patient that are plausible in one table."""
_ONE_PATIENT_ROWS, _ONE_PATIENT_SHARE = 10, 0.5
_BLANKS = 3
_SIDES = {"od": "right", "right": "right", "os": "left", "left": "left"}
_LISTED = 20


def patient_warnings(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    """List patients that probably are several persons, and rows that lost their patient.

    Parameters
    ----------
    table : DataFrame
        As `triage.data.manifest.read_rows` returns it.
    spec : DataSpec

    Returns
    -------
    list of str
        Naming rows, no patient.
    """
    rows = spec.rows
    if rows.patient is None:
        return []
    patients = table[rows.patient]
    named = table[patients != ""]
    found = _one_for_all(patients) + _not_filled_down(patients)
    axes = {axis.column for axis in spec.subgroups if axis.bands is None}
    for column in sorted(axes & {*table.columns}):
        if nearest_name("sex", [column]) is not None:
            sexes = named[column].map({text: sex_of(text) for text in named[column].unique()})
            found += _contradictions(sexes, named[rows.patient], column)
    ages = {rows.age, *(axis.column for axis in spec.subgroups if axis.bands is not None)}
    for column in sorted(name for name in ages if name and name in table.columns):
        if column == rows.age or nearest_name("age", [column]) is not None:
            found += _age_spans(named[column], named[rows.patient])
    return found


def _contradictions(facts: pd.Series, patients: pd.Series, column: str) -> list[str]:
    distinct = facts.groupby(patients).nunique()
    return [
        f"{column}: {in_rows(patients.index[patients == patient])} are of one patient and disagree"
        for patient in distinct.index[distinct > 1][:_LISTED]
    ]


def _age_spans(column: pd.Series, patients: pd.Series) -> list[str]:
    numbers = column.map(parsed(column, parse_number)).astype(float)
    by_patient = numbers.groupby(patients)
    span = by_patient.max() - by_patient.min()
    return [
        f"{column.name}: {in_rows(patients.index[patients == patient])} are of one patient and lie "
        f"more than {_MAX_AGE_SPAN:g} years apart"
        for patient in span.index[span > _MAX_AGE_SPAN][:_LISTED]
    ]


def _one_for_all(patients: pd.Series) -> list[str]:
    counts = patients[patients != ""].value_counts()
    if counts.empty or counts.iloc[0] < _ONE_PATIENT_ROWS:
        return []
    if counts.iloc[0] <= _ONE_PATIENT_SHARE * len(patients):
        return []
    rows = patients.index[patients == counts.index[0]]
    return [
        f"{patients.name}: {in_rows(rows)} are of one patient, more than half of the table: look "
        "whether it is one"
    ]


def _not_filled_down(patients: pd.Series) -> list[str]:
    """Blanks after each identifier, as left by merged cells of a spreadsheet."""
    blank = patients == ""
    n_named = int((~blank).sum())
    if blank.sum() < _BLANKS or not n_named or blank.iloc[0] or patients[~blank].duplicated().any():
        return []
    followed = int((blank & ~blank.shift(fill_value=False)).sum())  # runs of blanks
    if 2 * followed < n_named or blank.sum() * 2 < n_named:
        return []
    return [
        f"{patients.name}: {in_rows(patients.index[blank])} are empty after rows that name a "
        "patient once, as merged cells leave them: each counts as a patient of its own; fill "
        "the column"
    ]


def side_warnings(table: pd.DataFrame, rows: Rows) -> list[str]:
    """List the rows whose file name states another eye than their laterality.

    Parameters
    ----------
    table : DataFrame
    rows : Rows

    Returns
    -------
    list of str
        At most one sentence, naming rows.
    """
    if rows.laterality is None:
        return []
    stated = table[rows.laterality].map(parsed(table[rows.laterality], parse_laterality))
    wrong = [
        row
        for row, name, side in zip(table.index, table[rows.image], stated, strict=True)
        if side in ("left", "right") and _sides(str(name)) not in (set(), {side})
    ]
    if not wrong:
        return []
    return [f"{rows.laterality}: {in_rows(wrong)} names another eye than the name of the file"]


def _sides(name: str) -> set[str]:
    words = _words(PurePosixPath(name).stem)
    return {_SIDES[word] for word in words if word in _SIDES}


def _words(name: str) -> Iterable[str]:
    return re.findall(r"[^\W\d_]+", name.casefold())
