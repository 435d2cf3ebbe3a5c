"""Output folders of phantoms: marked with their arguments, files written atomically."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from triage.csv_file import csv_text
from triage.errors import UsageError
from triage.hashing import hash_json
from triage.named_file import MAX_JSON_BYTES, read_named_text

MANIFEST = "manifest.csv"
TRUTH = "truth.csv"
_RECORD = "phantoms.json"
_PARTIAL = ".part"


def claim_folder(folder: Path, arguments: Mapping[str, Any]) -> None:
    """Mark a folder as made with these arguments, or refuse a folder made with others.

    ``phantoms.json`` records the arguments and their hash.

    Parameters
    ----------
    folder : Path
        New, empty, or claimed before with the same arguments.
    arguments : mapping
        Plain JSON types.

    Raises
    ------
    UsageError
        If the folder holds anything else or cannot be made.
    """
    record = {"arguments": dict(arguments), "hash": hash_json(dict(arguments))}
    path = folder / _RECORD
    if path.exists():
        try:
            known = json.loads(read_named_text(path, "record", UsageError, MAX_JSON_BYTES))
        except (UsageError, ValueError, RecursionError):
            known = None
        if known != record:
            raise UsageError(
                "the folder holds phantoms made with other arguments.",
                where=str(folder),
                hint="Choose another folder, or delete this one first.",
            )
        return
    if folder.exists() and not (folder.is_dir() and all(map(_is_partial, folder.iterdir()))):
        raise UsageError(
            "the place is taken by something that is not a set of phantoms.",
            where=str(folder),
            hint="Choose a new or empty folder.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made ({error.strerror}).",
            where=str(folder),
            hint="Choose a place that can be written to.",
        ) from error
    replace_file(path, (json.dumps(record, indent=2) + "\n").encode())


def csv_bytes(columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return a CSV table of these columns; other keys of the rows are left out."""
    names = list(columns)
    return csv_text(names, ([row.get(name) for name in names] for row in rows)).encode()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    partial = path.with_name(path.name + _PARTIAL)
    partial.write_bytes(content)
    os.replace(partial, path)


def _is_partial(path: Path) -> bool:
    return path.suffix == _PARTIAL
