"""A lock on a file, which the operating system holds: free at once when its process is killed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from triage.errors import TriageError, UsageError

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None  # type: ignore[assignment]

_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""What file systems answer that have no locks; there nothing is held."""


@contextmanager
def file_lock(path: Path, refusal: Callable[[str], TriageError]) -> Iterator[None]:
    """Hold a lock file until the end, when it is deleted.

    Parameters
    ----------
    path : Path
        The lock file; its folder is made.
    refusal : callable
        Gets the owner in words, such as ` (process 12)`, or '', and returns what is raised where
        another process, or another thread of this one, holds the lock.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = _locked(path, refusal)
    except OSError as error:
        raise UsageError(
            f"cannot be written to: {error.strerror}",
            where=str(path.parent),
            hint="Choose another place, or free some space.",
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(number)


def _locked(path: Path, refusal: Callable[[str], TriageError]) -> int:
    """Return an open file that is locked; raise if another process holds it."""
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _lock(number)
        except BlockingIOError:
            owner = _owner(number)
            os.close(number)
            raise refusal(owner) from None
        # The former owner may have deleted the file between the two calls: then it locks nothing.
        if path.exists() and path.stat().st_ino == os.fstat(number).st_ino:
            os.truncate(number, 0)
            os.pwrite(number, f"{os.getpid()}\n".encode(), 0)
            return number
        os.close(number)


def _lock(number: int) -> None:
    try:
        if fcntl is not None:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise


def _owner(number: int) -> str:
    found = os.pread(number, 20, 0).decode("ascii", "replace").strip()
    return f" (process {found})" if found.isdigit() else ""
