"""Cases to be scored from what a user has at hand: a folder, files, a CSV table or a data frame."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from triage.data.cell_text import column_texts
from triage.data.manifest import IMAGE_SUFFIXES, Case
from triage.data.spec import DataSpec
from triage.errors import SpecError, UsageError
from triage.intake.case_table import IMAGE, read_unlabelled, unlabelled_cases
from triage.vocabulary.reserved_names import CASE_PREFIX, IMAGE_PREFIX

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
        - any other file, or several: a case for each, named by its file;
        - a data frame with the column `image` and optionally `case_id`, `patient_id`, `visit`,
          `laterality`, `age` and subgroups: rows with one `case_id` are one case.

        `~` at the beginning of a path is the user's home folder, except within tables.
    spec : DataSpec
        Of the bundle that will score.
    root : str or Path, optional
        Folder that the paths of a table or a list are relative to, and that files may not leave.
        By default that of the CSV file; of a data frame the working directory, or, where all paths
        are absolute, their common folder. The path of a single file, not in a list, is relative to
        the working directory, as that of a folder or table.

        A case without a `case_id` is named by its path from there. Where that folder is only the
        one that absolute paths or a list have in common, it is named by its file instead, with as
        many folders before it as tell it from files of the same name: its name depends on no other
        file, and on no folder above.
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
        source = [path.absolute()]
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
            return user_path(text)
        if text in ("", b""):
            raise UsageError(
                "the path is empty", where="cases", hint="Give the path of a file or folder."
            )
    raise UsageError(
        f"{value!r} is no path", where="cases", hint="Give the path of a file or folder."
    )


def user_path(path: PathLike) -> Path:
    """Return a path that a user gives: `~` at its beginning is the user's home folder."""
    return Path(os.path.expanduser(path))


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
    base = Path.cwd() if root is None else Path(os.path.abspath(_path(root)))
    paths = [Path(os.path.abspath(base / _path(each))) for each in source]
    if not paths:
        raise SpecError("no file to score", where="list of files")
    folder = _common_folder(paths) if root is None else base
    names = [_below(path, folder) for path in paths]
    cases = _cases_of_names(names, folder, spec, warnings)
    return _named_by_file(cases) if root is None else cases


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
    cases = unlabelled_cases(table, folder, spec, warnings, where=where)
    return _named_by_file(cases) if root is None and all(absolute) else cases


def _named_by_file(cases: Sequence[Case]) -> list[Case]:
    """Return the same cases; those that the table does not name are named by their file."""
    taken = {case.case_id for case in cases if not case.id_derived}
    derived = [case.images[0] for case in cases if case.id_derived]
    names = dict(zip(derived, _short_names(derived), strict=True))
    found = []
    for case in cases:
        if case.id_derived:
            name = names[case.images[0]]
            name = IMAGE_PREFIX + name if name in taken else name
            if case.stated_patient is None:
                stem = case.cluster.removesuffix(case.case_id)
                case = replace(case, patient_id=f"{CASE_PREFIX}{name}", cluster=f"{stem}{name}")
            case = replace(case, case_id=name)
        found.append(case)
    return found


def _short_names(paths: Sequence[Path]) -> list[str]:
    """Name files by their last component, and those that share it by as many as differ."""
    alike: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    parts = [path.relative_to(path.anchor).parts for path in paths]
    for own in parts:
        alike[own[-1]].append(own)
    lengths = {}
    for name, group in alike.items():
        length = 1
        while len({own[-length:] for own in group}) < len({*group}):
            length += 1
        lengths[name] = length
    return ["/".join(own[-lengths[own[-1]] :]) for own in parts]


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
