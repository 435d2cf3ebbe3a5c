"""Where the images and the panel of a case stand: side by side in a wide window, else in turn."""

from __future__ import annotations

from typing import Any

import streamlit as st

_STYLE = """
<style>
  .st-key-case-header { gap: 0.1rem 1rem; min-height: 1.9rem; }
  .st-key-case-header h1 { font-size: 1.2rem !important; white-space: nowrap; }
  .st-key-case-header p { font-size: 0.88rem; overflow-wrap: anywhere; }
  [data-testid="stMainBlockContainer"]:has(.st-key-case-layout) > [data-testid="stVerticalBlock"] {
    gap: 0.4rem;
  }
  @media (min-width: 56.25em) and (min-height: 28.75em) {
    [data-testid="stMainBlockContainer"]:has(.st-key-case-layout) {
      padding-top: 3.5rem; padding-bottom: 0;
    }
    .st-key-case-layout [data-testid="stHorizontalBlock"]:has(> * .st-key-case-images) {
      flex-wrap: nowrap;
    }
    .st-key-case-images {
      position: sticky; top: 3.5rem;
      max-height: calc(100vh - 6.2rem); overflow-y: auto; overscroll-behavior: contain;
    }
  }
  @media (width < 56.25em), (height < 28.75em) {
    .st-key-case-layout [data-testid="stHorizontalBlock"]:has(> * .st-key-case-images) {
      flex-direction: column;
    }
    .st-key-case-layout [data-testid="stColumn"]:has(.st-key-case-images),
    .st-key-case-layout [data-testid="stColumn"]:has(.st-key-case-panel) {
      width: 100%; min-width: 100%; flex: 1 1 auto;
    }
    .st-key-case-images { max-height: 46vh; overflow-y: auto; }
    [data-testid="stMainBlockContainer"]:has(.st-key-case-layout) {
      padding-inline: 0.75rem; padding-bottom: 0;
    }
  }
</style>
"""


def case_columns(widths: tuple[int, int]) -> tuple[Any, Any]:
    """Return the places for the images and for the panel.

    In a wide window both are as high as the window below its header, so that picture, opinion and
    main button are seen together; each scrolls by itself. In a narrow one the images take at most
    half of the window's height and the panel follows.

    Parameters
    ----------
    widths : tuple of int
        Relative widths of the images and of the panel.
    """
    st.html(_STYLE)
    with st.container(key="case-layout"):
        left, right = st.columns(widths, gap="small")
    return left.container(key="case-images"), right.container(key="case-panel")
