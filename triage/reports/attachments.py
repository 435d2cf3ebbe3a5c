"""Files that a quality officer attaches to a report: incidents, risks, approvals, SBOM.

Tables are CSV, a bill of materials is CycloneDX or SPDX 2 as JSON. They are read as plain text:
nothing in them is run, and every rendering writes their cells as text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from triage.csv_file import plain_text
from triage.errors import UsageError, nearest_name
from triage.hashing import hash_bytes
from triage.named_file import MAX_JSON_BYTES, read_named
from triage.printable import printable
from triage.reports.audit_report import Attachment
from triage.reports.bill_of_materials import bill_of_materials

MAX_CSV_BYTES = 4 << 20
MAX_ROWS = 5_000
MAX_CELL = 2_000
"""Characters of a cell."""

Kind = Literal["incidents", "risk", "approvals"]


@dataclass(frozen=True)
class TableKind:
    """The columns of one kind of table; the first of the required ones names a row."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that such a table may have."""
        return self.required + self.optional


TABLE_KINDS: dict[Kind, TableKind] = {
    "incidents": TableKind(
        required=("id", "date", "description", "severity", "status"),
        optional=("kind", "cause", "action", "capa", "closed", "version"),
        words=("incident", "incidents", "complaints"),
    ),
    "risk": TableKind(
        required=("id", "hazard", "harm", "severity", "probability", "control", "residual_risk"),
        optional=("situation", "initial_risk", "verification", "acceptable", "benefit"),
        words=("risk", "risks"),
    ),
    "approvals": TableKind(
        required=("name", "role", "meaning", "date"),
        optional=("comment",),
        words=("approval", "approvals"),
    ),
}
_DATES = ("date", "closed")


def read_attachments(paths: Sequence[Path]) -> list[Attachment]:
    """Read and check attached files, in their given order.

    The kind of a table follows from a word of its file name, such as `incidents` or `risk`, else
    from its columns; a JSON file is a bill of materials.

    Raises
    ------
    UsageError
        If a file is missing, too large, no UTF-8, of no kind, lacks a required column, has one that
        is not known, or holds a date that is none. No message quotes a cell.
    """
    return [_read(Path(path)) for path in paths]


def _read(path: Path) -> Attachment:
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".json"):
        raise UsageError(
            "is neither a CSV file nor a JSON file",
            where=str(path),
            hint=f"Attach tables as CSV ({', '.join(TABLE_KINDS)}) and an SBOM as JSON.",
        )
    if suffix == ".json":
        data = read_named(path, "attachment", UsageError, MAX_JSON_BYTES)
        columns, rows = bill_of_materials(data, str(path))
        return _attachment(path, "sbom", data, columns, rows)
    data = read_named(path, "attachment", UsageError, MAX_CSV_BYTES)
    header, lines = _lines(path, data)
    kind = _kind(path, header)
    _check_columns(path, kind, header)
    rows = [_row(path, number, header, line) for number, line in enumerate(lines, 2) if any(line)]
    return _attachment(path, kind, data, header, rows)


def _attachment(
    path: Path,
    kind: Literal["incidents", "risk", "sbom", "approvals"],
    data: bytes,
    columns: list[str],
    rows: list[dict[str, str]],
) -> Attachment:
    return Attachment(
        name=printable(path.name), kind=kind, sha256=hash_bytes(data), columns=columns, rows=rows
    )


def _lines(path: Path, data: bytes) -> tuple[list[str], list[list[str]]]:
    """Split a table into its column names, small and with underscores, and its rows."""
    try:
        text = data.decode("utf-8-sig")
        first = text.split("\n", 1)[0]
        mark = ";" if first.count(";") > first.count(",") else ","
        lines = [
            [_cell(cell) for cell in line]
            for line in csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        ]
    except UnicodeError as error:
        raise UsageError(
            "is not a text file in UTF-8", where=str(path), hint="Save it as CSV in UTF-8."
        ) from error
    except csv.Error as error:
        raise UsageError(
            "is not a CSV table", where=str(path), hint="Check its quotation marks."
        ) from error
    if not lines or not any(lines[0]):
        raise UsageError("has no line of column names", where=str(path))
    if len(lines) - 1 > MAX_ROWS:
        raise UsageError(
            f"has {len(lines) - 1} rows, and at most {MAX_ROWS} are read",
            where=str(path),
            hint="Attach those of the period of the audit.",
        )
    return [re.sub(r"[\s-]+", "_", name.lower()) for name in lines[0]], lines[1:]


def _cell(text: str) -> str:
    """Return the text of a cell as one printable line, without our mark against formulas."""
    return plain_text(printable(" ".join(text.split())))


def _kind(path: Path, header: list[str]) -> Kind:
    words = re.split(r"[^a-z]+", path.stem.lower())
    named = [kind for kind, table in TABLE_KINDS.items() if {*table.words} & {*words}]
    fitting = [kind for kind, table in TABLE_KINDS.items() if {*table.required} <= {*header}]
    for found in (named, fitting):
        if len(found) == 1:
            return found[0]
    expected = "; ".join(
        f"{kind}: {', '.join(table.required)}" for kind, table in TABLE_KINDS.items()
    )
    raise UsageError(
        "is of no kind that can be attached: neither its name nor its columns tell which",
        where=str(path),
        hint=f"Expected columns are: {expected}.",
    )


def _check_columns(path: Path, kind: Kind, header: list[str]) -> None:
    table = TABLE_KINDS[kind]
    expected = (
        f"A table of {kind} has the columns {', '.join(table.required)}, and may have "
        f"{', '.join(table.optional)}."
    )
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise UsageError(f"has columns twice: {', '.join(twice)}", where=str(path), hint=expected)
    missing = [name for name in table.required if name not in header]
    unknown = [_unknown(name, missing) for name in header if name not in table.columns]
    if unknown:
        raise UsageError(
            f"has columns that are not known: {', '.join(unknown)}", where=str(path), hint=expected
        )
    if missing:
        raise UsageError(f"lacks the columns {', '.join(missing)}", where=str(path), hint=expected)


def _unknown(name: str, missing: list[str]) -> str:
    near = nearest_name(name, missing)
    shown = name[:60] or "(without a name)"
    return f"{shown} (did you mean {near}?)" if near else shown


def _row(path: Path, number: int, header: list[str], line: list[str]) -> dict[str, str]:
    if len(line) != len(header):
        raise UsageError(
            f"row {number} has {len(line)} cells for {len(header)} columns",
            where=str(path),
            hint="Quote cells that hold the separator.",
        )
    row = dict(zip(header, line, strict=True))
    for name, text in row.items():
        if len(text) > MAX_CELL:
            raise UsageError(
                f"row {number}: {name} has more than {MAX_CELL} characters", where=str(path)
            )
        if name in _DATES and text and not _is_date(text):
            raise UsageError(
                f"row {number}: {name} is no date",
                where=str(path),
                hint="Write dates as year-month-day, such as 2026-03-31.",
            )
    if not line[header.index(_name_column(header))]:
        raise UsageError(f"row {number} has no {_name_column(header)}", where=str(path))
    return row


def _name_column(header: list[str]) -> str:
    return "id" if "id" in header else "name"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
