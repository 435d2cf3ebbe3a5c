"""A corruption at a severity, deterministic for an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.hashing import hash_json
from triage.imaging.corruptions.corruption_registry import CORRUPTIONS

_FORMAT = "triage-corruptions-1"
"""To be raised when a function changes what it does: embeddings are kept under it."""


@dataclass(frozen=True)
class Corruption:
    """A registered corruption at a severity, written `name:severity`.

    Parameters
    ----------
    name : str
        Key of `CORRUPTIONS`.
    severity : int
        From 1; moderate corruptions have five, far ones a single one.

    Raises
    ------
    UsageError
        If there is no such corruption or severity.

    Examples
    --------
    >>> str(Corruption("jpeg", 3))
    'jpeg:3'
    """

    name: str
    severity: int

    def __post_init__(self) -> None:
        levels = len(CORRUPTIONS[self.name].strengths)
        if type(self.severity) is not int or not 1 <= self.severity <= levels:
            raise UsageError(
                f"{self.name} has no severity {self.severity!r}",
                hint=f"Choose 1 to {levels}." if levels > 1 else "It has severity 1 only.",
            )

    def __str__(self) -> str:
        return f"{self.name}:{self.severity}"

    @property
    def digest(self) -> str:
        """Hash of everything that determines the result for an image."""
        strength = CORRUPTIONS[self.name].strengths[self.severity - 1]
        return hash_json([_FORMAT, self.name, self.severity, strength])

    def key(self, image_hash: str) -> str:
        """Hash that identifies the corrupted image, as `image_hash` identifies the image."""
        return hash_json([image_hash, self.digest])

    def apply(self, frame: NDArray[np.uint8], image_hash: str) -> NDArray[np.uint8]:
        """Corrupt one frame; random choices depend only on the image's hash and the digest.

        Parameters
        ----------
        frame : uint8 array [H, W, 3]
            RGB, as large as a network takes it; left as it is.
        image_hash : str
            SHA-256 of the file the frame is of.

        Returns
        -------
        uint8 array [H, W, 3]

        Raises
        ------
        ValueError
            If the frame is not such an array.
        """
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or 0 in frame.shape:
            raise ValueError(f"frame must be uint8 [H, W, 3], not {frame.dtype} {frame.shape}")
        stock = CORRUPTIONS[self.name]
        generator = np.random.default_rng(int(self.key(image_hash), 16))
        return stock.function(frame, stock.strengths[self.severity - 1], generator)


FAR = Corruption("shuffled_tiles", 1)
"""The stock far set."""


def parse_corruption(text: str) -> Corruption:
    """Parse `name:severity`; the severity is optional if there is only one.

    Raises
    ------
    UsageError
        If the text is not of that form, or names no stock corruption.
    """
    name, colon, severity = text.strip().partition(":")
    if not colon and name in CORRUPTIONS and len(CORRUPTIONS[name].strengths) == 1:
        return Corruption(name, 1)
    if name.isidentifier():
        CORRUPTIONS.lookup(name)
    if colon and severity.isascii() and severity.isdecimal():
        return Corruption(name, int(severity))
    raise UsageError(f"{text!r} is not a corruption", hint="Write name:severity, such as jpeg:3.")
