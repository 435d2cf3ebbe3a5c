"""Conversion of colours from an embedded ICC profile to sRGB by littleCMS.

All later modules expect sRGB samples. The rendering intent is perceptual, the default of littleCMS
and the usual one for photographs; it makes a difference only for profiles with tables (presses,
scanners), not for the matrix-and-curve profiles of cameras and displays.
"""

from __future__ import annotations

from functools import cache, lru_cache
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from triage.imaging.picture import PictureFlag

MAX_PROFILE = 8 * 2**20
"""Bytes; profiles of displays take a few kilobytes, those of presses up to about 3 MB."""

Space = Literal["grey", "rgb", "cmyk"]

_SAME = 2  # levels up to which a conversion counts as none: profiles of sRGB differ by rounding
_BLOCK = 2**20  # pixels converted at a time
# ICC.1:2022 table 18: classes of profiles for stored samples, and table 19: the colour
# spaces of samples that are read, with Pillow's name of such an image.
_CLASSES = ("scnr", "mntr", "prtr", "spac")
_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}


class Conversion:
    """The conversion of samples by one profile.

    Parameters
    ----------
    transform : PIL.ImageCms.ImageCmsTransform
        To sRGB, from one channel ('L'), 'RGB' or 'CMYK'.
    """

    def __init__(self, transform: ImageCms.ImageCmsTransform) -> None:
        self.transform = transform
        self.mode = transform.input_mode

    def __call__(self, samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert samples [H, W, C], C = 1, 3 or 4 by the profile, to sRGB [H, W, 3]."""
        if self.mode == "L":
            samples = samples[..., 0]
        image = Image.fromarray(np.ascontiguousarray(samples), self.mode)
        return np.asarray(self.transform.apply(image))

    def changes_nothing(self) -> bool:
        """Whether no colour of a grid, nor any grey, changes by more than two levels."""
        if self.mode == "CMYK":
            return False
        levels = np.arange(256, dtype=np.uint8)
        colours = np.repeat(levels[:, None], 3, axis=1)
        if self.mode == "RGB":
            steps = np.append(levels[::16], np.uint8(255))
            grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
            colours = np.concatenate([colours, grid])
        converted = self(colours[None])[0].astype(np.int16)
        return bool(np.abs(converted - colours).max() <= _SAME)


def conversion(profile: bytes | None, space: Space) -> tuple[Conversion | None, PictureFlag | None]:
    """Return the conversion to apply to samples that have a profile.

    Parameters
    ----------
    profile : bytes or None
        The ICC profile, whatever its content.
    space : {'grey', 'rgb', 'cmyk'}
        What the samples are. A profile of RGB fits grey samples too, as three equal channels.

    Returns
    -------
    conversion : Conversion or None
        None where nothing is to be done.
    flag : PictureFlag or None
        `COLOURS_CONVERTED`; `COLOUR_PROFILE_UNUSABLE` for a damaged profile or one of other
        samples; None without a profile or where it is sRGB, that is, changes no colour by more
        than two levels.
    """
    if profile is None:
        return None, None
    found = _conversion(profile)
    fitting = {"grey": ("L", "RGB"), "rgb": ("RGB",), "cmyk": ("CMYK",)}[space]
    if found is None or found.mode not in fitting:
        return None, PictureFlag.COLOUR_PROFILE_UNUSABLE
    if found.changes_nothing():
        return None, None
    return found, PictureFlag.COLOURS_CONVERTED


def to_srgb(
    frame: NDArray[np.uint8], profile: bytes, *, in_place: bool = False
) -> tuple[NDArray[np.uint8], PictureFlag | None]:
    """Convert a frame from the colours of its ICC profile to sRGB.

    Parameters
    ----------
    frame : uint8 array [H, W, 3]
        RGB as stored; of a grey picture, three equal channels.
    profile : bytes
        The ICC profile, whatever its content.
    in_place : bool
        Overwrite `frame` instead of leaving it as it is.

    Returns
    -------
    frame : uint8 array [H, W, 3]
        The converted frame, or the given one where nothing was done.
    flag : PictureFlag or None
        See `conversion`.
    """
    blocks = row_blocks(*frame.shape[:2])
    grey = all((frame[rows, :, :2] == frame[rows, :, 1:]).all() for rows in blocks)
    convert, flag = conversion(profile, "grey" if grey else "rgb")
    if convert is None:
        return frame, flag
    result = frame if in_place else np.empty_like(frame)
    for rows in blocks:
        result[rows] = convert(frame[rows])
    return result, flag


def row_blocks(height: int, width: int, pixels: int = _BLOCK) -> list[slice]:
    """Split rows into slices of about `pixels` pixels, to bound the memory of derived arrays."""
    step = max(1, pixels // max(1, width))
    return [slice(start, min(start + step, height)) for start in range(0, height, step)]


@lru_cache(maxsize=2)
def _conversion(profile: bytes) -> Conversion | None:
    """Build the conversion; None for a damaged profile or one that does not fit the samples."""
    if len(profile) > MAX_PROFILE:
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space.strip())
        if mode is None or source.profile.device_class not in _CLASSES:
            return None
        intent = ImageCms.Intent.PERCEPTUAL
        return Conversion(ImageCms.ImageCmsTransform(source, _srgb(), mode, "RGB", intent))
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
