"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a hidden place beside `path` to write to; it becomes `path` when all went well.

    Whatever goes wrong, `path` stays as it was and nothing half-written is left. The folder
    is made if need be.

    Raises
    ------
    OSError
        If the folder cannot be made or the file not be moved.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
