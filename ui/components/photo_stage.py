"""The stage of photographs: zoom, pan, contrast and colour constancy in the browser.

It asks the server for pictures only, at the addresses in its data.
"""

from __future__ import annotations

from ui.components.assets import component
from ui.shortcuts import PHOTO_STAGE, keys_of

_mount = component(
    "photo_stage",
    ("view.js", "loading.js", "photo_stage.js"),
    shared=("elements.js", "tones.js"),
    shared_styles=("dark_controls.css",),
)


def show(pictures: list[dict[str, str]], *, one: str, title: str, key: str) -> None:
    """Draw the stage.

    Parameters
    ----------
    pictures : list of dict
        In reading order, as `ui.pictures.describe` returns them; at least one.
    one : str
        What one picture is called, such as 'Photograph'.
    title : str
        Name of the stage for screen readers.
    key : str
        Identifies the case, so that the stage starts anew for another one.
    """
    data = {
        "pictures": pictures,
        "one": one,
        "title": title,
        "key": key,
        "keys": keys_of(PHOTO_STAGE),
    }
    _mount(key=key, data=data)
