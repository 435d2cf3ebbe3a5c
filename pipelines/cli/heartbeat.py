"""A file whose time says when a service did its work last."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from triage.errors import ExitCode

HEARTBEAT_VARIABLE = "TRIAGE_HEARTBEAT"


def with_heartbeat(work: Callable[[], ExitCode]) -> Callable[[], ExitCode]:
    """Return work that sets the time of the file that ``TRIAGE_HEARTBEAT`` names when it is done.

    Parameters
    ----------
    work : callable
        As for `pipelines.cli.repeat.repeat`. Work that raises an error sets nothing.
    """

    def done() -> ExitCode:
        code = work()
        beat()
        return code

    return done


def beat() -> None:
    """Set the time of the file that ``TRIAGE_HEARTBEAT`` names; do nothing without it.

    A file that cannot be written is said, and ends nothing: the check of the service fails then.
    """
    name = os.environ.get(HEARTBEAT_VARIABLE)
    if not name:
        return
    try:
        Path(name).touch()
    except OSError as error:
        reason = error.strerror
        print(f"triage: the heartbeat {name} cannot be written ({reason})", file=sys.stderr)
