"""Detection of files outside the folder of the data, by `..` or by a symbolic link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from triage.data.manifest import Case
from triage.regular_file import is_below

OUTSIDE = "leads out of the folder of the data, by a symbolic link or `..`"


class RootBoundary:
    """Checks whether paths are below a folder; each folder is resolved only once.

    Parameters
    ----------
    root : Path
        Folder that may not be left; links within it are fine.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._inside: dict[Path, bool] = {}

    def holds(self, path: Path) -> bool:
        """Return whether a path, with links resolved, is the folder or below it.

        A path that the system cannot have leads nowhere, so also not out of the folder.
        """
        try:
            return self._holds(path)
        except (OSError, ValueError):
            return True

    def _holds(self, path: Path) -> bool:
        if path.name in {"", ".."} or path.is_symlink():
            return is_below(path, self.root)
        if path.parent not in self._inside:
            self._inside[path.parent] = is_below(path.parent, self.root)
        return self._inside[path.parent] or is_below(path, self.root)  # or it is the root itself

    def is_left_by(self, path: Path) -> bool:
        """Return whether a path, or for a folder anything below it, is outside."""
        if not self.holds(path):
            return True
        return path.is_dir() and not all(map(self.holds, path.rglob("*")))


def files_outside(cases: Iterable[Case]) -> list[str]:
    """List the files of cases that lie outside their case's root, as problems of the data."""
    boundaries: dict[Path, RootBoundary] = {}
    problems = []
    for case in cases:
        if case.root is None:
            continue
        boundary = boundaries.setdefault(case.root, RootBoundary(case.root))
        problems += [
            f"case {case.case_id}: {path.name}: {OUTSIDE}"
            for path in _files(case)
            if boundary.is_left_by(path)
        ]
    return problems


def _files(case: Case) -> Sequence[Path]:
    return (*case.images, *([case.annotation] if case.annotation else ()))
