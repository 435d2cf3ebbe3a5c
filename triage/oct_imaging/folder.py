"""Listing of a folder's regular files within limits; links out of the folder are refused."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.limits import VolumeLimits
from triage.regular_file import is_below

_MAX_OTHERS = 64  # files of a folder that are neither B-scan nor sidecar
_ENTRIES_PER_FILE = 4  # hidden files and folders are listed too, and skipped


def folder_files(folder: Path, limits: VolumeLimits) -> dict[str, Path]:
    """List a folder's regular files, sorted by name, within the limits.

    Hidden files, folders, pipes and devices are skipped.

    Raises
    ------
    ImageRejected
        `TOO_MANY_FRAMES` for more files than a volume can have, `TOO_LARGE` where they take more
        than `limits.max_bytes`, `OUTSIDE_ROOT` for a link that leads out of the folder.
    """
    most = limits.max_bscans + _MAX_OTHERS
    files: dict[str, Path] = {}
    size = 0
    with os.scandir(folder) as entries:
        for seen, entry in enumerate(entries):
            if len(files) > most or seen > _ENTRIES_PER_FILE * most:
                break
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                check_within(Path(entry.path), folder)
            if entry.is_file():
                files[entry.name] = Path(entry.path)
                size += entry.stat().st_size
        else:
            if len(files) <= most:
                limits.check_bytes(size)
                return dict(sorted(files.items()))
    raise ImageRejected(
        RejectReason.TOO_MANY_FRAMES,
        f"The folder has more files than the {limits.max_bscans} B-scans that are read.",
        hint="Give the folder of one volume, or raise the limit max_bscans.",
    )


def check_within(path: Path, folder: Path) -> None:
    """Refuse a file of a folder that is a link out of it.

    Raises
    ------
    ImageRejected
        With `RejectReason.OUTSIDE_ROOT`.
    """
    if not is_below(path, folder):
        raise ImageRejected(
            RejectReason.OUTSIDE_ROOT,
            "A link in the folder leads out of it.",
            hint="Copy the file that it leads to into the folder.",
        )


def first_names(folder: Path, most: int) -> list[str]:
    """Names of a folder's first `most` entries of any kind."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in islice(entries, most)]
