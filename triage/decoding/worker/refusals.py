"""Refusals of files that exceeded a worker's limits, or on which the decoder failed."""

from __future__ import annotations

from pathlib import Path

from triage.decoding.worker.limits import (
    CPU_VARIABLE,
    MEMORY_VARIABLE,
    WALL_VARIABLE,
    WorkerLimits,
)
from triage.errors import ImageRejected, RejectReason
from triage.imaging.shown_name import shown_name


def out_of_memory(limits: WorkerLimits) -> ImageRejected:
    """Return the refusal of a file that takes more memory than a worker may use."""
    return ImageRejected(
        RejectReason.TOO_LARGE,
        f"Decoding needs more than {limits.memory_mib} MiB of memory.",
        hint=f"Export it smaller, or set {MEMORY_VARIABLE} higher.",
    )


def out_of_cpu_time(limits: WorkerLimits, path: Path) -> ImageRejected:
    """Return the refusal of a file that takes more CPU time than a worker may use."""
    return ImageRejected(
        RejectReason.TOO_MUCH_WORK,
        f"Decoding takes more than {limits.cpu_seconds_of(path):.3g} seconds of CPU time.",
        hint=f"Export it smaller, or set {CPU_VARIABLE} higher.",
    )


def out_of_time(limits: WorkerLimits) -> ImageRejected:
    """Return the refusal of a file on which the decoder neither ends nor uses CPU time."""
    return ImageRejected(
        RejectReason.TOO_MUCH_WORK,
        f"Decoding does not end within {limits.wall_seconds:g} seconds.",
        hint=f"Copy the file to a local disk, or set {WALL_VARIABLE} higher.",
    )


def decoder_failed() -> ImageRejected:
    """Return the refusal of a file on which the decoder crashed."""
    return ImageRejected(
        RejectReason.DECODER_FAILED,
        "The decoder failed on this file, so the file is damaged or of an unknown kind.",
        hint="Export it again, or in another format.",
    )


def of_file(refusal: ImageRejected, path: Path, sha256: str | None) -> ImageRejected:
    """Return a refusal with the name of the file and the hash of its content, if known."""
    return ImageRejected(
        refusal.reason, refusal.what, where=shown_name(path), hint=refusal.hint, sha256=sha256
    )
