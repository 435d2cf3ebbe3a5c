r"""CSV tables as this software writes them: no cell that a spreadsheet runs, one line a row.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, which can
send data away or start programs. Such text gets a single quote before it (OWASP ASVS 5.0, 1.2.10);
a tab, carriage return or null character, which that rule names too, never begins a cell, since
control characters are written as escapes. Numbers stay numbers, negative ones too.

`plain_text` takes back what `cell_text` did, so that tables of ours read as what they stand for:
all but the escapes of `triage.printable`. A line break within a cell would break the row for every
tool that reads lines; a name that holds one is exact in the Parquet file and the case database.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from numbers import Number
from pathlib import Path
from typing import TextIO

from triage.atomic_write import whole_file
from triage.printable import printable

_MARKS = "=+-@\uff1d\uff0b\uff0d\uff20"  # and their full-width forms
MARKED = rf"^'+[{re.escape(_MARKS)}]"
"""Regular expression of text that `plain_text` takes a quote from."""
_FORMULA_OR_MARKED = re.compile(rf"'*[{re.escape(_MARKS)}]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def cell_text(value: object) -> str:
    """Return the text of a cell.

    Parameters
    ----------
    value : object
        None and NaN are empty; numbers, and text that is one, are written as they are.

    Returns
    -------
    str
        Printable, one line. Text that a spreadsheet would run, and text that looks as if it had
        been marked before, has one single quote before it.
    """
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, Number):
        return "" if text == "nan" else text
    if _NUMBER.fullmatch(text):
        return text
    text = printable(text)
    return f"'{text}" if _FORMULA_OR_MARKED.match(text) else text


def plain_text(text: str) -> str:
    """Return what a cell stood for before `cell_text` marked it; other text stays."""
    return text[1:] if re.match(MARKED, text) else text


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return a CSV table, lines ended by ``\n``.

    Parameters
    ----------
    columns : sequence of str
    rows : iterable of sequences
        Values in the order of the columns; see `cell_text`.
    """
    text = io.StringIO(newline="")
    _write(text, columns, rows)
    return text.getvalue()


def _write(stream: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([cell_text(name) for name in columns])
    writer.writerows([cell_text(value) for value in row] for row in rows)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV table in UTF-8, whole or not at all; see `csv_text`. Rows are not kept.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        _write(stream, columns, rows)
