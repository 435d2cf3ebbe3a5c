"""Files that are taken for CSV tables and are none, told by their first bytes and their header."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from triage.errors import SpecError

SAVE_AS = "Save the table as CSV in UTF-8, with commas between the values."
_NO_CSV = (
    (b"PK\x03\x04", "a workbook or an archive (such as .xlsx, .ods or .zip)"),
    (b"\xd0\xcf\x11\xe0", "a workbook of an old spreadsheet (.xls)"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def check_start(start: bytes, path: Path) -> None:
    """Refuse a file of another kind.

    Parameters
    ----------
    start : bytes
        The first four.
    path : Path
        For the message.

    Raises
    ------
    SpecError
    """
    for magic, what in _NO_CSV:
        if start.startswith(magic):
            raise SpecError(f"is not a CSV table but {what}", where=str(path), hint=SAVE_AS)


def check_header(header: Sequence[str], path: Path) -> None:
    """Refuse a table without a header, or with other separators than commas.

    Raises
    ------
    SpecError
    """
    if not header:
        raise SpecError("is empty", where=str(path))
    if header[0].casefold().startswith("sep="):
        raise SpecError(
            "begins with an instruction to a spreadsheet (`sep=`)",
            where=str(path),
            hint="Delete its first line.",
        )
    others = [name for sign, name in _OTHER_SEPARATORS.items() if sign in header[0]]
    if len(header) == 1 and others:
        raise SpecError(
            f"has {' and '.join(others)} between its columns, not commas",
            where=str(path),
            hint=SAVE_AS,
        )
