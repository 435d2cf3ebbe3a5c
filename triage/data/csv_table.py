"""CSV files from outside: read strictly, every value a string."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pandas as pd

from triage.errors import SpecError


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file with every value a string and missing values ''.

    Nothing is guessed: a column named twice or a row with a value too many, which a lenient
    reader would rename, shift or drop, is refused.

    Returns
    -------
    DataFrame
        Indexed by row number as a spreadsheet shows it: the header is row 1.

    Raises
    ------
    SpecError
        If the file is missing, empty or not a CSV table; lists every problem.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            records = list(csv.reader(stream, strict=True))
    except FileNotFoundError as error:
        raise SpecError(
            "there is no such manifest", where=str(path), mend="Check the path and --root."
        ) from error
    except (OSError, ValueError, csv.Error) as error:
        raise SpecError("is not a readable CSV table in UTF-8", where=str(path)) from error
    if not records:
        raise SpecError("is empty", where=str(path))
    header = records[0]
    body = {number: record for number, record in enumerate(records[1:], start=2) if record}
    problems = [
        f"column {name!r} is named {count} times"
        for name, count in Counter(header).items()
        if count > 1
    ]
    for number, record in body.items():
        if len(record) != len(header):
            problems.append(f"row {number}: {len(record)} values for {len(header)} columns")
        elif any("\0" in value for value in record):
            problems.append(f"row {number}: a null character")
    if problems:
        raise SpecError("is not a sound CSV table", where=str(path), problems=tuple(problems))
    return pd.DataFrame(list(body.values()), columns=header, index=list(body), dtype=str)
