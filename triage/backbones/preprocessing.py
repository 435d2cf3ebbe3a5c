"""From a file to a network's input: resize as uint8, which is small; normalise last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.decoding.read_picture import read_resized
from triage.errors import ImageRejected, RejectReason, TrainingError
from triage.hashing import hash_file, hash_json
from triage.imaging import DEFAULT_LIMITS
from triage.imaging.corruptions import Corruption
from triage.imaging.resized import resize
from triage.imaging.shown_name import shown_name
from triage.imaging.views import Views
from triage.regular_file import is_below

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class OpenedImage:
    """One file as a backbone takes it.

    Parameters
    ----------
    sha256 : str
        Hash of the very content that was decoded.
    frames : uint8 array [F, ...]
        Resized, not yet normalised.
    problem : str
        Why it is unusable, in a sentence; '' where it is usable.
    flags : tuple of str
        What was done or is doubtful: `PictureFlag` or, of a volume, `Flag`.
    """

    sha256: str
    frames: NDArray[np.uint8]
    problem: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageReader(ABC):
    """How the files of one kind become a backbone's input; its fields are its settings."""

    @property
    def digest(self) -> str:
        """Hash of every setting."""
        return hash_json(asdict(self))

    def content_hash(self, path: Path, root: Path | None = None) -> str | None:
        """Hash that `open` gives a file, without decoding it; None where only `open` can tell.

        Parameters
        ----------
        path : Path
        root : Path, optional
            Folder that the path may not leave by links.
        """
        try:
            if path.stat().st_size <= self.max_bytes and (root is None or is_below(path, root)):
                return hash_file(path)  # of a regular file, or it raises
        except (OSError, ValueError):
            pass
        return None

    @property
    def n_views(self) -> int:
        """How many views V of a picture it reads."""
        return 1

    @property
    @abstractmethod
    def max_bytes(self) -> int:
        """Largest file that is read."""

    @abstractmethod
    def open(self, path: Path, root: Path | None = None) -> OpenedImage:
        """Read and resize one file.

        Parameters
        ----------
        path : Path
        root : Path, optional
            Folder that the path may not leave by links.

        Raises
        ------
        ImageRejected
            Whatever is wrong with the file.
        """

    @abstractmethod
    def corrupt(self, image: OpenedImage, corruption: Corruption) -> OpenedImage:
        """Return an opened file with every frame corrupted."""


@dataclass(frozen=True)
class Preprocessing(ImageReader):
    """Pictures to one backbone's input: its size and normalisation.

    Parameters
    ----------
    size : int
        Side of the square input in pixels; the whole picture is resized to it, so that
        nothing at the border is lost.
    mean, std : tuple of 3 float
        Per-channel normalisation of values in [0, 1].
    views : Views
        What of each picture is embedded.

    Raises
    ------
    TrainingError
        If the size is outside 16 to 1024, or there are not three means and deviations.
    """

    size: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    views: Views = Views.WHOLE

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 1024:
            raise TrainingError(f"an input of {self.size} pixels a side", hint="Use 16 to 1024.")
        if not len(self.mean) == len(self.std) == 3 or min(self.std) <= 0:
            raise TrainingError("normalisation needs three means and three positive deviations")

    @property
    def digest(self) -> str:
        """Hash of every setting; of whole pictures as before there were views, for old caches."""
        settings = asdict(self)
        if self.views is Views.WHOLE:
            del settings["views"]
        return hash_json(settings)

    @property
    def n_views(self) -> int:
        """How many views V of a picture it reads."""
        return self.views.n_views

    @property
    def max_bytes(self) -> int:
        """Largest picture that is read."""
        return DEFAULT_LIMITS.max_bytes

    def open(self, path: Path, root: Path | None = None) -> OpenedImage:
        """Read a picture: uint8 [F V, size, size, 3], the V views of a frame end to end.

        Quality is judged before frames shrink.
        """
        (opened,) = _open_pictures([self], path, root)
        return opened

    def corrupt(self, image: OpenedImage, corruption: Corruption) -> OpenedImage:
        """Corrupt every frame; the same picture is always corrupted the same way."""
        frames = [corruption.apply(frame, image.sha256) for frame in image.frames]
        return replace(image, frames=np.stack(frames))

    def resize(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize one RGB frame, uint8 [H, W, 3] to [size, size, 3] (bicubic, antialiased)."""
        return resize(frame, self.size)

    def normalise(self, batch: torch.Tensor) -> torch.Tensor:
        """Turn uint8 [B, S, S, 3] into normalised float32 [B, 3, S, S], channels last in memory."""
        mean = torch.tensor(self.mean).view(1, 3, 1, 1)
        std = torch.tensor(self.std).view(1, 3, 1, 1)
        pixels = batch.permute(0, 3, 1, 2).float() / 255.0
        return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)


def open_for(
    readers: Sequence[ImageReader], path: Path, root: Path | None = None
) -> list[OpenedImage]:
    """Read a file for several backbones; a picture is decoded once.

    Parameters
    ----------
    readers : sequence of ImageReader
        How each of them reads it.
    path : Path
    root : Path, optional
        Folder that the path may not leave by links.

    Returns
    -------
    list of OpenedImage
        One a reader, all of the same content.

    Raises
    ------
    ImageRejected
        Whatever is wrong with the file.
    """
    pictures = [reader for reader in readers if isinstance(reader, Preprocessing)]
    if len(pictures) == len(readers):
        return _open_pictures(pictures, path, root)
    opened = [reader.open(path, root) for reader in readers]
    if len({image.sha256 for image in opened}) > 1:
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "The file changed while it was read.",
            where=shown_name(path),
            hint="Score it again once it is written.",
        )
    return opened


def _open_pictures(
    readers: Sequence[Preprocessing], path: Path, root: Path | None
) -> list[OpenedImage]:
    wanted = list(dict.fromkeys((reader.size, reader.views) for reader in readers))
    found = read_resized(path, wanted, root=root)
    frames = dict(zip(wanted, found.inputs, strict=True))
    flags = tuple(map(str, found.flags))
    return [
        OpenedImage(found.sha256, frames[reader.size, reader.views], found.problem, flags)
        for reader in readers
    ]
