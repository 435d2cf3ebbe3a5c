"""Generators of data: the phantoms behind a spec's `generator`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.phantoms.oct import write_oct_phantoms
from triage.phantoms.skin import write_phantoms
from triage.progress import Progress

SEED = 0
FAR_AWAY = 100_000
"""Where the inbox starts in the endless series: its patients are never those of training."""


@dataclass(frozen=True)
class Generator:
    """Functions that generate cases of one kind.

    Parameters
    ----------
    write : callable
        `write_phantoms`, or one like it.
    cases : int
        For training and testing, by default.
    inbox : int
        For the reviewer's page.
    """

    write: Callable[..., Path]
    cases: int
    inbox: int

    def generate(self, folder: Path, cases: int | None, report: Progress) -> Path:
        """Write labelled cases; returns the folder."""
        count = cases or self.cases
        self.write(folder, count, SEED, progress=_counter(report, "drawing phantoms", count))
        return folder

    def fill_inbox(self, folder: Path, report: Progress) -> Path:
        """Write cases without labels; returns their manifest."""
        return self.write(
            folder,
            self.inbox,
            SEED,
            labelled=False,
            start=FAR_AWAY,
            progress=_counter(report, "drawing the inbox", self.inbox),
        )


GENERATORS = {
    "skin_phantoms": Generator(write_phantoms, cases=2400, inbox=60),
    "oct_phantoms": Generator(write_oct_phantoms, cases=900, inbox=24),
}


def generator_of(spec: DataSpec) -> Generator:
    """Return the generator of a spec's data.

    Raises
    ------
    UsageError
        If they cannot be made.
    """
    if spec.generator is None:
        raise UsageError(
            "these data cannot be generated", where=spec.name, hint="Say where they are: --root."
        )
    return GENERATORS[spec.generator]


def device_folders(
    spec: DataSpec,
    workdir: Path,
    cases: int | None,
    report: Progress,
    old: Path | None,
    new: Path | None,
) -> tuple[Path, Path]:
    """Folders of two devices' data; missing ones are generated.

    Raises
    ------
    UsageError
        If the spec's data cannot be generated for two devices.
    """
    if spec.generator != "oct_phantoms":
        raise UsageError(
            "these data cannot be generated for two devices",
            where=spec.name,
            hint="Say where they are: --root and --new-root.",
        )
    found = []
    for device, given in (("A", old), ("B", new)):
        folder = given or workdir / f"phantoms_{device}"
        if given is None:
            count = cases or GENERATORS[spec.generator].cases
            tick = _counter(report, f"drawing phantoms of device {device}", count)
            write_oct_phantoms(folder, count, SEED, device=device, progress=tick)
        found.append(folder)
    return found[0], found[1]


def _counter(report: Progress, stage: str, total: int) -> Any:
    return lambda done: report(stage, done, total)
