"""Processor time of the servers that this process has started, read from /proc (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

_MARK = b"ui.serving.server"
_TICKS = os.sysconf("SC_CLK_TCK")


def server_numbers() -> list[int]:
    """Return the numbers of the processes that serve pages, below this one."""
    parents = {number: int(fields[1]) for number, fields in _stats().items()}
    return [
        number
        for number in parents
        if _is_below(number, os.getpid(), parents)
        and _MARK in Path(f"/proc/{number}/cmdline").read_bytes()
    ]


def processor_seconds(servers: list[int]) -> float:
    """Return the processor time that processes and those below them have used so far."""
    stats = _stats()
    parents = {number: int(fields[1]) for number, fields in stats.items()}
    ticks = 0
    for number, fields in stats.items():
        if any(_is_below(number, server, parents) for server in servers):
            ticks += sum(int(fields[place]) for place in (11, 12, 13, 14))
    return ticks / _TICKS


def _stats() -> dict[int, list[str]]:
    """Fields of /proc/<number>/stat from the state on."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:  # it has ended meanwhile
            continue
        found[int(path.parent.name)] = text.rpartition(")")[2].split()
    return found


def _is_below(number: int, ancestor: int, parents: dict[int, int]) -> bool:
    while number:
        if number == ancestor:
            return True
        number = parents.get(number, 0)
    return False
