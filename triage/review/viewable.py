"""Whether a case has an image that can be shown as it was received."""

from __future__ import annotations

from pathlib import Path

from triage.errors import TriageError
from triage.hashing import hash_file
from triage.modalities import MODALITIES
from triage.regular_file import check_below
from triage.store.records import ImageRecord, StoredCase


def has_viewable_image(case: StoredCase) -> bool:
    """Whether at least one image of a case is there, is readable, and is the one received."""
    volumes = MODALITIES[case.modality].volumes
    return any(_is_viewable(image, volumes) for image in case.images)


def _is_viewable(image: ImageRecord, volume: bool) -> bool:
    from triage.decoding.read_picture import read_picture  # slow to import, and seldom needed
    from triage.decoding.read_volume import read_volume

    path = Path(image.root) / image.path
    try:
        check_below(path, image.root)
        if image.sha256 is not None and path.is_file() and hash_file(path) == image.sha256:
            return True
        if volume:  # of several files, or stored without a hash
            return image.sha256 in (None, read_volume(path).sha256)
        if image.sha256 is None:  # stored by an earlier release, which kept no hash
            read_picture(path)
            return True
    except (OSError, ValueError, TriageError):
        return False
    return False
