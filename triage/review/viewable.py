"""Whether a case has an image that can be shown as it was received."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from triage.errors import TriageError
from triage.hashing import hash_file
from triage.modalities import MODALITIES
from triage.regular_file import check_below
from triage.store import EventType, Store, events
from triage.store.cases import get_case
from triage.store.records import ImageRecord, StoredCase


def has_viewable_image(case: StoredCase, *, checked: bool) -> bool:
    """Whether at least one image of a case is there, is readable, and is the one received.

    Parameters
    ----------
    case : StoredCase
    checked : bool
        Whether every image is known to be decodable as it was received; else it is decoded.
    """
    volumes = MODALITIES[case.modality].volumes
    return any(_is_viewable(image, volumes, checked) for image in case.images)


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
        checked = any(one.kind == EventType.IMAGES_CHECKED for one in events(session, case_id))
    found = has_viewable_image(before, checked=checked)

    def is_viewable(case: StoredCase) -> bool:
        return found if case.images == before.images else has_viewable_image(case, checked=False)

    return is_viewable


def _is_viewable(image: ImageRecord, volume: bool, checked: bool) -> bool:
    from triage.decoding.read_picture import read_picture  # slow to import, and seldom needed
    from triage.decoding.read_volume import read_volume

    path = Path(image.root) / image.path
    try:
        check_below(path, image.root)
        same = image.sha256 is not None and path.is_file() and hash_file(path) == image.sha256
        if same and checked:
            return True
        if volume:  # may be several files; an earlier release stored no hash
            return image.sha256 in (None, read_volume(path).sha256)
        if not same and image.sha256 is not None:
            return False
        read_picture(path)
    except (OSError, ValueError, TriageError):
        return False
    return True
