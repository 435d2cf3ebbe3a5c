"""Facts kept about a scored file: the hash of its content and how it was decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileProvenance:
    """Content hash of a decoded file, and how it was decoded.

    Parameters
    ----------
    sha256 : str or None
        Of a photograph the hash of its bytes; of a volume `OctVolume.sha256`. None where the file
        could not be read.
    flags : tuple of str
        Changes and doubts: `PictureFlag` or, of a volume, `Flag`.
    """

    sha256: str | None
    flags: tuple[str, ...] = ()
