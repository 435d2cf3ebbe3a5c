"""What is kept of a file that was scored, beside what was made of its pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileProvenance:
    """Which content was decoded, and how.

    Parameters
    ----------
    sha256 : str or None
        Of a photograph the hash of its bytes; of a volume `OctVolume.sha256`. None where the file
        could not be read.
    flags : tuple of str
        What was done or is doubtful: `PictureFlag` or, of a volume, `Flag`.
    """

    sha256: str | None
    flags: tuple[str, ...] = ()
