"""A worker: reads requests from standard input, decodes one file each, answers on standard output.

Started by the pool as `python -m triage.decoding.worker.process LIMITS`. It ends when its input
ends, so that no worker outlives the process that started it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from triage.decoding.worker.limits import WorkerLimits
from triage.decoding.worker.messages import Arrays, Header, read_message, write_message
from triage.decoding.worker.refusals import decoder_failed, of_file, out_of_memory
from triage.decoding.worker.results import encode_refusal, encode_result
from triage.decoding.worker.tasks import TASKS, load_decoders
from triage.errors import ImageRejected

try:
    import resource
except ImportError:  # on Windows, where only the wall time is bounded
    resource = None  # type: ignore[assignment]

_MAX_REQUEST = 2**20
_MAX_KEPT = 128 * 2**20
"""Address space in bytes that files may leave behind; beyond, the worker ends and is replaced."""

Write = Callable[[bytes | memoryview], None]


def main(arguments: list[str]) -> None:
    """Serve requests until the input ends."""
    limits = WorkerLimits.model_validate_json(arguments[0])
    requests, answers = os.dup(0), os.dup(1)
    # What a native library prints must not get between the answers.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)  # whatever was inherited; see limit_cpu
    if resource is not None:
        # A core file would hold a patient's picture.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def fill(view: memoryview) -> None:
        while view:
            count = os.readv(requests, [view])
            if not count:
                raise EOFError
            view = view[count:]

    def write(data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(answers, view) :]

    kept = 0
    while kept < _MAX_KEPT:
        try:
            request, _ = read_message(fill, _MAX_REQUEST)
        except EOFError:
            return
        path = Path(request["path"])
        load_decoders(request["task"], path)
        before = _address_space()
        header, arrays = _run(request, path, limits, write)
        kept += max(0, _address_space() - before - sum(array.nbytes for array in arrays))
        # The pool sees that no further request will be read.
        write_message(write, header | {"last": kept >= _MAX_KEPT}, arrays)


def _run(request: Header, path: Path, limits: WorkerLimits, write: Write) -> tuple[Header, Arrays]:
    """Run one task within the limits."""
    opened: list[str] = []

    def announce(sha256: str) -> None:
        opened.append(sha256)
        write_message(write, {"type": "opened", "sha256": sha256})

    limit_memory(limits.memory_mib * 2**20)
    limit_cpu(limits.cpu_seconds_of(path))
    try:
        return encode_result(TASKS[request["task"]](path, announce, request["arguments"]))
    except ImageRejected as found:
        refusal = found
    except MemoryError:
        refusal = of_file(out_of_memory(limits), path, next(iter(opened), None))
    except Exception:
        # Its message may quote the file.
        refusal = of_file(decoder_failed(), path, next(iter(opened), None))
    finally:
        limit_cpu(0)
        limit_memory(None)
    return encode_refusal(refusal), []


def limit_cpu(seconds: float) -> None:
    """End this process after so many seconds of CPU time; 0 lifts the limit.

    The signal of this timer is not caught, so that the kernel ends native code too.
    """
    if hasattr(signal, "ITIMER_PROF"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def limit_memory(more: int | None) -> None:
    """Let the address space grow by so many bytes; None lifts the limit."""
    if resource is None or not (size := _address_space()):
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard if more is None else size + more, hard))


def _address_space() -> int:
    """Size of this process's address space in bytes; 0 if the system does not report it."""
    try:
        with open("/proc/self/statm", "rb") as stream:
            return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    main(sys.argv[1:])
