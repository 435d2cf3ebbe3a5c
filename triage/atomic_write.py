"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a hidden place beside `path` to write to; it becomes `path` when all went well.

    Whatever goes wrong, `path` stays as it was and nothing half-written is left. What a killed
    process left is deleted when the same file is written again, in a folder of many files now and
    then. The folder is made if need be.

    Raises
    ------
    OSError
        If the folder cannot be made or the file not be moved.
    """
    path = Path(path)  # a str too, from notebooks
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    _delete_left_over(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


_ENTRIES_A_WRITE = 64
_writes_left: dict[Path, int] = {}
"""Folder to the writes until it is looked through again, so that a folder of many files costs no
more than some entries a write."""


def _delete_left_over(path: Path) -> None:
    """Delete what processes that are gone left of writing a file."""
    if (left := _writes_left.get(path.parent, 0)) > 0:
        _writes_left[path.parent] = left - 1
        return
    name = re.compile(rf"\.{re.escape(path.name)}\.(\d+)\.partial")
    entries = os.listdir(path.parent)
    _writes_left[path.parent] = len(entries) // _ENTRIES_A_WRITE
    for entry in entries:
        found = name.fullmatch(entry)
        if found and not _is_running(int(found[1])):
            path.with_name(entry).unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """Whether a process is running here; where that cannot be known, it is taken to run."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no number of a process
        return True
    return True
