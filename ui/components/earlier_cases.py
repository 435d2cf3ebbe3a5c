"""Rows of a patient's other cases with thumbnails."""

from __future__ import annotations

from collections.abc import Sequence

from ui.components.assets import component

_mount = component("earlier_cases", ("earlier_cases.js",), shared=("elements.js",))


def show(rows: Sequence[dict[str, object]], *, chosen: int, key: str) -> int | None:
    """Draw the rows.

    Parameters
    ----------
    rows : sequence of dict
        Each with ``id``, ``name``, ``when``, ``what``, ``side``, ``state``, ``own`` (the reader's
        own decision, or ''), ``address`` of the case, ``pictures`` (addresses) and ``more``: how
        many further pictures there are.
    chosen : int
        The case whose images are shown now.
    key : str

    Returns
    -------
    int or None
        The case whose images are to be shown, in the run that follows the press.
    """
    pressed = _mount(
        key=key, data={"rows": list(rows), "chosen": chosen}, on_look_change=lambda: None
    ).look
    return int(pressed) if pressed is not None else None
