"""The main function of a worker process: it runs one task after another."""

from __future__ import annotations

import json
import os
import signal
import sys
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread

from triage.engine.worker_calls import answer_call

READY, PROGRESS, ANSWER = b"r", b"p", b"a"
"""First byte of each message to the engine; the rest is JSON."""


def run_worker(pipe: Connection) -> None:
    """Answer the calls that come through a pipe, until it is closed.

    Parameters
    ----------
    pipe : Connection
        Gets calls as `triage.engine.worker_calls.call_text` writes them; progress and answers
        are sent back.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us hears it, and stops us
    os.dup2(2, 1)  # standard output is the command's alone, which may print JSON there
    Thread(target=_end_with_the_parent, daemon=True).start()

    def report(stage: str, done: int, total: int) -> None:
        _send(pipe, PROGRESS + json.dumps([stage, done, total]).encode())

    _send(pipe, READY)
    while True:
        try:
            call = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        answer = answer_call(call.decode(), report)
        sys.stderr.flush()
        _send(pipe, ANSWER + answer.encode())


def _send(pipe: Connection, message: bytes) -> None:
    try:
        pipe.send_bytes(message)
    except OSError:  # nobody is there any more; a task must not take this for its own trouble
        os._exit(1)


def _end_with_the_parent() -> None:
    """End this process as soon as the one that started it has ended, in whatever way."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
