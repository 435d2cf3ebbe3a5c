"""The OCT viewer: a component in the browser that gets everything once and steps by itself.

Going to the server for each B-scan would take longer than the eye forgives. The sources are
plain JavaScript in `ui/viewer`, joined into one module; data reach it as bytes and are put on
the page as text and pixels, never as markup.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent / "viewer"
_SCRIPTS = ("payload.js", "drawing.js", "reasons.js", "telling.js", "viewer.js")


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
        A sealed `ui.parcel.Parcel`, with what `describe_volume` returned in its header, and what
        `describe_reading` returned under 'reading', or None there.
    key : str
        Names the case, so that another case begins anew.
    """
    _mount(key=key, data=payload)
