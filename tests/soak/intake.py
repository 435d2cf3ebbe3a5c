"""Mutated files through `triage inspect`: what becomes of them, and what each costs its worker.

`python -m tests.soak.intake --files 20000` prints a table and ends with 1 if a file cost more than
is allowed, killed the reading process, or was answered by anything but a picture or a refusal.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.soak.mutations import mutate, seeds
from triage.decoding.file_report import FileReport
from triage.decoding.worker import DecoderPool, WorkerLimits
from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import DEFAULT_LIMITS
from triage.oct_imaging.limits import DEFAULT_VOLUME_LIMITS

MAX_MEBIBYTES, MAX_CPU_SECONDS = 1024, 5.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Costs:
    """What became of the files of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0
    mebibytes: float = 0.0


def cost_of(pid: int) -> tuple[float, float]:
    """CPU seconds and peak MiB of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = Path(f"/proc/{pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return (int(fields[11]) + int(fields[12])) / _TICKS, peak


def forget_peak(pid: int) -> None:
    """Start the count of peak memory anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def run(count: int, seed: int) -> dict[str, Costs]:
    """Inspect mutated files and return the costs by kind of file."""
    rng = np.random.default_rng(seed)
    files = list(seeds().items())
    costs = {name: Costs() for name, _ in files}
    limits = WorkerLimits(workers=1)
    arguments = {
        "limits": DEFAULT_LIMITS.model_dump(),
        "volume_limits": DEFAULT_VOLUME_LIMITS.model_dump(),
        "photographs_only": True,
    }
    with tempfile.TemporaryDirectory() as name, DecoderPool(limits) as pool:
        path, place = Path(name) / "file", Path(name) / "pixels"
        for number in track(range(count), f"seed {seed}", console=Console(stderr=True)):
            kind, data = files[number % len(files)]
            path.write_bytes(mutate(data, rng))
            idle = [worker.process.pid for worker in pool._idle]
            before = cost_of(idle[0])[0] if idle else 0.0
            if idle:
                forget_peak(idle[0])
            try:
                found = pool.run("inspect", path, **arguments, pixels=str(place))
                assert isinstance(found, FileReport)
                outcome = "read" if found.readable else str(found.reason)
            except ImageRejected as refusal:
                outcome = str(refusal.reason)
            of_kind = costs[kind]
            of_kind.outcomes[outcome] += 1
            left = [worker.process.pid for worker in pool._idle]
            if left and left == idle:
                cpu, peak = cost_of(left[0])
                of_kind.cpu = max(of_kind.cpu, cpu - before)
                of_kind.mebibytes = max(of_kind.mebibytes, peak)
            for written in place.parent.glob("pixels*"):
                written.unlink()
    return costs


def main() -> None:
    """Print what became of the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    costs = run(given.files, given.seed)
    table = Table(title=f"{given.files} mutated files, seed {given.seed}")
    for column in ("kind", "read", "refused", "crashed", "most CPU s", "most MiB"):
        table.add_column(column)
    crashed = str(RejectReason.DECODER_FAILED)
    for kind, found in costs.items():
        total = found.outcomes.total()
        read, died = found.outcomes["read"], found.outcomes[crashed]
        row = (read, total - read - died, died)
        table.add_row(kind, *map(str, row), f"{found.cpu:.2f}", f"{found.mebibytes:.0f}")
    Console().print(table)
    reasons = sum((found.outcomes for found in costs.values()), Counter())
    print(", ".join(f"{reason} {n}" for reason, n in reasons.most_common()))
    print(f"{time.perf_counter() - started:.0f} s")
    worst = max(costs.values(), key=lambda found: found.cpu).cpu
    most = max(costs.values(), key=lambda found: found.mebibytes).mebibytes
    if worst > MAX_CPU_SECONDS or most > MAX_MEBIBYTES:
        sys.exit(f"too much: {worst:.1f} CPU s, {most:.0f} MiB")


if __name__ == "__main__":
    main()
