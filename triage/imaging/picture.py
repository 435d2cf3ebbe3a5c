"""What reading a file leaves: pixels and nothing that identifies."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picture:
    """Decoded frames of one file.

    Parameters
    ----------
    frames : uint8 array [F, H, W, 3]
        RGB (taken as sRGB), upright: the EXIF orientation is applied.
    kind : str
        'jpeg', 'png', 'tiff' or 'dicom'.
    modality : str or None
        For DICOM the SOP class's plain name, such as
        'VL Photographic Image Storage'; None otherwise.
    sha256 : str
        Hash of the file's bytes, 64 hexadecimal digits.
    """

    frames: NDArray[np.uint8] = field(repr=False)
    kind: str
    modality: str | None
    sha256: str

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[3] != 3 or 0 in self.frames.shape:
            raise ValueError(f"frames must be [F, H, W, 3], not {self.frames.shape}")
        if self.frames.dtype != np.uint8:
            raise ValueError(f"frames must be uint8, not {self.frames.dtype}")
