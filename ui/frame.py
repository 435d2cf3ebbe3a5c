"""What surrounds every page: icon, title of the window, and the style of Streamlit's frame."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from ui.settings import THEME

_TITLE = "Triage"
_STYLE = """
<style>
  [data-testid="stMainBlockContainer"] { padding: 4rem 1.25rem 1.25rem; max-width: 120rem; }
  [data-testid="stHeader"] {
    height: 3rem; min-height: 3rem; border-bottom: 1px solid #d5dde4; background: #fff;
  }
  [data-testid="stTopNav"] > :has(> [data-testid="stTopNavSection"]) { margin-left: auto; }
  [data-testid="stExpandSidebarButton"] [data-testid="stIconMaterial"] { font-size: 0; }
  [data-testid="stExpandSidebarButton"] [data-testid="stIconMaterial"]::after {
    content: "menu"; font-size: 1.5rem;
  }
  [data-testid="stMainBlockContainer"] h1 { font-size: 1.4rem; padding: 0 0 0.3rem; }
  [data-testid="stMainBlockContainer"] h2 { font-size: 1.15rem; padding: 0.5rem 0 0.25rem; }
  [data-testid="stElementContainer"]:has(> [data-testid="stHtml"] > style) { display: none; }
</style>
"""
"""Narrow margins and a low header, so that a case and its decision fit on one screen."""


def begin() -> None:
    """Set the icon and style of the page; called once at the beginning of every run."""
    # Drawn here, because a named icon would be fetched from the network.
    icon = Image.new("RGB", (32, 32), THEME["theme.primaryColor"])
    st.set_page_config(page_title=_TITLE, page_icon=icon, layout="wide")
    st.html(_STYLE)


def name_window(title: str) -> None:
    """Set the title of the browser's window, such as the name of the open case."""
    st.set_page_config(page_title=f"{title} · {_TITLE}")
