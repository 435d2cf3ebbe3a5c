"""Decoded pictures: pixels and facts that do not identify a patient."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class PictureFlag(StrEnum):
    """How a picture was changed on reading, or what is doubtful about it; stored with the case."""

    COLOURS_CONVERTED = "colours_converted"
    COLOUR_PROFILE_UNUSABLE = "colour_profile_unusable"

    @property
    def sentence(self) -> str:
        """Description of the flag."""
        return _SENTENCES[self]


_SENTENCES = {
    PictureFlag.COLOURS_CONVERTED: "Its colours were converted to sRGB by its colour profile.",
    PictureFlag.COLOUR_PROFILE_UNUSABLE: (
        "Its colour profile cannot be used, so its colours are taken as sRGB."
    ),
}


@dataclass(frozen=True)
class Picture:
    """Decoded frames of one file.

    Parameters
    ----------
    frames : uint8 array [F, H, W, 3]
        sRGB, upright: an embedded colour profile and the EXIF orientation are applied.
    kind : str
        'jpeg', 'png', 'tiff', 'webp', 'bmp', 'heif', 'avif' or 'dicom'.
    modality : str or None
        For DICOM the SOP class's plain name, such as
        'VL Photographic Image Storage'; None otherwise.
    sha256 : str
        Hash of the file's bytes, 64 hexadecimal digits.
    flags : tuple of PictureFlag
    mm_per_pixel : pair of float, optional
        Between rows and between columns, in mm, where a DICOM object states it.
    """

    frames: NDArray[np.uint8] = field(repr=False)
    kind: str
    modality: str | None
    sha256: str
    flags: tuple[PictureFlag, ...] = ()
    mm_per_pixel: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[3] != 3 or 0 in self.frames.shape:
            raise ValueError(f"frames must be [F, H, W, 3], not {self.frames.shape}")
        if self.frames.dtype != np.uint8:
            raise ValueError(f"frames must be uint8, not {self.frames.dtype}")
