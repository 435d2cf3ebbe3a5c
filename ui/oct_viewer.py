"""The OCT viewer: a component in the browser that receives the whole volume at once.

Stepping through the B-scans then needs no request to the server, whose delay would be visible. The
sources are plain JavaScript in `ui/viewer`, joined into one module. Data reach it as bytes and are
shown as text and pixels, never inserted as markup.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent / "viewer"
_SCRIPTS = ("payload.js", "drawing.js", "reasons.js", "captions.js", "viewer.js")


def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


_mount = st.components.v2.component(
    "oct_viewer",
    html=_source("viewer.html"),
    css=_source("viewer.css"),
    js="\n".join(_source(name) for name in _SCRIPTS),
)


def show(payload: bytes, key: str) -> None:
    """Draw the viewer.

    Parameters
    ----------
    payload : bytes
        An encoded `ui.payload.Payload`. Its header is what `describe_volume` returned, with what
        `describe_reading` returned, or None, under 'reading'.
    key : str
        Identifies the case, so that the viewer starts anew for another one.
    """
    _mount(key=key, data=payload)
