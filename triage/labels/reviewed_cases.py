"""Reviewed cases as training cases: labels made one, and files that are still those received."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from triage.data.manifest import IMAGE_SUFFIXES, Case
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected
from triage.hashing import hash_file
from triage.regular_file import OutsideRootError, check_below
from triage.store.records import ImageRecord


class LeftOutReason(StrEnum):
    """Why the files of a reviewed case may not train under its label."""

    CHANGED = "changed"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    OUTSIDE_ROOT = "outside_root"
    NO_HASH = "no_hash"

    @property
    def sentence(self) -> str:
        """What it means, for people."""
        return _SENTENCES[self]


_SENTENCES = {
    LeftOutReason.CHANGED: "a file has changed since the case was received",
    LeftOutReason.MISSING: "a file is missing",
    LeftOutReason.UNREADABLE: "a file cannot be read",
    LeftOutReason.OUTSIDE_ROOT: "the path of a file leads outside its folder",
    LeftOutReason.NO_HASH: (
        "the content of a file was never recorded, so nothing shows whether it is what was received"
    ),
}


@dataclass(frozen=True)
class ReviewedCase:
    """A case that may train under its label, with the hash its files had when it was received."""

    case: Case
    source: str
    images: tuple[ImageRecord, ...]


@dataclass(frozen=True)
class LeftOut:
    """A reviewed case that did not train: its id, the source it came from, and why."""

    case: str
    source: str
    reason: LeftOutReason

    def as_json(self) -> dict[str, str]:
        """Return its fields as plain JSON types."""
        return {"case": self.case, "source": self.source, "reason": str(self.reason)}


def check_files(reviewed: Iterable[ReviewedCase]) -> tuple[list[ReviewedCase], list[LeftOut]]:
    """Compare the files of reviewed cases with the hashes stored when they were received.

    A reviewer's label is one of the bytes that were received and shown. A file that holds other
    bytes now would train under a label that nobody gave it.

    Returns
    -------
    same : list of ReviewedCase
        Those whose files are all unchanged.
    left_out : list of LeftOut
        The others, with the first reason found.
    """
    same, left_out = [], []
    for each in reviewed:
        reasons = (file_problem(image) for image in each.images)
        reason = next((found for found in reasons if found is not None), None)
        if reason is None:
            same.append(each)
        else:
            left_out.append(LeftOut(each.case.case_id, each.source, reason))
    return same, left_out


def file_problem(image: ImageRecord) -> LeftOutReason | None:
    """Say why a file is not the one that was received; None if it is."""
    if image.sha256 is None:
        return LeftOutReason.NO_HASH
    path = Path(image.root) / image.path
    try:
        check_below(path, image.root)
        return None if _is_received(path, image) else LeftOutReason.CHANGED
    except OutsideRootError:
        return LeftOutReason.OUTSIDE_ROOT
    except (FileNotFoundError, NotADirectoryError):
        return LeftOutReason.MISSING
    except (OSError, ValueError, ImageRejected):
        return LeftOutReason.UNREADABLE


def _is_received(path: Path, image: ImageRecord) -> bool:
    """Whether a file, or a volume that consists of several, holds what was received."""
    if not path.is_dir():
        if hash_file(path) == image.sha256:
            return True
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return False
    return read_volume(path, root=image.root).sha256 == image.sha256


def content_hashes(cases: Iterable[Case]) -> set[str]:
    """SHA-256 of every file of some cases that can be read.

    Those of held-out cases may not train, whatever case and path they come under again.
    """
    hashes = set()
    for path in (path for case in cases for path in case.images):
        try:
            hashes.add(hash_file(path))
        except (OSError, ValueError):
            continue  # a file that cannot be read is not measured on either
    return hashes
