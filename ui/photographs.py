"""A case's photographs: read within limits, re-encoded, never served as they were uploaded."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from triage.decoding.read_picture import read_picture
from triage.errors import ImageRejected
from triage.store.records import ImageRecord, StoredCase
from ui.files import CHANGED, NOT_RECORDED, OUTSIDE, place_of

_FIT = 1400  # pixels on the longer side when fitted to the page
_COLUMN = 560  # about the width of the photographs' column, in CSS pixels
_CACHE = "photographs"


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph to show, or why it cannot be shown."""

    pixels: NDArray[np.uint8] | None
    fitted: bytes = b""
    problem: str = ""
    notes: tuple[str, ...] = ()
    """What was done to its colours and what is doubtful, in sentences."""


def show(case: StoredCase) -> None:
    """Draw all photographs of a case, and one of them at native pixels if asked."""
    photographs = _photographs(case)
    if not photographs:
        st.warning("This case has no photographs.", icon=":material/hide_image:")
        return
    count = len(photographs)
    names = (
        [f"Photograph {n} of {count}" for n in range(1, count + 1)] if count > 1 else ["Photograph"]
    )
    columns = st.columns(min(2, count))
    for position, (name, photograph) in enumerate(zip(names, photographs, strict=True)):
        with columns[position % len(columns)]:
            if photograph.pixels is None:
                st.warning(
                    f"{name} cannot be shown: {photograph.problem}", icon=":material/hide_image:"
                )
            else:
                caption = ". ".join((name, *photograph.notes))
                st.image(
                    photograph.fitted, caption=caption, alt=f"{name} of this case", width="stretch"
                )
    whole = {n: p.pixels for n, p in zip(names, photographs, strict=True) if p.pixels is not None}
    if whole:
        chosen = st.segmented_control("Look closely, at native pixels", list(whole))
        if chosen:
            _closely(chosen, whole[chosen])


def read_photograph(image: ImageRecord) -> list[Photograph]:
    """Read one file's frames for display.

    A file outside its root, missing, refused, or changed since the case
    was received gives one photograph with the problem in words; they name no file,
    because file names can name patients. A file whose content was never recorded is shown, with
    a note that says so.
    """
    path = place_of(image)
    if path is None:
        return [Photograph(None, problem=OUTSIDE)]
    try:
        picture = read_picture(path, root=image.root)
    except ImageRejected as refusal:
        return [Photograph(None, problem=refusal.what)]
    if image.sha256 is not None and picture.sha256 != image.sha256:
        return [Photograph(None, problem=CHANGED)]
    notes = tuple(flag.sentence for flag in picture.flags)
    if image.sha256 is None:
        notes = (NOT_RECORDED, *notes)
    return [Photograph(frame, _fit(frame), notes=notes) for frame in picture.frames]


def _photographs(case: StoredCase) -> list[Photograph]:
    """Return the case's photographs, decoded once a session; only the open case is kept."""
    kept = st.session_state.get(_CACHE)
    if kept is None or kept[0] != case.id:
        read = [photograph for image in case.images for photograph in read_photograph(image)]
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


def _closely(name: str, frame: NDArray[np.uint8]) -> None:
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
