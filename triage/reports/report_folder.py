"""The folder of a report: its files are written all at once, or none is."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from triage.errors import UsageError

_PARTIAL = ".partial"
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


@contextmanager
def report_folder(out: Path) -> Iterator[Path]:
    """Make the folder of a report, and yield one in it for finished parts of an interrupted run.

    A folder that was not there before and stays empty is removed again.

    Raises
    ------
    UsageError
        Of whatever goes wrong with the folder within the `with` block: it is a file, cannot be
        written to, or the disk is full.
    """
    if out.exists() and not out.is_dir():
        raise UsageError("is a file, not a folder", where=str(out), hint="Name a folder.")
    before = out.exists()
    partial = out / _PARTIAL
    try:
        partial.mkdir(parents=True, exist_ok=True)
        yield partial
    except OSError as error:
        reason = error.strerror or "unknown error"
        full = error.errno in _FULL
        raise UsageError(
            "the disk is full, and nothing was kept half-written"
            if full
            else f"the reports cannot be written ({reason})",
            where=str(out),
            hint="Free some space and run the same command again."
            if full
            else "Choose a folder you may write to.",
        ) from error
    finally:
        _remove_empty(partial)
        if not before:
            _remove_empty(out)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # it has content, or is not there


def write_all(out: Path, files: Mapping[str, bytes]) -> None:
    """Write every file beside its place, then move all of them there.

    A folder among them, such as `tables`, replaces the one of an earlier report.

    Parameters
    ----------
    out : Path
        As in `report_folder`.
    files : mapping of str to bytes
        Name, such as `report.html` or `tables/findings.csv`, to content.

    Raises
    ------
    OSError
        If one cannot be written; none is changed then.
    """
    staging = out / _PARTIAL / "files"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for name, content in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for part in sorted(staging.iterdir()):
            place = out / part.name
            if place.is_dir():
                shutil.rmtree(place)
            part.replace(place)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    shutil.rmtree(out / _PARTIAL, ignore_errors=True)
