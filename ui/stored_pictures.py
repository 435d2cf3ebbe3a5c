"""The content of a case's files, read for display and checked to be what was received."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from triage.decoding.read_picture import read_picture
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected
from triage.imaging.picture import Picture
from triage.oct_imaging import OctVolume
from triage.store.records import ImageRecord
from ui.image_files import CHANGED, NOT_RECORDED, OUTSIDE, path_of

_Content = TypeVar("_Content", Picture, OctVolume)


def read_photograph(image: ImageRecord) -> Picture | str:
    """Read a photograph or a single B-scan, or return the reason why it cannot be shown.

    It cannot where the file lies outside its root, is missing, is refused or has changed since the
    case was received. The reason is a sentence that names no file, because file names can contain
    patients' names.
    """
    return _checked(image, read_picture)


def notes_on(picture: Picture, image: ImageRecord) -> tuple[str, ...]:
    """Return conversions of a photograph's colours and warnings about it, in sentences.

    Among them that the content of the file was never recorded.
    """
    notes = tuple(flag.sentence for flag in picture.flags)
    return (NOT_RECORDED, *notes) if image.sha256 is None else notes


def read_scan(image: ImageRecord) -> OctVolume | str:
    """Read a volume, or return the reason why it cannot be shown, as `read_photograph`."""
    return _checked(image, read_volume)


def _checked(image: ImageRecord, read: Callable[..., _Content]) -> _Content | str:
    path = path_of(image)
    if path is None:
        return OUTSIDE
    try:
        content = read(path, root=image.root)
    except ImageRejected as refusal:
        return refusal.what
    if image.sha256 is not None and content.sha256 != image.sha256:
        return CHANGED
    return content
