"""Time and memory of scoring a case, of two systems in alternation."""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from triage.data.manifest import Case
from triage.progress import Progress
from triage.systems.trained_system import TrainedSystem

ROUNDS = 3
_REFERENCES = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class ScoringCost:
    """Of one system: seconds of a case, and bytes that scoring takes beside what was there.

    Bytes are those of the bundle's weights and the rise of the process's peak memory; None where
    the system does not tell it.
    """

    seconds: float
    bytes: int | None


def scoring_costs(
    systems: Sequence[tuple[TrainedSystem, int]], cases: Sequence[Case], progress: Progress
) -> list[ScoringCost]:
    """Measure systems in alternation, so that whatever else runs here meets them alike.

    Parameters
    ----------
    systems : sequence of (TrainedSystem, int)
        Each with the bytes of its weights.
    cases : sequence of Case
        Scored without a cache, in each of `ROUNDS` rounds; the median round counts.
    """
    seconds: list[list[float]] = [[] for _ in systems]
    peaks: list[list[int]] = [[] for _ in systems]
    gc.collect()
    for number in range(ROUNDS):
        for place, (system, _) in enumerate(systems):
            before = _reset_peak()
            began = time.perf_counter()
            system.score(cases)
            seconds[place].append((time.perf_counter() - began) / len(cases))
            after = _kilobytes("VmHWM")
            if before is not None and after is not None:
                peaks[place].append(1024 * max(0, after - before))
        progress("timing both systems", number + 1, ROUNDS)
    return [
        ScoringCost(
            statistics.median(times), weights + int(statistics.median(peak)) if peak else None
        )
        for (_, weights), times, peak in zip(systems, seconds, peaks, strict=True)
    ]


def weights_size(bundle: Path) -> int:
    """Return the bytes of a bundle's weights."""
    return sum(path.stat().st_size for path in bundle.rglob("*.safetensors"))


def _reset_peak() -> int | None:
    """Let the peak memory of this process start from what it holds now; return that, in KiB."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        _REFERENCES.write_text("5")
    except OSError:
        return None
    return _kilobytes("VmRSS")


def _kilobytes(field: str) -> int | None:
    try:
        with open("/proc/self/status", encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), None)
