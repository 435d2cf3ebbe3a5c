"""The OCT viewer: a component in the browser that receives the whole volume at once.

Stepping through the B-scans then needs no request to the server, whose delay would be visible. Data
reach it as bytes and are shown as text and pixels, never inserted as markup.
"""

from __future__ import annotations

from ui.components.assets import component

_mount = component(
    "oct_viewer",
    (
        "payload.js",
        "drawing.js",
        "reasons.js",
        "captions.js",
        "layout.js",
        "caliper.js",
        "measuring.js",
        "comparison.js",
        "oct_viewer.js",
    ),
    shared=("elements.js", "tones.js"),
    shared_styles=("dark_controls.css",),
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
