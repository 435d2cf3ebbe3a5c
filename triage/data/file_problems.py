"""Problems with the files that a table of images names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

import pandas as pd

from triage.array_file import load_arrays
from triage.data.identifiers import has_drive, stays_below
from triage.data.manifest import image_folder
from triage.data.outside_root import OUTSIDE, RootBoundary
from triage.data.spec import DataSpec
from triage.decoding.read_picture import read_picture
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected
from triage.modalities import MODALITIES
from triage.oct_imaging.volume import Flag

MISSING_FILE = "missing file"
_UNUSABLE = (Flag.SINGLE_BSCAN, Flag.SPACING_MISSING)
"""A volume that can be looked at but not be read by a system."""


def file_problems(
    table: pd.DataFrame,
    spec: DataSpec,
    root: Path,
    decode: bool,
    progress: Callable[[int, int], None] | None,
) -> list[str]:
    """List the images and tissue maps that are missing, outside the root or unreadable.

    Parameters
    ----------
    table : DataFrame
        As `triage.data.manifest.read_rows` returns it.
    spec : DataSpec
    root : Path
    decode : bool
        Read every file as well.
    progress : callable or None
        Called with (done, total).
    """
    problems = []
    rows, folder = spec.rows, image_folder(spec.rows, root)
    boundary = RootBoundary(root)
    volumes = MODALITIES[spec.modality].volumes
    neighbours = _Neighbours(boundary)
    named = table[table[rows.image] != ""]
    for done, row in enumerate(named.index, start=1):
        name = str(named.at[row, rows.image])
        annotation = str(named.at[row, rows.annotation]) if rows.annotation else ""
        found = _file_problem(folder / name, boundary, decode=decode, volume=volumes)
        if found and has_drive(name):
            found = f"{found}: the path is one of another computer; make it relative"
        elif found == MISSING_FILE:
            found += neighbours.hint(folder / name)
        problems += [f"row {row}: {name}: {found}"] if found else []
        found = _annotation_problem(folder / annotation, boundary, decode) if annotation else ""
        problems += [f"row {row}: {annotation}: {found}"] if found else []
        if progress is not None:
            progress(done, len(named))
    return problems


def _file_problem(path: Path, boundary: RootBoundary, *, decode: bool, volume: bool) -> str:
    """Problem with an image or volume, '' if there is none; a volume may be a folder."""
    if problem := _place_problem(path, boundary, may_be_folder=volume):
        return problem
    if not decode:
        return ""
    try:
        if not volume:
            read_picture(path, root=boundary.root)
            return ""
        flags = read_volume(path, root=boundary.root).flags
    except ImageRejected as error:
        return error.what
    return " ".join(flag.sentence for flag in flags if flag in _UNUSABLE)


def _annotation_problem(path: Path, boundary: RootBoundary, decode: bool) -> str:
    if problem := _place_problem(path, boundary, may_be_folder=False):
        return problem
    return "is damaged" if decode and load_arrays(path) is None else ""


def _place_problem(path: Path, boundary: RootBoundary, *, may_be_folder: bool) -> str:
    """Problem with a file that is found without opening it, '' if there is none."""
    if not _exists(path):
        return MISSING_FILE if _is_named_below(path, boundary.root) else OUTSIDE
    if boundary.is_left_by(path):
        return OUTSIDE
    if path.is_dir() and may_be_folder:
        return ""
    if not path.is_file():
        return "not a file but a folder, a pipe, a socket or a device"
    return "" if path.stat().st_size else "empty file"


def _is_named_below(path: Path, root: Path) -> bool:
    """Whether a path begins with the root and has no `..` after it; links are not followed."""
    return path.is_relative_to(root) and stays_below(str(path.relative_to(root)))


class _Neighbours:
    """Files with names similar to a missing one; each folder is listed once."""

    def __init__(self, boundary: RootBoundary) -> None:
        self._boundary = boundary
        self._names: dict[Path, dict[str, str]] = {}

    def hint(self, path: Path) -> str:
        """Return the end of a message: the most similar file name, or ''."""
        if path.parent not in self._names:
            self._names[path.parent] = self._listed(path.parent)
        names = self._names[path.parent]
        meant = path.name.strip("\"'\u2018\u2019\u201c\u201d ").casefold()
        for key in (meant, PurePath(meant).stem):
            if key in names:
                return f"; there is {names[key]!r}"
        return ""

    def _listed(self, folder: Path) -> dict[str, str]:
        try:
            if not self._boundary.holds(folder):
                return {}
            found = sorted(one.name for one in folder.iterdir())
        except (OSError, ValueError):
            return {}
        stems = {PurePath(name).stem.casefold(): name for name in reversed(found)}
        return stems | {name.casefold(): name for name in reversed(found)}


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that the system cannot have
        return False
