"""Limits on the resources of a process that decodes a file."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triage.errors import UsageError

MEMORY_VARIABLE = "TRIAGE_DECODER_MEMORY_MIB"
CPU_VARIABLE = "TRIAGE_DECODER_CPU_SECONDS"
WALL_VARIABLE = "TRIAGE_DECODER_WALL_SECONDS"
WORKERS_VARIABLE = "TRIAGE_DECODER_WORKERS"
_VARIABLES = {
    "memory_mib": MEMORY_VARIABLE,
    "cpu_seconds": CPU_VARIABLE,
    "wall_seconds": WALL_VARIABLE,
    "workers": WORKERS_VARIABLE,
}


_MEBIBYTE = 2**20
_USUAL_MIB = 8
_SECONDS_PER_MIB = 0.25  # lossless JPEG 2000, the slowest of the codecs, takes about as long
_MOST_SECONDS = 30.0
_MOST_FILES = 2048


class WorkerLimits(BaseModel):
    """Limits of a worker process; they are enforced by the kernel, not by the decoder.

    Parameters
    ----------
    memory_mib : int
        Address space that decoding one file may take beyond that of the idle worker, in MiB.
        Held on Linux only.
    cpu_seconds : float
        CPU time, user and system, of decoding one file of usual size; see `cpu_seconds_of`.
    wall_seconds : float
        Time until an answer; for a file that makes a decoder wait without working.
    workers : int
        Processes that decode side by side.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_mib: int = Field(default=700, ge=64)
    cpu_seconds: float = Field(default=4.0, gt=0, le=3600)
    wall_seconds: float = Field(default=60.0, gt=0, le=86400)
    workers: int = Field(default_factory=lambda: min(2, os.cpu_count() or 1), ge=1, le=64)

    def cpu_seconds_of(self, path: Path) -> float:
        """CPU time that decoding a file or folder may take, in seconds.

        `cpu_seconds` up to 8 MiB; 0.25 seconds more for each further MiB, since a volume of
        hundreds of compressed B-scans takes time, and never more than 30 seconds more.
        """
        size = 0
        with suppress(OSError, ValueError):
            if path.is_dir():
                with os.scandir(path) as entries:
                    for entry in islice(entries, _MOST_FILES):
                        size += entry.stat(follow_symlinks=False).st_size
            else:
                size = path.stat().st_size
        more = max(0.0, size / _MEBIBYTE - _USUAL_MIB) * _SECONDS_PER_MIB
        return self.cpu_seconds + min(more, _MOST_SECONDS)

    @classmethod
    def from_environment(cls) -> WorkerLimits:
        """Read the limits that environment variables give; see `docs/commands.md`.

        Raises
        ------
        UsageError
            If one is no number or out of range.
        """
        given = {
            name: os.environ[variable]
            for name, variable in _VARIABLES.items()
            if variable in os.environ
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            found = error.errors()[0]
            raise UsageError(f"{found['msg']}.", where=_VARIABLES[str(found["loc"][0])]) from None
