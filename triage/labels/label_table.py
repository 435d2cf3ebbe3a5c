"""The CSV of labels: its columns, and its rows checked by themselves and with each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path

import pandas as pd

from triage.data.csv_table import read_csv, shown_columns
from triage.data.identifiers import clean_text, is_missing
from triage.data.lookalikes import nearest_name
from triage.errors import SpecError
from triage.errors import nearest_name as nearest_word
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.reader_names import reader_key

CASE, CASE_SOURCE, CONDITION = "case_id", "case_source", "condition"
READER, LABORATORY, DATE, VOTES = "reader", "laboratory", "date", "votes"
COLUMNS = (CASE, CONDITION, CASE_SOURCE, READER, LABORATORY, DATE, VOTES)
VOTE_COLUMN = "votes:"
"""Begins the name of a column with the number of readers who named one condition."""
NOT_STATED = "not stated"
"""Stands for the laboratory or readers that a table does not name."""
ONE_PER_CASE = (LabelSource.HISTOLOGY, LabelSource.ADJUDICATED)
"""Sources of which a case has one label, whoever gave it."""
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_MOST_NAME = 200
_MOST_VOTES = 1000
_VOTE = re.compile(r"(?P<name>.+?)\s*[:=]\s*(?P<count>\d{1,6})", re.ASCII)


@dataclass(frozen=True)
class LabelRow:
    """One row that could be read.

    Parameters
    ----------
    number : int
        As a spreadsheet shows it: the header is row 1.
    case : str
    case_source : str or None
        None where the table does not say it.
    condition, given_by : str
    given_at : datetime or None
        None where the table does not say it.
    votes : dict of int or None
    """

    number: int
    case: str
    case_source: str | None
    condition: str
    given_by: str
    given_at: datetime | None
    votes: dict[str, int] | None


@dataclass(frozen=True)
class RejectedRow:
    """A row that adds no label: its number, the column that is wrong, and what is wrong with it."""

    number: int
    column: str
    reason: str


@dataclass(frozen=True)
class LabelTable:
    """A table of labels.

    Parameters
    ----------
    rows : tuple of LabelRow
    rejected : tuple of RejectedRow
    columns : tuple of str
        Of the file.
    cells : dict of tuple
        Row number to what stands in the row, for the file of rejected rows.
    ignored : tuple of str
        Columns that are none of a table of labels.
    """

    rows: tuple[LabelRow, ...]
    rejected: tuple[RejectedRow, ...]
    columns: tuple[str, ...]
    cells: Mapping[int, tuple[str, ...]] = field(repr=False)
    ignored: tuple[str, ...] = ()


class _Wrong(Exception):
    """Something is wrong with one cell."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read_labels(
    path: Path, source: LabelSource, conditions: Sequence[str], *, now: datetime
) -> LabelTable:
    """Read a table of labels and check it as far as it goes by itself.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 with the columns `case_id` and `condition`, and perhaps `case_source`,
        `reader` or `laboratory`, `date` (ISO 8601), and the votes of several readers: `votes`
        with text such as ``melanoma:3; nevus:1``, or a column ``votes:NAME`` for each condition.
    source : LabelSource
        Of every label in it. A label of a reader needs the column `reader`, or votes.
    conditions : sequence of str
        Those that there are.
    now : datetime
        No label may be from later.

    Raises
    ------
    SpecError
        If the file is no such table: it is missing, no CSV, or lacks a column.
    """
    table = read_csv(path)
    names = [str(name) for name in table.columns]
    counted = {
        name: clean_text(name.removeprefix(VOTE_COLUMN))
        for name in names
        if name.startswith(VOTE_COLUMN)
    }
    _check_columns(path, names, counted, source, conditions)
    reading = _RowReader(names, counted, source, frozenset(conditions), now)
    rows: list[LabelRow] = []
    rejected: list[RejectedRow] = []
    cells: dict[int, tuple[str, ...]] = {}
    for number, values in zip(table.index, table.itertuples(index=False, name=None), strict=True):
        cells[int(number)] = tuple(map(str, values))
        try:
            rows.append(reading.row(int(number), dict(zip(names, cells[int(number)], strict=True))))
        except _Wrong as wrong:
            rejected.append(RejectedRow(int(number), wrong.column, wrong.reason))
    rows, repeated = _without_contradictions(rows, source)
    ignored = tuple(name for name in names if name not in COLUMNS and name not in counted)
    ordered = sorted([*rejected, *repeated], key=lambda one: one.number)
    return LabelTable(tuple(rows), tuple(ordered), tuple(names), cells, ignored)


def _check_columns(
    path: Path,
    names: Sequence[str],
    counted: Mapping[str, str],
    source: LabelSource,
    conditions: Sequence[str],
) -> None:
    problems = []
    if absent := [name for name in (CASE, CONDITION) if name not in names]:
        problems.append(f"columns {absent} are missing; {_columns_of(names)}")
    for name in names:
        near = nearest_name(name, [one for one in COLUMNS if one not in names])
        if name not in COLUMNS and name not in counted and near is not None:
            problems.append(f"column {name!r} is almost {near!r}: rename it, or delete it")
    if VOTES in names and counted:
        problems.append(f"votes are in the column {VOTES!r} and in columns of their own")
    for name, condition in counted.items():
        if condition not in conditions:
            problems.append(f"column {name!r}: {_unknown(condition, conditions)}")
    reader_known = READER in names or VOTES in names or bool(counted)
    if source in (LabelSource.BLIND, LabelSource.AI_VISIBLE) and not reader_known:
        problems.append(f"a label of a reader needs the column {READER!r}, or votes")
    if problems:
        raise SpecError("is no table of labels", where=str(path), problems=tuple(problems))


def _columns_of(names: Sequence[str]) -> str:
    """Return which columns there are, see `triage.data.csv_table.shown_columns`."""
    return shown_columns(pd.DataFrame(columns=list(names)), COLUMNS)


def _unknown(condition: str, conditions: Sequence[str]) -> str:
    near = nearest_word(condition, conditions)
    return f"{condition!r} is no known condition" + (f"; did you mean {near!r}?" if near else "")


class _RowReader:
    """Reads the cells of one row after another."""

    def __init__(
        self,
        names: Sequence[str],
        counted: Mapping[str, str],
        source: LabelSource,
        conditions: frozenset[str],
        now: datetime,
    ) -> None:
        self._names, self._counted, self._source = names, counted, source
        self._conditions, self._now = conditions, now

    def row(self, number: int, cells: Mapping[str, str]) -> LabelRow:
        """Return what a row states; raises `_Wrong`."""
        given = {name: clean_text(cells.get(name, "")) for name in COLUMNS}
        stated = {name: "" if is_missing(text) else text for name, text in given.items()}
        if not stated[CASE]:
            raise _Wrong(CASE, "no case is named")
        if not stated[CONDITION]:
            raise _Wrong(CONDITION, "no condition is named")
        self._known(stated[CONDITION], CONDITION)
        votes = self._votes(stated[VOTES], cells)
        if votes is not None and votes.get(stated[CONDITION], 0) == 0:
            raise _Wrong(VOTES, f"no vote is for the condition {stated[CONDITION]!r}")
        return LabelRow(
            number,
            stated[CASE],
            stated[CASE_SOURCE] or None,
            stated[CONDITION],
            self._given_by(stated, votes),
            self._date(stated[DATE]),
            votes,
        )

    def _known(self, condition: str, column: str) -> None:
        if condition not in self._conditions:
            raise _Wrong(column, _unknown(condition, sorted(self._conditions)))

    def _given_by(self, stated: Mapping[str, str], votes: Mapping[str, int] | None) -> str:
        reader, laboratory = stated[READER], stated[LABORATORY]
        if reader and laboratory:
            raise _Wrong(LABORATORY, "a reader and a laboratory are named; leave one of them empty")
        name = reader or laboratory
        if not name and votes is None and self._source not in ONE_PER_CASE:
            raise _Wrong(READER, "no reader is named")
        if len(name) > _MOST_NAME or not name.isprintable():
            raise _Wrong(
                READER if reader else LABORATORY,
                f"the name has more than {_MOST_NAME} characters, or one that does not print",
            )
        if name and not reader_key(name):
            raise _Wrong(READER if reader else LABORATORY, "the name has no letter")
        return name or NOT_STATED

    def _date(self, text: str) -> datetime | None:
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise _Wrong(DATE, "is no date such as 2026-03-31") from None
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        if found.time() == time() and found.date() == self._now.date():
            return self._now  # today, in whatever time zone
        if not _EARLIEST <= found <= self._now:
            raise _Wrong(DATE, "is before 1900 or later than now")
        return found.astimezone(UTC)

    def _votes(self, text: str, cells: Mapping[str, str]) -> dict[str, int] | None:
        found: dict[str, int] = {}
        for column, condition in self._counted.items():
            cell = clean_text(cells[column])
            if cell and not is_missing(cell):
                found[condition] = self._count(cell, column)
        for part in filter(None, map(str.strip, text.split(";"))):
            match = _VOTE.fullmatch(part)
            if match is None:
                raise _Wrong(VOTES, "is no list such as melanoma:3; nevus:1")
            name = clean_text(match["name"])
            self._known(name, VOTES)
            if name in found:
                raise _Wrong(VOTES, f"{name!r} is there twice")
            found[name] = self._count(match["count"], VOTES)
        found = {name: count for name, count in sorted(found.items()) if count}
        if sum(found.values()) > _MOST_VOTES:
            raise _Wrong(VOTES, f"more than {_MOST_VOTES} readers")
        return found or None

    def _count(self, text: str, column: str) -> int:
        if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
            raise _Wrong(column, "is no whole number of readers")
        return int(text)


def _without_contradictions(
    rows: Sequence[LabelRow], source: LabelSource
) -> tuple[list[LabelRow], list[RejectedRow]]:
    """Take out rows that repeat or contradict another of the file.

    Of what contradicts itself nothing is kept: nothing says which row is right.
    """
    groups: dict[tuple[str, ...], list[LabelRow]] = {}
    for row in rows:
        place: tuple[str, ...] = (row.case_source or "", row.case)
        if source not in ONE_PER_CASE:
            place += (reader_key(row.given_by),)
        groups.setdefault(place, []).append(row)
    kept, rejected = [], []
    for found in groups.values():
        if len({row.condition for row in found}) > 1:
            numbers = ", ".join(str(row.number) for row in found)
            rejected += [
                RejectedRow(row.number, CONDITION, f"rows {numbers} contradict each other")
                for row in found
            ]
            continue
        kept.append(found[0])
        rejected += [
            RejectedRow(row.number, CASE, f"states the same as row {found[0].number}")
            for row in found[1:]
        ]
    return sorted(kept, key=lambda row: row.number), rejected
