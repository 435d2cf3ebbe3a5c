"""Cases to be scored from what a user has at hand: a folder, files, a CSV table or a data frame."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from triage.data.cell_text import column_texts
from triage.data.manifest import IMAGE_SUFFIXES, Case
from triage.data.spec import DataSpec
from triage.errors import SpecError, UsageError
from triage.intake.case_table import IMAGE, read_unlabelled, unlabelled_cases

PathLike = str | os.PathLike[str]
CaseSource = PathLike | Iterable[PathLike] | pd.DataFrame
"""What `cases_of` takes."""
MANIFEST = "manifest.csv"
"""The table of a folder, where it has one."""


def cases_of(
    source: CaseSource,
    spec: DataSpec,
    *,
    root: PathLike | None = None,
    volumes: bool = False,
    warnings: list[str] | None = None,
) -> list[Case]:
    """Return the cases of a source, in its order.

    Parameters
    ----------
    source : str or Path, iterable of str or Path, or DataFrame
        - a folder with a `manifest.csv`: the cases of that table;
        - a folder without one: a case for each picture in it and its subfolders, or, of volumes,
          for each file and subfolder directly in it;
        - a CSV file: its cases;
        - any other file, or several: a case for each;
        - a data frame with the column `image` and optionally `case_id`, `patient_id`, `visit`,
          `laterality`, `age` and subgroups: rows with one `case_id` are one case.
    spec : DataSpec
        Of the bundle that will score.
    root : str or Path, optional
        Folder that the paths of a table are relative to, and that files may not leave. By default
        that of the CSV file; of a data frame the working directory, or, where all paths are
        absolute, their common folder.
    volumes : bool
        Whether a case is one OCT volume.
    warnings : list of str, optional
        Gets what is probably wrong.

    Raises
    ------
    SpecError
        If there is nothing to score, or the table is unusable.
    UsageError
        If the source is none of these.
    """
    found = [] if warnings is None else warnings
    if isinstance(source, pd.DataFrame):
        return _cases_of_frame(source, spec, root, found)
    if isinstance(source, str | os.PathLike):
        path = _path(source)
        if path.is_dir() and not (path / MANIFEST).exists():
            names = _volume_names(path) if volumes else _picture_names(path, found)
            return _cases_of_names(names, path, spec, found)
        if path.is_dir() or path.suffix.lower() == ".csv":
            manifest = path / MANIFEST if path.is_dir() else path
            folder = manifest.parent if root is None else _path(root)
            return read_unlabelled(manifest, folder, spec, found)
        if not path.exists():
            raise SpecError(
                "there is no such file or folder", where=str(source), hint="Check the path."
            )
        source = [path]
    elif not isinstance(source, Iterable):
        raise UsageError(
            f"is {type(source).__name__}, from which no cases can be read",
            where="cases",
            hint="Give a folder, a list of files, a CSV table or a data frame.",
        )
    return _cases_of_files(source, spec, root, found)


def _path(value: object) -> Path:
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        if isinstance(text, str) and text and "\0" not in text:
            return Path(text)
    raise UsageError(
        f"{value!r} is no path", where="cases", hint="Give the path of a file or folder."
    )


def _picture_names(folder: Path, warnings: list[str]) -> list[str]:
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    )
    names = [name for name in files if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    if other := len(files) - len(names):
        warnings.append(f"{other} files of the folder are no pictures by their suffix: left out")
    return names


def _volume_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def _cases_of_files(
    source: Iterable[PathLike], spec: DataSpec, root: PathLike | None, warnings: list[str]
) -> list[Case]:
    paths = [Path(os.path.abspath(_path(each))) for each in source]
    if not paths:
        raise SpecError("no file to score", where="list of files")
    folder = _common_folder(paths) if root is None else Path(os.path.abspath(_path(root)))
    return _cases_of_names([_below(path, folder) for path in paths], folder, spec, warnings)


def _cases_of_names(
    names: list[str], root: Path, spec: DataSpec, warnings: list[str]
) -> list[Case]:
    if not names:
        raise SpecError(
            "holds no file to score", where=str(root), hint="Name a folder with pictures."
        )
    table = pd.DataFrame({IMAGE: names}, dtype=str)
    return unlabelled_cases(table, Path(root), spec, warnings, where=str(root))


def _cases_of_frame(
    frame: pd.DataFrame, spec: DataSpec, root: PathLike | None, warnings: list[str]
) -> list[Case]:
    names = [str(name) for name in frame.columns]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"has several columns {doubled[0]!r}", where="data frame")
    table = pd.DataFrame(
        {name: column_texts(frame.iloc[:, place]) for place, name in enumerate(names)}, dtype=str
    )
    if IMAGE not in names or table.empty:
        return unlabelled_cases(table, Path(), spec, warnings, where="data frame")
    if wrong := [row for row, name in enumerate(table[IMAGE]) if not name or "\0" in name]:
        raise SpecError(
            f"{len(wrong)} rows name no image, the first is row {wrong[0]} (counted from 0)",
            where="data frame",
            hint="Complete the column `image`, or leave these rows out.",
        )
    paths = [Path(name) for name in table[IMAGE]]
    absolute = [path.is_absolute() for path in paths]
    if root is not None:
        folder = Path(os.path.abspath(_path(root)))
    else:
        folder = _common_folder(paths) if all(absolute) else Path.cwd()
    table[IMAGE] = [
        _below(path, folder) if is_absolute else name
        for path, is_absolute, name in zip(paths, absolute, table[IMAGE], strict=True)
    ]
    where = "data frame (rows counted from 0)"
    return unlabelled_cases(table, folder, spec, warnings, where=where)


def _common_folder(paths: list[Path]) -> Path:
    try:
        return Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError as error:  # on two drives
        raise UsageError(
            "the files have no folder in common", where="cases", hint="Score them separately."
        ) from error


def _below(path: Path, folder: Path) -> str:
    """Return an absolute path as relative to the folder; as it is where it is not below."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return str(path)
