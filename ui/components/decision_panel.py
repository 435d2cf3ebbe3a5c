"""The panel beside the images of a case, which holds the reader's answers in the browser.

It takes steps and keeps drafts by the server's own addresses (`ui.serving.step_routes`) and asks
for the page anew afterwards, so a run of Streamlit never holds an answer and cannot lose one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from ui.components.assets import component

_mount = component(
    "decision_panel",
    (
        "segments.js",
        "conditions.js",
        "answers.js",
        "requests.js",
        "opinion.js",
        "asides.js",
        "rounds.js",
        "parts.js",
        "form.js",
        "panel.js",
    ),
    shared=("elements.js",),
)


def show(content: Mapping[str, Any], key: str, on_wish: Callable[[str, str], None]) -> None:
    """Draw the panel.

    Parameters
    ----------
    content : mapping
        As `ui.panel_content` makes it, of plain JSON types.
    key : str
        Identifies the case and the kind of work, so that answers stay while the page is drawn anew
        and go to no other case.
    on_wish : callable
        Called, before the page is drawn anew, with where the reader wants to go ('taken' where a
        step was taken and the case stays open, 'left', 'next' or 'worklist') and the step by which
        the case was left, '' otherwise.
    """

    def wished() -> None:
        wish = st.session_state[key].get("wish") or {}
        on_wish(str(wish.get("to", "")), str(wish.get("step", "")))

    _mount(key=key, data=dict(content), on_wish_change=wished)
