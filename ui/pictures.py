"""The pictures of a case: photographs or single B-scans, on a stage in the browser.

The page gets addresses only. What is known of a picture comes from there as well, from the same
reading of the file as its pixels, so that no file is decoded before the page is drawn.
"""

from __future__ import annotations

import streamlit as st

from triage.review import Opinion
from triage.store.records import StoredCase
from ui.case_words import CaseWords
from ui.components import photo_stage
from ui.image_address import facts_address, frame_addresses


def show(case: StoredCase, _opinion: Opinion | None, words: CaseWords) -> None:
    """Draw all pictures of a case on a stage.

    The same before and after the reveal: the AI's opinion adds nothing to the pictures.
    """
    if not case.images:
        st.warning(f"This case has no {words.images}.", icon=":material/hide_image:")
        return
    one, several = (name[:1].upper() + name[1:] for name in (words.image, words.images))
    title = f"{several} of this case"
    photo_stage.show(describe(case), one=one, title=title, key=f"stage-{case.id}")


def describe(case: StoredCase) -> list[dict[str, str]]:
    """Return the addresses of a case's images for the stage, in reading order.

    Each is of the first frame in all sizes, and of the facts, which list further frames.
    """
    return [
        {**frame_addresses(case.id, position, 0), "facts": facts_address(case.id, position)}
        for position in range(len(case.images))
    ]
