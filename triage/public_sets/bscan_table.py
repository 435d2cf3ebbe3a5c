"""Manifest of a set of single B-scans: one row per image, written beside the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from triage.csv_file import write_csv
from triage.data.manifest import IMAGE_SUFFIXES
from triage.data.patient_split import SPLITS
from triage.errors import SpecError
from triage.hashing import hash_file
from triage.printable import printable
from triage.regular_file import open_regular

MANIFEST = "manifest.csv"
PUBLISHED_SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""Folder names of published splits and what they are called here."""
_DEPTH = 4
_CONTENT = 16


@dataclass(frozen=True)
class BscanRow:
    """One image of a set.

    Parameters
    ----------
    image : str
        Path below the manifest's folder, with `/`.
    condition : str
        Label, as the set names it.
    patient_id : str
        '' if the set does not identify patients.
    eye : str
        'R', 'L' or ''.
    sex, year, finding : str
        Further facts that the set states; '' if none.
    published_split : str
        Where the set's authors put the image.
    split : str
        A split that is sound enough to use; '' where a spec must split by patient.
    content : str
        Joins byte-identical images.
    """

    image: str
    condition: str
    patient_id: str = ""
    eye: str = ""
    sex: str = ""
    year: str = ""
    finding: str = ""
    published_split: str = ""
    split: str = ""
    content: str = ""


COLUMNS = tuple(field.name for field in fields(BscanRow))


def set_folder(root: Path, classes: Sequence[str]) -> Path:
    """Find the one folder that holds `train`, `val` and `test` with one folder per class.

    Parameters
    ----------
    root : Path
        The folder or one up to four levels above it: archives nest their content.
    classes : sequence of str
        Names of class folders, of which `train` must hold one at least.

    Raises
    ------
    SpecError
        If there is none, or several.
    """
    found = [
        folder
        for folder in (root, *_folders(root, _DEPTH))
        if any((folder / "train" / name).is_dir() for name in classes)
    ]
    if not found:
        raise SpecError(
            f"there is no folder `train` with folders {', '.join(classes)}",
            where=str(root),
            hint="Unpack the archive and give the folder that holds train, val and test.",
        )
    if len(found) > 1:
        listed = ", ".join(folder.relative_to(root).as_posix() for folder in found)
        raise SpecError(
            f"holds several copies of the set: {listed}", where=str(root), hint="Give one of them."
        )
    return found[0]


def _folders(root: Path, depth: int) -> Iterator[Path]:
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.is_dir() and not path.name.startswith(".") and depth > 0:
            yield path
            yield from _folders(path, depth - 1)


def images_below(folder: Path) -> Iterator[Path]:
    """Every image file below a folder in a fixed order, without hidden files."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            yield path


def published_images(folder: Path, classes: Sequence[str]) -> Iterator[tuple[str, str, Path]]:
    """Yield (split, class, file) of a set stored as split folders of class folders."""
    for name, split in PUBLISHED_SPLITS.items():
        for label in classes:
            for path in images_below(folder / name / label):
                yield split, label, path


def content_of(path: Path) -> str:
    """Return a short name of a file's content; raise OSError if it cannot be read."""
    return hash_file(path)[:_CONTENT]


def copies_joined(rows: Sequence[BscanRow]) -> list[BscanRow]:
    """Use the published split, every copy of an image in the latest split that holds one.

    For sets that do not identify patients: none of their splits separates patients, and with
    the published one results can be compared with other reports.
    """
    latest: dict[str, str] = {}
    for row in rows:
        known = latest.get(row.content, row.published_split)
        latest[row.content] = max(known, row.published_split, key=SPLITS.index)
    return [replace(row, split=latest[row.content]) for row in rows]


def write_table(root: Path, rows: Sequence[BscanRow], problems: Sequence[str]) -> Path:
    """Write `manifest.csv` below `root` atomically.

    Raises
    ------
    SpecError
        With every problem, if there is any; if no image was found; if a manifest that is not
        ours is in the way; or if the folder cannot be written to.
    """
    problems = [*problems, *_unprintable(rows)]
    if problems:
        raise SpecError("the set is not as published", where=str(root), problems=tuple(problems))
    if not rows:
        raise SpecError("no images were found", where=str(root))
    path = root / MANIFEST
    try:
        if path.exists() and not _is_ours(path):
            raise SpecError(
                "there is a manifest already, which this would replace",
                where=str(path),
                hint="Rename it.",
            )
        write_csv(path, COLUMNS, map(astuple, rows))
    except OSError as error:
        raise SpecError(
            "the manifest cannot be written beside the data",
            where=str(path),
            hint="Make the folder writable, or copy the set to one that is.",
        ) from error
    return path


def _unprintable(rows: Sequence[BscanRow]) -> list[str]:
    """List what a table cannot hold, such as names with line breaks."""
    return [
        f"{row.image}: the name has a character that is not printable; rename the file"
        for row in rows
        if printable(row.image) != row.image
    ]


def _is_ours(path: Path) -> bool:
    with open_regular(path) as file:
        return file.readline(1000).decode("utf-8", "replace").strip() == ",".join(COLUMNS)
