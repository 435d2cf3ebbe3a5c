"""Whether a case has an image that can be shown as it was received."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from triage.errors import TriageError
from triage.hashing import hash_file
from triage.modalities import MODALITIES
from triage.regular_file import check_below
from triage.store import Store
from triage.store.cases import get_case
from triage.store.records import ImageRecord, StoredCase


def has_viewable_image(case: StoredCase) -> bool:
    """Whether at least one image of a case is there, is readable, and is the one received."""
    volumes = MODALITIES[case.modality].volumes
    return any(_is_viewable(image, volumes) for image in case.images)


def looked_at(store: Store, case_id: int) -> Callable[[StoredCase], bool]:
    """Look at the images before a transaction for writing, in which others would wait for it.

    Returns
    -------
    callable
        Whether the case, as it is in that transaction, has an image that can be shown; looks again
        only if its images are others by then.

    Raises
    ------
    StoreError
        If there is no such case.
    """
    with store.reading() as session:
        before = get_case(session, case_id)
    found = has_viewable_image(before)

    def is_viewable(case: StoredCase) -> bool:
        return found if case.images == before.images else has_viewable_image(case)

    return is_viewable


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
