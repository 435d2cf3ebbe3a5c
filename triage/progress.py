"""How long work reports its progress."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and its total."""

Advance = Callable[[int], None]
"""Called with how much was done since the last call."""


def tagged(progress: Progress, tag: str) -> Progress:
    """Return a function that reports the same stages under a tag, such as `hod: training heads`."""
    return lambda stage, done, total: progress(f"{tag}: {stage}", done, total)


def counting(progress: Progress, stage: str, total: int) -> Advance:
    """Return a function that takes what was done since the last call and reports the sum."""
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(stage, done, total)

    return advance
