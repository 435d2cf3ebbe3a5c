"""Strict and bounded reader of untrusted CSV files; every value is a string."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from triage.csv_file import MARKED
from triage.data.csv_start import SAVE_AS, check_header, check_start
from triage.errors import SpecError
from triage.named_file import open_named

MAX_BYTES = 256 << 20
MAX_COLUMNS = 1_000
"""pandas keeps every column of text by itself, and each step over a table visits them all:
200,000 columns took minutes."""
MAX_ROWS = 2_000_000
MAX_VALUES = 10_000_000
MAX_CHARACTERS = 32_767
"""Of one value; no cell of a spreadsheet holds more."""
MAX_ROW_CHARACTERS = 4 << 20
# A value as a Python string takes some ten times its size in the file: only so many at a time.
_PIECE_VALUES, _PIECE_ROWS = 100_000, 2_000
_LISTED = 1_000
_SHOWN = 20
_UNCLOSED = "Look for a quotation mark that is never closed."


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file with every value a string and missing values ''.

    Nothing is guessed: a column named twice or a row with a value too many, which a lenient
    reader would rename, shift or drop, is refused. The quote that keeps a spreadsheet from
    running a value, see `triage.csv_file`, is taken off.

    Returns
    -------
    DataFrame
        Indexed by row number as a spreadsheet shows it: the header is row 1.

    Raises
    ------
    SpecError
        If the file is missing, empty, not a regular file, beyond a limit of this module, or not
        a CSV table; lists the problems, at most a thousand.
    """
    with open_named(path, "manifest", SpecError, MAX_BYTES) as stream:
        try:
            start = stream.read(4)
            stream.seek(0)
            check_start(start, path)
            reading = _Reading(path, stream)
            try:
                return reading.table()
            finally:
                reading.release()
        except UnicodeDecodeError as error:
            raise SpecError(
                "is not a readable CSV table in UTF-8", where=str(path), hint=SAVE_AS
            ) from error
        except csv.Error as error:
            raise SpecError(
                f"is not a readable CSV table ({error})",
                where=str(path),
                hint=_UNCLOSED,
            ) from error


def shown_columns(table: pd.DataFrame, wanted: Iterable[str]) -> str:
    """Return which columns a table has, for the message that some of those wanted are missing.

    A table without a header row has its first case there: where none of the columns wanted is
    among the names, they are not quoted.
    """
    if not {*wanted} & {*table.columns}:
        return f"none of the {len(table.columns)} cells of the first row is the name of one"
    names = ", ".join(repr(name) for name in table.columns[:_SHOWN])
    more = len(table.columns) - _SHOWN
    return f"there are [{names}]" + (f" and {more} more" if more > 0 else "")


class _Reading:
    """One pass over a file: rows are checked as they are read and kept in pieces."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        self.header: list[str] = []
        self.problems: list[str] = []
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        # Of the row that is being read:
        self._characters = 0
        self._null = False

    def release(self) -> None:
        """Leave the stream to its owner, who closes it: the text over it would close it unasked."""
        self._text.detach()

    def table(self) -> pd.DataFrame:
        records = csv.reader(self._lines(), strict=True)
        self._take_header(next(records, []))
        pieces = [pd.DataFrame(columns=self.header, index=pd.Index([], dtype="int64"), dtype=str)]
        rows: dict[int, list[str]] = {}
        enough = max(_PIECE_ROWS, _PIECE_VALUES // len(self.header))
        n_values = 0
        for number, record in enumerate(records, start=2):
            if any(map(str.strip, record)):  # a row of empty cells is none
                self._check(number, record)
                rows[number] = record
                n_values += len(record)
            self._characters, self._null = 0, False
            if number - 1 > MAX_ROWS:
                raise self._beyond("rows", MAX_ROWS, "Split it into several.")
            if n_values > MAX_VALUES:
                raise self._beyond("values", MAX_VALUES, "Leave out columns that no spec names.")
            if len(self.problems) >= _LISTED:
                self.problems.append("the rows after these were not looked at")
                break
            if len(rows) >= enough:
                pieces.append(self._piece(rows))
                rows = {}
        if self.problems:
            raise SpecError(
                "is not a valid CSV table", where=str(self.path), problems=tuple(self.problems)
            )
        if rows:
            pieces.append(self._piece(rows))
        return self._without_marks(pd.concat(pieces) if len(pieces) > 1 else pieces[0])

    def _lines(self) -> Iterator[str]:
        """Lines of the file, none longer than a row may be: a reader keeps a whole row."""
        while line := self._text.readline(MAX_ROW_CHARACTERS + 1):
            self._characters += len(line)
            if self._characters > MAX_ROW_CHARACTERS:
                raise self._beyond("characters in a row", MAX_ROW_CHARACTERS, _UNCLOSED)
            self._null = self._null or "\0" in line
            yield line

    def _take_header(self, header: list[str]) -> None:
        if len(header) > MAX_COLUMNS:
            raise self._beyond("columns", MAX_COLUMNS, "Leave out those that no spec names.")
        check_header(header, self.path)
        self._characters, self._null = 0, False
        self.header = header
        counts = Counter(header)
        if (unnamed := counts.pop("", 0)) > 1:
            self.problems.append(
                f"{unnamed} columns have no name: delete them, and any line above the header"
            )
        self.problems += [
            f"column {name!r} is named {count} times" for name, count in counts.items() if count > 1
        ]

    def _check(self, number: int, record: list[str]) -> None:
        if len(record) != len(self.header):
            self.problems.append(
                f"row {number}: {len(record)} values for {len(self.header)} columns"
            )
        elif self._null:
            self.problems.append(f"row {number}: a null character")
        elif record == self.header:
            self.problems.append(f"row {number}: the header again; delete it")
        elif self._characters > MAX_CHARACTERS and max(map(len, record)) > MAX_CHARACTERS:
            self.problems.append(f"row {number}: a value of more than {MAX_CHARACTERS} characters")

    def _beyond(self, what: str, most: int, hint: str) -> SpecError:
        return SpecError(
            f"is not read: it has more than {most} {what}", where=str(self.path), hint=hint
        )

    def _piece(self, rows: dict[int, list[str]]) -> pd.DataFrame:
        return pd.DataFrame(list(rows.values()), columns=self.header, index=list(rows), dtype=str)

    def _without_marks(self, table: pd.DataFrame) -> pd.DataFrame:
        """Take the quote off marked values; refuse a column that holds both forms of one."""
        problems = []
        for name in self.header:
            column = table[name]
            if not (marked := column.str.match(MARKED)).any():
                continue
            plain = column[marked].str.slice(1)
            both = plain[plain.isin(column[~marked])]
            problems += [
                f"row {row}: {name}: the value is there without its first quotation mark too, "
                "and both mean the same"
                for row in both.index[:_LISTED]
            ]
            table[name] = column.where(~marked, column.str.slice(1))
        if problems:
            raise SpecError(
                "is not a valid CSV table", where=str(self.path), problems=tuple(problems)
            )
        return table
