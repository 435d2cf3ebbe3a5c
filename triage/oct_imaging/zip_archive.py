"""Zip archives whose directory is limited in size before it is parsed."""

from __future__ import annotations

import os
import zipfile
from typing import IO, BinaryIO, cast

from triage.errors import ImageRejected, RejectReason

_BYTES_PER_MEMBER = 4096  # of the directory; a name takes a hundred, a comment is rare


def open_zip(stream: BinaryIO, most_members: int) -> zipfile.ZipFile:
    """Open an archive for reading.

    `zipfile` reads the directory in one piece of the size that the archive's end states, and
    creates an object for each member before anything can be counted.

    Parameters
    ----------
    stream : binary file
        Stays open when the archive is closed.
    most_members : int

    Raises
    ------
    ImageRejected
        `TOO_LARGE` for more members, `INCONSISTENT` for two of one name, `TRUNCATED` for one that
        reaches beyond the end of the file.
    zipfile.BadZipFile
        If it is no archive.
    """
    reader = _DirectoryReader(stream, most_members)
    archive = zipfile.ZipFile(cast(IO[bytes], reader))
    reader.limited = False
    members = archive.infolist()
    if len(members) > most_members:
        raise _too_many(most_members)
    if len({member.filename for member in members}) < len(members):
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            "The archive holds two members of one name.",
            hint="Save the archive again.",
        )
    size = os.fstat(stream.fileno()).st_size
    if any(member.header_offset + member.compress_size > size for member in members):
        raise ImageRejected(
            RejectReason.TRUNCATED,
            "The archive ends before its content does.",
            hint="Copy or export the file again.",
        )
    return archive


class _DirectoryReader:
    """Wrapper of a file that refuses large reads while it is limited."""

    def __init__(self, stream: BinaryIO, most_members: int) -> None:
        self._stream = stream
        self._most_members = most_members
        # The end of the archive is looked for within its last 64 KiB.
        self._most = max(2**17, _BYTES_PER_MEMBER * most_members)
        self.limited = True

    def read(self, size: int = -1) -> bytes:
        if not self.limited:
            return self._stream.read(size)
        piece = self._stream.read(self._most + 1 if size < 0 else min(size, self._most + 1))
        if len(piece) > self._most:
            raise _too_many(self._most_members)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: the opener of the file closes it."""


def _too_many(most: int) -> ImageRejected:
    return ImageRejected(
        RejectReason.TOO_LARGE,
        f"The archive has more than {most} members.",
        hint="Save the volume alone, as an array named volume.",
    )
