"""Files that a user names, opened or refused with one sentence in the caller's own kind of error.

Specs, manifests, settings, tables of predictions and the parts of a bundle are read through here;
images have `triage.decoding.read_picture`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from triage.errors import TriageError
from triage.regular_file import (
    FileTooLargeError,
    NotRegularError,
    OutsideRootError,
    open_regular,
)

MAX_JSON_BYTES = 16 << 20
"""Most that is read of a JSON file; a bundle of a thousand members has less than 1 MiB."""
_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


@contextmanager
def open_named(
    path: Path, kind: str, error: type[TriageError], max_bytes: int
) -> Iterator[BinaryIO]:
    """Open a regular file of at most `max_bytes` for reading.

    Parameters
    ----------
    path : Path
    kind : str
        What the file should be, for messages, such as 'data spec'.
    error : type of TriageError
        Raised for whatever stands in the way, with `path` as its place.
    max_bytes : int

    Raises
    ------
    TriageError
        Of the type `error`: if there is no such file, it is a folder, a pipe, a socket or a
        device, is larger, or cannot be opened or read. What is raised within the `with` block
        becomes such an error if it is an OSError or a UnicodeError, and else passes.
    """
    try:
        with _opened(path, max_bytes) as stream:
            yield stream
    except (OSError, UnicodeError) as found:
        what, hint = _sentences(found, kind, max_bytes)
        raise error(what, where=str(path), hint=hint) from found


@contextmanager
def _opened(path: Path, max_bytes: int) -> Iterator[BinaryIO]:
    if not _can_be(path):
        raise FileNotFoundError
    with open_regular(path) as stream:
        if os.fstat(stream.fileno()).st_size > max_bytes:
            raise FileTooLargeError
        yield stream


def _can_be(path: Path) -> bool:
    """Whether the system can have a file of that name: no null character, an encoding for all."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def read_named(path: Path, kind: str, error: type[TriageError], max_bytes: int) -> bytes:
    """Read a whole file; see `open_named`."""
    with open_named(path, kind, error, max_bytes) as stream:
        # A read allocates what it asks for. One byte more tells whether the file has grown.
        data = stream.read(min(os.fstat(stream.fileno()).st_size, max_bytes) + 1)
        if len(data) > max_bytes:
            raise FileTooLargeError
    return data


def read_named_text(path: Path, kind: str, error: type[TriageError], max_bytes: int) -> str:
    """Read a whole file of UTF-8 text, with universal line ends; see `open_named`."""
    data = read_named(path, kind, error, max_bytes)
    try:
        return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()
    except UnicodeError as found:
        what, hint = _sentences(found, kind, max_bytes)
        raise error(what, where=str(path), hint=hint) from found


def _sentences(found: Exception, kind: str, max_bytes: int) -> tuple[str, str | None]:
    """What is wrong, and what to do about it."""
    if isinstance(found, FileNotFoundError | NotADirectoryError):
        return f"there is no such {kind}", "Check the path."
    if isinstance(found, NotRegularError):
        return "is a folder, a pipe, a socket or a device, not a file", f"Name the {kind} itself."
    if isinstance(found, OutsideRootError):
        return "a symbolic link leads out of its folder", "Copy the file into the folder."
    if isinstance(found, FileTooLargeError):
        most = f"is larger than {size_text(max_bytes)}, the most that is read of a {kind}"
        return most, "Check that it is the right file."
    if isinstance(found, UnicodeError):
        return "is not a readable text file in UTF-8", "Save it as UTF-8."
    number = found.errno if isinstance(found, OSError) else None
    reason = os.strerror(number) if number else "unknown error"
    return f"cannot be read ({reason})", None


def size_text(n_bytes: int) -> str:
    """Return a number of bytes for people, such as '256 MiB'."""
    for unit, size in _UNITS:
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes} bytes"
