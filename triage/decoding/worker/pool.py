"""Pool of worker processes, and the handling of files on which a worker died."""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import triage
from triage.decoding.worker.limits import WorkerLimits
from triage.decoding.worker.messages import (
    Arrays,
    Header,
    MessageError,
    read_message,
    write_message,
)
from triage.decoding.worker.refusals import decoder_failed, of_file, out_of_cpu_time, out_of_time
from triage.decoding.worker.results import Result, decode_result

_MAX_ANSWER = 4 * 2**30
"""Bytes of arrays in one answer; workers are bounded far below by their own memory."""
_INHERITED = ("LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "PATH", "SYSTEMROOT", "TMPDIR", "TZ")
_SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# Large pieces of freed memory go back at once, or they would count against the next file; small
# ones are kept, which is faster (mallopt(3)).
_MALLOC = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TOP_PAD_": str(16 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**20),
}

Item = TypeVar("Item")
Found = TypeVar("Found")
_MODULE = "triage.decoding.worker.process"
_OUT_OF_CPU_TIME = -getattr(signal, "SIGPROF", 0) or None


class _WallTimeError(Exception):
    """A worker did not answer in time."""


class _WorkerDiedError(Exception):
    """A worker ended, or sent an invalid answer."""


class _Worker:
    """One child process."""

    def __init__(self, limits: WorkerLimits) -> None:
        self.limits = limits
        self.served = 0
        self.opened: str | None = None  # hash of the file that is being decoded, once it is read
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, limits.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # native decoders quote the file there
            bufsize=0,
            env=worker_environment(),
            start_new_session=True,  # an interrupt of the terminal is for the parent alone
        )

    def ask(self, request: Header) -> tuple[Header, Arrays]:
        """Send a request and wait for its answer.

        Raises
        ------
        _WallTimeError
            If there is none in time.
        _WorkerDiedError
        """
        assert self.process.stdin
        assert self.process.stdout
        requests, answers = self.process.stdin.fileno(), self.process.stdout.fileno()
        end = time.monotonic() + self.limits.wall_seconds
        self.opened = None
        try:
            write_message(lambda data: _write(requests, data), request)
            while True:
                header, arrays = read_message(lambda view: _fill(answers, view, end), _MAX_ANSWER)
                if header.get("type") != "opened":
                    self.served += 1
                    return header, arrays
                self.opened = str(header.get("sha256"))
        except (EOFError, OSError, MessageError):
            raise _WorkerDiedError from None

    def end(self) -> int:
        """End the process, if it has not ended, and return its exit status."""
        with suppress(subprocess.TimeoutExpired):
            # A process that died of a signal may take a moment to be gone.
            self.process.wait(timeout=1)
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return self.process.wait()


class DecoderPool:
    """Pool of workers that decode files in parallel; safe to use from several threads.

    Parameters
    ----------
    limits : WorkerLimits, optional
        By default those of the environment (`WorkerLimits.from_environment`).
    """

    def __init__(self, limits: WorkerLimits | None = None) -> None:
        self.limits = limits or WorkerLimits.from_environment()
        self._idle: list[_Worker] = []
        self._places = threading.Semaphore(self.limits.workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, task: str, path: str | Path, **arguments: Any) -> Result:
        """Run a task on a file in a worker and return its result.

        Parameters
        ----------
        task : str
            A key of `triage.decoding.worker.tasks.TASKS`.
        path : str or Path
        **arguments
            Of that task; plain JSON types.

        Raises
        ------
        ImageRejected
            If the file is refused, takes too much memory or time, or the worker died on it.
        """
        path = Path(os.path.abspath(path))
        request = {"task": task, "path": str(path), "arguments": arguments}
        with self._places:
            worker = self._take()
            first = not worker.served
            try:
                return self._ask(worker, request)
            except _WorkerDiedError:
                # A file before this one may have damaged the worker: a good file gets a fresh one.
                if not first:
                    worker = _Worker(self.limits)
                    with suppress(_WorkerDiedError):
                        return self._ask(worker, request)
        raise of_file(decoder_failed(), path, worker.opened)

    def map(
        self,
        function: Callable[[Item], Found],
        items: Iterable[Item],
        ahead: int = 0,
    ) -> Iterator[Found]:
        """Call a function that runs tasks on this pool for several items at a time, in order.

        Parameters
        ----------
        function : callable
            Called in threads, as many as there are workers; what it raises is raised here.
        items : iterable
        ahead : int
            How many items may be begun and not taken yet; by default, and at least, twice as many
            as there are workers.
        """
        threads = ThreadPoolExecutor(self.limits.workers, thread_name_prefix="decoder")
        pending: deque[Future[Found]] = deque()
        try:
            for item in items:
                pending.append(threads.submit(function, item))
                # Little is read ahead by default: what is found is large, and whoever takes it
                # may need the processor for itself.
                if len(pending) > max(ahead, 2 * self.limits.workers):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End all workers that are idle."""
        while self._idle:
            worker = self._idle.pop()
            worker.process.kill()
            worker.end()

    def _take(self) -> _Worker:
        with suppress(IndexError):
            while True:
                worker = self._idle.pop()
                if worker.process.poll() is None:
                    return worker
                worker.end()
        return _Worker(self.limits)

    def _ask(self, worker: _Worker, request: Header) -> Result:
        """Send a request to a worker; return it to the pool if it continues, else end it."""
        path = Path(request["path"])
        try:
            header, arrays = worker.ask(request)
        except _WorkerDiedError:
            if worker.end() == _OUT_OF_CPU_TIME:
                raise of_file(out_of_cpu_time(self.limits, path), path, worker.opened) from None
            raise
        except _WallTimeError:
            worker.process.kill()
            worker.end()
            raise of_file(out_of_time(self.limits), path, worker.opened) from None
        except BaseException:  # interrupted: what is still answered belongs to no one
            worker.process.kill()
            worker.end()
            raise
        if header.get("last"):
            worker.end()
        else:
            self._idle.append(worker)
        try:
            return decode_result(header, arrays)
        except MessageError:
            raise of_file(decoder_failed(), path, worker.opened) from None


_default: tuple[int, DecoderPool] | None = None
_making = threading.Lock()


def default_pool() -> DecoderPool:
    """Pool that this process shares, with the limits of the environment.

    Raises
    ------
    UsageError
        If a limit in the environment is no number or out of range.
    """
    global _default
    with _making:
        # The workers of a process belong to it, not to a copy that it forked.
        if _default is None or _default[0] != os.getpid():
            pool = DecoderPool()
            _default = os.getpid(), pool
            atexit.register(pool.close)
        return _default[1]


def worker_environment() -> dict[str, str]:
    """Environment of a worker, without the parent's passwords and addresses."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    package = str(Path(triage.__file__).parents[1])
    return inherited | _MALLOC | dict.fromkeys(_SINGLE, "1") | {"PYTHONPATH": package}


def _write(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _fill(descriptor: int, view: memoryview, end: float) -> None:
    """Fill a buffer from a pipe until a deadline of the monotonic clock."""
    while view:
        if not _readable(descriptor, end - time.monotonic()):
            raise _WallTimeError
        count = os.readv(descriptor, [view])
        if not count:
            raise EOFError
        view = view[count:]


def _readable(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(max(0.0, seconds) * 1000))
