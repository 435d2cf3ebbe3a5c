"""Files that a user names: opened only if they are regular, read only up to a bound.

A named pipe makes `open` wait for ever, a device such as /dev/zero never ends, and a link may lead
to either. Every path from outside is opened here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class NotRegularError(OSError):
    """The path is that of a folder, a pipe, a socket or a device."""


class FileTooLargeError(OSError):
    """The file is larger than is read."""


class OutsideRootError(OSError):
    """A link on the path leads out of the folder that it has to stay in."""


@contextmanager
def open_regular(path: str | Path, *, root: str | Path | None = None) -> Iterator[BufferedReader]:
    """Open a regular file for reading; never wait for a pipe, never touch a device.

    Parameters
    ----------
    path : str or Path
    root : str or Path, optional
        Folder that the path may not leave by links.

    Raises
    ------
    NotRegularError
        For anything but a regular file.
    OutsideRootError
        If the path, links followed, is not below `root`.
    OSError
        If there is no such file or it cannot be opened.
    ValueError
        For a path with a null character.
    """
    if root is not None:
        check_below(path, root)
    # Asked before opening, since opening a device may already do something, and after it, since
    # the path may lead to another file by then.
    _check_regular(os.stat(path))
    descriptor = os.open(path, _FLAGS)
    with os.fdopen(descriptor, "rb") as stream:
        _check_regular(os.fstat(descriptor))
        yield stream


def read_regular(path: str | Path, max_bytes: int, *, root: str | Path | None = None) -> bytes:
    """Read a regular file of at most `max_bytes`.

    Parameters
    ----------
    path : str or Path
    max_bytes : int
        Nothing is read of a larger file.
    root : str or Path, optional
        Folder that the path may not leave by links.

    Raises
    ------
    FileTooLargeError
        If there is more.
    OSError, ValueError
        As `open_regular`.
    """
    with open_regular(path, root=root) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > max_bytes:
            raise FileTooLargeError(f"larger than {max_bytes} bytes")
        # A read allocates what it asks for; one byte more tells whether the file has grown.
        data = stream.read(size + 1)
    if len(data) > max_bytes:
        raise FileTooLargeError(f"larger than {max_bytes} bytes")
    return data


def check_below(path: str | Path, root: str | Path) -> None:
    """Refuse a path whose links lead out of a folder; links within it are fine.

    Raises
    ------
    OutsideRootError
    """
    if not is_below(path, root):
        raise OutsideRootError("a link leads out of the folder")


def is_below(path: str | Path, root: str | Path) -> bool:
    """Say whether a path, links followed, is a folder or lies below it."""
    real, base = os.path.realpath(path), os.path.realpath(root)
    return real == base or real.startswith(base.rstrip(os.sep) + os.sep)


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError("not a regular file")
