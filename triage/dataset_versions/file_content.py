"""Hashes of the files of cases, read again every time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from triage.data.manifest import Case
from triage.hashing import hash_file, hash_json
from triage.progress import Progress, counting
from triage.regular_file import OutsideRootError, check_below

UNREADABLE = ""
"""Stands for the hash of a file that is missing or cannot be read: its case trains nothing."""


def content_hash(path: Path, root: Path | None = None) -> str:
    """Return the SHA-256 of a file; of a folder that is one volume, of its files with their names.

    `UNREADABLE` where it cannot be read, or lies outside `root`.
    """
    try:
        if root is not None:
            check_below(path, str(root))
        if not path.is_dir():
            return hash_file(path)
        names = sorted(
            os.path.join(folder, name)
            for folder, _, files in os.walk(path)
            for name in files
            if not name.startswith(".")
        )
        return hash_json(
            [[Path(name).relative_to(path).as_posix(), hash_file(Path(name))] for name in names]
        )
    except (OutsideRootError, OSError, ValueError):
        return UNREADABLE


def hash_annotations(cases: Iterable[Case]) -> dict[str, str]:
    """Return the hash of the annotation of every case that has one, by its identifier."""
    return {
        case.case_id: content_hash(case.annotation, case.root)
        for case in cases
        if case.annotation is not None
    }


def hash_images(
    cases: Iterable[Case],
    known: Mapping[Path, str] | None = None,
    progress: Progress = lambda *_: None,
) -> dict[Path, str]:
    """Return the hash of every image of some cases.

    Parameters
    ----------
    cases : iterable of Case
    known : mapping of Path to str, optional
        Hashes of files that were read in this run.
    progress : Progress
    """
    hashes = dict(known or {})
    wanted = {path: case.root for case in cases for path in case.images if path not in hashes}
    tick = counting(progress, "hashing files", len(wanted))
    for path, root in wanted.items():
        hashes[path] = content_hash(path, root)
        tick(1)
    return hashes
