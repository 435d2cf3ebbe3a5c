"""Markup, style and scripts of the components, read from their folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

_ASSETS = Path(__file__).parent / "assets"


def component(
    name: str,
    scripts: Sequence[str],
    shared: Sequence[str] = (),
    shared_styles: Sequence[str] = (),
) -> Any:
    """Return a component that Streamlit can draw.

    Parameters
    ----------
    name : str
        Of the component and of its folder, which has `<name>.html` and `<name>.css`.
    scripts : sequence of str
        Its scripts in the order in which they are joined into one module; the last one exports
        the function that Streamlit calls.
    shared : sequence of str
        Scripts of the folder `shared` that come before them.
    shared_styles : sequence of str
        Style sheets of that folder that come before `<name>.css`.

    Returns
    -------
    callable
        As `streamlit.components.v2.component` returns it.
    """
    sources = [_text("shared", each) for each in shared] + [_text(name, each) for each in scripts]
    styles = [_text("shared", each) for each in ("tokens.css", *shared_styles)]
    return st.components.v2.component(
        name,
        html=_text(name, f"{name}.html"),
        css="\n".join([*styles, _text(name, f"{name}.css")]),
        js="\n".join(sources),
    )


def _text(folder: str, file: str) -> str:
    return (_ASSETS / folder / file).read_text(encoding="utf-8")
