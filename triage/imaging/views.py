"""Views of a picture: the whole picture and crops of it, as a network receives them."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

CROP = 0.75
"""Share of each side that a crop keeps; the rest of the recipe was measured with it."""


class Views(StrEnum):
    """Which views of a picture are made."""

    WHOLE = "whole"
    CROPS = "crops"

    @property
    def n_views(self) -> int:
        """Number of views V of a picture."""
        return 1 if self is Views.WHOLE else 4


def views_of(frame: NDArray[np.uint8], views: Views) -> list[NDArray[np.uint8]]:
    """Return the views of one frame, each of its own size.

    Parameters
    ----------
    frame : uint8 array [H, W, C]
    views : Views
        `whole`: the frame as it is. `crops`: that, its mirror image, and the upper left and lower
        right three quarters of each side, which see smaller things and overlap in the middle.

    Returns
    -------
    list of uint8 array [h, w, C], length `views.n_views`
        Some share memory with the frame.
    """
    if views is Views.WHOLE:
        return [frame]
    high, wide = (max(1, round(CROP * side)) for side in frame.shape[:2])
    return [frame, frame[:, ::-1], frame[:high, :wide], frame[-high:, -wide:]]
