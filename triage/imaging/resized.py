"""Network inputs of a picture: its views, resized to squares, and its quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.imaging.picture import Picture, PictureFlag
from triage.imaging.quality import assess_quality, quality_problem
from triage.imaging.views import Views, views_of

Input = tuple[int, Views]
"""Side of a network's square input in pixels, and the views that it is given."""


@dataclass(frozen=True)
class ResizedPicture:
    """The views of all frames of one file, for one or several networks.

    Parameters
    ----------
    inputs : tuple of uint8 array [F V, size, size, 3]
        One an `Input` that was asked for; the V views of a frame end to end.
    sha256 : str
        Hash of the file's bytes that were decoded.
    problem : str
        Why the picture is unusable, in a sentence; '' where it is usable.
    flags : tuple of PictureFlag
    """

    inputs: tuple[NDArray[np.uint8], ...] = field(repr=False)
    sha256: str
    problem: str = ""
    flags: tuple[PictureFlag, ...] = ()


def resize_picture(picture: Picture, inputs: Sequence[Input]) -> ResizedPicture:
    """Assess a picture's quality and resize its views for every network.

    Parameters
    ----------
    picture : Picture
    inputs : sequence of Input
    """
    problems = (quality_problem(assess_quality(frame)) for frame in picture.frames)
    problem = next((text for text in problems if text), "")
    resized = tuple(
        np.stack(
            [resize(view, size) for frame in picture.frames for view in views_of(frame, views)]
        )
        for size, views in inputs
    )
    return ResizedPicture(resized, picture.sha256, problem, picture.flags)


def resize(frame: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize one RGB frame, uint8 [H, W, 3] to [size, size, 3] (bicubic, antialiased)."""
    if frame.shape[:2] == (size, size):
        return frame
    return np.asarray(Image.fromarray(frame).resize((size, size), Image.Resampling.BICUBIC))
