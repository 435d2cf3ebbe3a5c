"""The pictures of a case: photographs or single B-scans, decoded and encoded anew for the page.

The files themselves are never sent to the browser.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from triage.review import Opinion
from triage.store.records import ImageRecord, StoredCase
from ui.case_words import CaseWords
from ui.stored_pictures import notes_on, read_photograph

_FIT = 1400  # pixels on the longer side when fitted to the page
_COLUMN = 560  # about the width of the column of pictures, in CSS pixels
_CACHE = "pictures"


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """One picture, or why it cannot be shown."""

    pixels: NDArray[np.uint8] | None
    fitted: bytes = b""
    problem: str = ""
    notes: tuple[str, ...] = ()
    """Conversions of its colours and warnings about it, in sentences."""


def show(case: StoredCase, _opinion: Opinion | None, words: CaseWords) -> None:
    """Draw all pictures of a case, and one of them at native pixels if the reader asks for it.

    The same before and after the reveal: the AI's opinion adds nothing to the pictures.
    """
    pictures = _pictures(case)
    if not pictures:
        st.warning(f"This case has no {words.images}.", icon=":material/hide_image:")
        return
    count, one = len(pictures), words.image[:1].upper() + words.image[1:]
    names = [f"{one} {n} of {count}" for n in range(1, count + 1)] if count > 1 else [one]
    columns = st.columns(min(2, count))
    for position, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        with columns[position % len(columns)]:
            if picture.pixels is None:
                st.warning(
                    f"{name} cannot be shown: {picture.problem}", icon=":material/hide_image:"
                )
            else:
                caption = ". ".join((name, *picture.notes))
                st.image(
                    picture.fitted, caption=caption, alt=f"{name} of this case", width="stretch"
                )
    readable = {n: p.pixels for n, p in zip(names, pictures, strict=True) if p.pixels is not None}
    if readable:
        chosen = st.segmented_control("Look closely, at native pixels", list(readable))
        if chosen:
            _show_native_pixels(chosen, readable[chosen])


def read_pictures(image: ImageRecord) -> list[ShownPicture]:
    """Read one file's frames for display.

    A file that lies outside its root, is missing, is refused or has changed since the case was
    received gives one picture without pixels and with the problem as a sentence, which names no
    file because file names can contain patients' names. A file whose content was never recorded is
    shown with a note.
    """
    picture = read_photograph(image)
    if isinstance(picture, str):
        return [ShownPicture(None, problem=picture)]
    notes = notes_on(picture, image)
    return [ShownPicture(frame, _fit(frame), notes=notes) for frame in picture.frames]


def _pictures(case: StoredCase) -> list[ShownPicture]:
    """Return the case's pictures; the session keeps the decoded ones of the open case."""
    kept = st.session_state.get(_CACHE)
    if kept is None or kept[0] != case.id:
        read = [picture for image in case.images for picture in read_pictures(image)]
        kept = st.session_state[_CACHE] = (case.id, read)
    return list(kept[1])


def _fit(frame: NDArray[np.uint8]) -> bytes:
    image = Image.fromarray(frame)
    image.thumbnail((_FIT, _FIT), Image.Resampling.LANCZOS)
    return _encode(image)


def _encode(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def _show_native_pixels(name: str, frame: NDArray[np.uint8]) -> None:
    height, width = frame.shape[:2]
    source = "data:image/jpeg;base64," + base64.b64encode(_encode(Image.fromarray(frame))).decode()
    figure = go.Figure(go.Image(source=source, hoverinfo="skip"))
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode="pan",
        height=max(300, min(640, round(_COLUMN * height / width))),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    st.plotly_chart(
        figure,
        theme=None,
        config={"scrollZoom": True, "displaylogo": False},
        alt=f"{name} at {width} by {height} pixels; scroll to zoom, drag to move",
    )
    st.caption(f"{width} x {height} pixels. Scroll to zoom, drag to move, double-click to fit.")
