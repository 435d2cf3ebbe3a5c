"""What is known of a case's image, for the browser; nothing of the AI and nothing that identifies.

The facts are those of the reading from which the pictures are made, so no file is read for them
alone.
"""

from __future__ import annotations

from typing import Any

from triage.imaging.picture import Picture
from triage.measurements.localizer import begins_above
from triage.oct_imaging import OctVolume
from triage.store.records import ImageRecord
from ui.image_address import PictureSize, frame_addresses, image_address
from ui.oct_volume_payload import EYES
from ui.stored_pictures import notes_on

ImageFacts = dict[str, Any]


def facts_of(found: Picture | OctVolume, image: ImageRecord) -> ImageFacts:
    """Return what is known of an image, as JSON takes it.

    Parameters
    ----------
    found : Picture or OctVolume
        As it was decoded.
    image : ImageRecord

    Returns
    -------
    dict
        ``frames``, ``height`` and ``width`` in pixels and ``notes``. Of a photograph
        ``mm_per_pixel`` across, None where the file does not state it. Of a volume ``eye`` and
        ``spacing``: mm between rows and between columns, or None, and ``upwards``: whether the
        first B-scan is the lowest on the eye.
    """
    if isinstance(found, Picture):
        count, height, width, _ = found.frames.shape
        # Between columns: the scale bar lies across.
        across = found.mm_per_pixel and found.mm_per_pixel[1]
        more: ImageFacts = {"mm_per_pixel": across, "notes": list(notes_on(found, image))}
    else:
        count, height, width = found.bscans.shape
        known = found.spacing.complete
        more = {
            "eye": EYES[found.laterality],
            "spacing": known and [known[1], known[2]],
            "upwards": not begins_above(found),
            "notes": [flag.sentence for flag in found.flags],
        }
    return {"frames": count, "height": height, "width": width, **more}


def described(facts: ImageFacts, case_id: int, position: int, *, volume: bool) -> ImageFacts:
    """Return the answer to the browser: the facts, with the addresses of all frames."""
    frames = range(facts["frames"])
    if volume:
        places: list[Any] = [
            image_address(case_id, position, PictureSize.FITTED, frame) for frame in frames
        ]
    else:
        places = [frame_addresses(case_id, position, frame) for frame in frames]
    return {**facts, "problem": "", "frames": places}
