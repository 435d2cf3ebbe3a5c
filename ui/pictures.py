"""The pictures of a case: photographs or single B-scans, on a stage in the browser.

The page gets what is known of the pictures and the addresses at which the server gives them; the
files themselves are never sent to the browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from triage.decoding.read_picture import read_picture
from triage.errors import ImageRejected
from triage.review import Opinion
from triage.store.records import ImageRecord, StoredCase
from ui.case_words import CaseWords
from ui.components import photo_stage
from ui.image_address import PictureSize, image_address
from ui.image_files import CHANGED, NOT_RECORDED, OUTSIDE, path_of

_CACHE = "pictures"


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What the stage needs to know of one picture, or why it cannot be shown."""

    frame: int = 0
    width: int = 0
    height: int = 0
    problem: str = ""
    notes: tuple[str, ...] = ()
    """Conversions of its colours and warnings about it, in sentences."""
    mm_per_pixel: tuple[float, float] | None = None
    """Between rows and between columns, where the file states it."""


def show(case: StoredCase, _opinion: Opinion | None, words: CaseWords) -> None:
    """Draw all pictures of a case on a stage.

    The same before and after the reveal: the AI's opinion adds nothing to the pictures.
    """
    if not case.images:
        st.warning(f"This case has no {words.images}.", icon=":material/hide_image:")
        return
    one = words.image[:1].upper() + words.image[1:]
    title = f"{words.images[:1].upper()}{words.images[1:]} of this case"
    photo_stage.show(describe(case), one=one, title=title, key=f"stage-{case.id}")


def describe(case: StoredCase) -> list[dict[str, Any]]:
    """Return the pictures of a case for the stage, in reading order, as JSON takes them."""
    return [
        _described(case.id, position, facts)
        for position, found in enumerate(_facts(case))
        for facts in found
    ]


def read_facts(image: ImageRecord) -> list[PictureFacts]:
    """Read what is known of one file's frames.

    A file that lies outside its root, is missing, is refused or has changed since the case was
    received gives one picture with the problem as a sentence, which names no file because file
    names can contain patients' names. A file whose content was never recorded is shown with a note.
    """
    path = path_of(image)
    if path is None:
        return [PictureFacts(problem=OUTSIDE)]
    try:
        picture = read_picture(path, root=image.root)
    except ImageRejected as refusal:
        return [PictureFacts(problem=refusal.what)]
    if image.sha256 is not None and picture.sha256 != image.sha256:
        return [PictureFacts(problem=CHANGED)]
    notes = tuple(flag.sentence for flag in picture.flags)
    if image.sha256 is None:
        notes = (NOT_RECORDED, *notes)
    count, height, width, _ = picture.frames.shape
    return [
        PictureFacts(frame, width, height, "", notes, picture.mm_per_pixel)
        for frame in range(count)
    ]


def _facts(case: StoredCase) -> list[list[PictureFacts]]:
    """Return the facts of each image; the session keeps those of the open case."""
    kept = st.session_state.get(_CACHE)
    if kept is None or kept[0] != (case.id, case.images):
        read = [read_facts(image) for image in case.images]
        kept = st.session_state[_CACHE] = ((case.id, case.images), read)
    found: list[list[PictureFacts]] = kept[1]
    return found


def _described(case_id: int, position: int, facts: PictureFacts) -> dict[str, Any]:
    described: dict[str, Any] = {
        "position": position,
        "frame": facts.frame,
        "width": facts.width,
        "height": facts.height,
        "problem": facts.problem,
        "notes": list(facts.notes),
        # Between columns: the scale bar lies across.
        "mm_per_pixel": facts.mm_per_pixel and facts.mm_per_pixel[1],
    }
    if not facts.problem:
        described |= {
            str(size): image_address(case_id, position, size, facts.frame) for size in PictureSize
        }
    return described
