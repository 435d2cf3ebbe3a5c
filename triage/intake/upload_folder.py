"""Files that people add in the pages: written whole, in a folder of their own for each case.

The names that the files had are not kept, since file names can contain patients' names; what a
name says of the eye is.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from triage.decoding.file_report import FileReport
from triage.decoding.inspect_file import inspect_file
from triage.errors import TriageError, UsageError

MOST_FILES = 12
MOST_BYTES = 256 * 2**20
"""Of one file."""
MOST_BYTES_TOGETHER = 512 * 2**20

_UNFINISHED = ".unfinished-"
_LEFT_OVER_AFTER = 3600
"""Seconds after which an unfinished folder is taken to be that of a process that is gone."""
_SUFFIXES = {"jpeg": ".jpg", "tiff": ".tif", "heif": ".heic", "dicom": ".dcm", "npz": ".npz"}
_SAME_SUFFIX = ("png", "webp", "bmp", "avif")
_EYES = ("OD", "OS")


@dataclass(frozen=True, slots=True)
class GivenFile:
    """One file as it was given: its content, and its name, which is not kept."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class FileProblem:
    """Why a file is not taken.

    Parameters
    ----------
    position : int or None
        Of the file among those given, from 0; None where it concerns all of them.
    what : str
        A sentence that names no file.
    """

    position: int | None
    what: str


class FilesRefused(TriageError):
    """Files are not taken, and nothing of them is kept.

    Parameters
    ----------
    problems : sequence of FileProblem
    """

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("The files were not taken.", hint=" ".join(one.what for one in problems))


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """Files in a new folder, and what they are."""

    folder: Path
    names: tuple[str, ...]
    reports: tuple[FileReport, ...]


def prepare_folder(folder: Path) -> None:
    """Make the folder for added files if need be, readable by this user only.

    Raises
    ------
    UsageError
        If files cannot be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _unfinished(folder) as place:
            (place / "1").write_bytes(b"")
    except OSError as error:
        raise UsageError(
            f"No file can be written to this folder ({error.strerror}).",
            where=str(folder),
            hint="Name another folder (--uploads).",
        ) from error


def look_at(folder: Path, files: Sequence[GivenFile]) -> tuple[FileReport, ...]:
    """Return what files are, without keeping them.

    Raises
    ------
    FilesRefused
        If they are none, or too many or too large together.
    UsageError
        If they cannot be written to the folder.
    """
    _check_sizes(files)
    with _writing(folder), _unfinished(folder) as place:
        return _written(place, files).reports


@contextmanager
def stored_files(folder: Path, files: Sequence[GivenFile]) -> Iterator[StoredFiles]:
    """Write files to a new folder below `folder`; it is deleted again where the body fails.

    The folder is named by the day and eight random digits, which also name a case that nobody
    named.

    Raises
    ------
    FilesRefused
        If they are none, too many or too large together, the same content is given twice or one
        cannot be read.
    UsageError
        If they cannot be written to the folder.
    """
    _check_sizes(files)
    final = folder / f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(4)}"
    with _writing(folder), _unfinished(folder) as place:
        found = _written(place, files)
        if problems := problems_of(found.reports):
            raise FilesRefused(problems)
        place.rename(final)
        _settle(folder)
    try:
        yield StoredFiles(final, found.names, found.reports)
    except BaseException:
        shutil.rmtree(final, ignore_errors=True)
        raise


def problems_of(reports: Sequence[FileReport]) -> list[FileProblem]:
    """List the files that cannot be read, or are there twice."""
    problems = []
    for position, report in enumerate(reports):
        if not report.readable:
            problems.append(FileProblem(position, report.message))
        elif report.sha256 in {one.sha256 for one in reports[:position]}:
            problems.append(FileProblem(position, "It is given twice."))
    return problems


def _check_sizes(files: Sequence[GivenFile]) -> None:
    if not files:
        raise FilesRefused([FileProblem(None, "There is no file.")])
    problems = []
    if len(files) > MOST_FILES:
        problems.append(FileProblem(None, f"A case has at most {MOST_FILES} files."))
    for position, file in enumerate(files):
        if len(file.content) > MOST_BYTES:
            what = f"It is larger than {MOST_BYTES // 2**20} MB."
            problems.append(FileProblem(position, what))
    if sum(len(file.content) for file in files) > MOST_BYTES_TOGETHER:
        what = f"The files are together larger than {MOST_BYTES_TOGETHER // 2**20} MB."
        problems.append(FileProblem(None, what))
    if problems:
        raise FilesRefused(problems)


def _written(place: Path, files: Sequence[GivenFile]) -> StoredFiles:
    names, reports = [], []
    for number, file in enumerate(files, 1):
        path = place / f"{number}{_eye(file.name)}"
        with path.open("wb") as stream:
            stream.write(file.content)
            stream.flush()
            os.fsync(stream.fileno())
        report = inspect_file(path)
        kind = report.kind or ""
        suffix = _SUFFIXES.get(kind) or (f".{kind}" if kind in _SAME_SUFFIX else "")
        names.append(path.name + suffix)
        path.rename(place / names[-1])
        reports.append(report.model_copy(update={"file": names[-1]}))
    return StoredFiles(place, tuple(names), tuple(reports))


def _eye(name: str) -> str:
    """Return what a file's name says of the eye, such as '-OD'; '' if nothing, or both."""
    words = {word.upper() for word in re.split(r"[^A-Za-z]+", name.rpartition(".")[0] or name)}
    found = [eye for eye in _EYES if eye in words]
    return f"-{found[0]}" if len(found) == 1 else ""


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder that is gone afterwards, unless it was moved."""
    _delete_left_over(folder)
    place = folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _delete_left_over(folder: Path) -> None:
    before = time.time() - _LEFT_OVER_AFTER
    for path in folder.glob(f"{_UNFINISHED}*"):
        try:
            if path.stat().st_mtime < before:
                shutil.rmtree(path, ignore_errors=True)
        except OSError:  # somebody else has deleted it
            continue


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"The files cannot be written to the server's folder ({error.strerror}).",
            hint="Tell whoever runs this server; nothing was stored.",
        ) from error


def _settle(folder: Path) -> None:
    """Write the entries of a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
