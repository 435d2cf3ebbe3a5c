"""What a second worker changes in the rate of scoring photographs, on each engine.

`python -m tests.speed.score_workers --bundle B --photographs FOLDER --count 2000` on a quiet
machine; without a bundle a small one is trained on phantoms, and without photographs phantoms are
drawn. The runs with one and with more workers take turns. Two rates are printed: of the whole call,
with the start of the workers, in which each imports the software and loads the bundle; and from the
first cases on until the end. No embeddings are kept between runs.

With `--kill` one worker is killed when half of the cases are done, and the table is compared with
that of a run without. The processes of the workers are found among the descendants of this one.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.speed.decoder_workers import enlarged_phantoms
from triage.data.manifest import IMAGE_SUFFIXES
from triage.engine import EngineSettings
from triage.intake.score_dataset import SHARD_SIZE, ShardSettings, score_dataset
from triage.predictions import Predictions


@dataclass
class Watch:
    """When cases were done; kills a worker at half of them, if asked to."""

    kill: bool
    start: float = field(default_factory=time.monotonic)
    first: tuple[float, int] | None = None
    killed: int = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take what is reported."""
        if done and self.first is None:
            self.first = time.monotonic(), done
        if self.kill and not self.killed and 2 * done >= total:
            self.killed = next(_workers())
            os.kill(self.killed, signal.SIGKILL)

    def rates(self, cases: int) -> tuple[float, float]:
        """Cases a second of the whole call, and from the first ones on."""
        end = time.monotonic()
        assert self.first is not None
        since, done = self.first
        return cases / (end - self.start), (cases - done) / max(end - since, 1e-9)


def _workers() -> Iterator[int]:
    """Processes of workers among the descendants of this one."""
    parents: dict[int, tuple[int, str]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (place / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        parents[int(place.name)] = parent, command
    ours = {os.getpid()}
    while more := {one for one, (parent, _) in parents.items() if parent in ours} - ours:
        ours |= more
    for one in sorted(ours):
        command = parents[one][1]
        if "ray::RayWorker" in command or "multiprocessing.spawn" in command:
            yield one


def main() -> None:
    """Print the rates of each engine and number of workers, and their ratios."""
    given = argparse.ArgumentParser()
    given.add_argument("--bundle", type=Path)
    given.add_argument("--photographs", type=Path)
    given.add_argument("--count", type=int, default=400)
    given.add_argument("--engine", action="append", choices=("processes", "ray"))
    given.add_argument("--workers", type=int, default=2)
    given.add_argument("--shard-size", type=int, default=SHARD_SIZE)
    given.add_argument("--rounds", type=int, default=1)
    given.add_argument("--kill", action="store_true")
    options = given.parse_args()
    engines = options.engine or ["processes", "ray"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = options.photographs or folder / "drawn"
        table = _manifest(folder, root, options.count, drawn=options.photographs is None)
        bundle = options.bundle or trained_bundle(folder)
        print(f"{options.count} cases, {os.cpu_count()} cores, shards of {options.shard_size}")
        for engine in engines:
            _compare(engine, options, bundle, table, root, folder)


def _compare(
    engine: str, options: argparse.Namespace, bundle: Path, table: Path, root: Path, folder: Path
) -> None:
    best: dict[int, tuple[float, float]] = {}
    for round_ in range(options.rounds):
        for workers in (1, options.workers):
            out = folder / f"{engine}-{workers}-{round_}"
            found = _rates(engine, workers, options, bundle, table, root, out, kill=False)
            print(f"{engine}, {workers} workers: {found[0]:.2f} cases/s, {found[1]:.2f} once begun")
            before = best.get(workers, (0.0, 0.0))
            best[workers] = max(before[0], found[0]), max(before[1], found[1])
    whole, begun = (many / one for many, one in zip(best[options.workers], best[1], strict=True))
    print(f"{engine}: {options.workers} workers are {whole:.2f} times one, {begun:.2f} once begun")
    if options.kill:
        out = folder / f"{engine}-killed"
        _rates(engine, options.workers, options, bundle, table, root, out, kill=True)
        same = _same(out, folder / f"{engine}-{options.workers}-0")
        told = "the same" if same else "ANOTHER ONE"
        print(f"{engine}: a worker was killed, and the table is {told}")


def _rates(
    engine: str,
    workers: int,
    options: argparse.Namespace,
    bundle: Path,
    table: Path,
    root: Path,
    out: Path,
    *,
    kill: bool,
) -> tuple[float, float]:
    settings = ShardSettings(
        options.shard_size, EngineSettings.model_validate({"engine": engine, "workers": workers})
    )
    watch = Watch(kill)
    result = score_dataset(bundle, table, root, out, settings, report=watch)
    if kill and not watch.killed:
        raise RuntimeError("no worker was killed")
    return watch.rates(result.manifest.cases)


def _same(one: Path, other: Path) -> bool:
    a, b = Predictions.load(one), Predictions.load(other)
    assert a.decisions is not None
    assert b.decisions is not None
    names = ["condition", "recommendation", "queue_urgency", "reason_code"]
    return (
        list(a.cases["case_id"]) == list(b.cases["case_id"])
        and a.decisions[names].equals(b.decisions[names])
        and bool(np.allclose(a.probabilities, b.probabilities, rtol=0, atol=1e-6))
    )


def _manifest(folder: Path, root: Path, count: int, *, drawn: bool) -> Path:
    if drawn:
        for _ in enlarged_phantoms(root, (768, 1024), count):
            pass
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    chosen = found[:: max(1, len(found) // count)][:count]
    table = folder / "cases.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("image",))
        writer.writerows((path.relative_to(root),) for path in chosen)
    return table


def trained_bundle(folder: Path) -> Path:
    """Train a small bundle on phantoms, in a folder."""
    from tests.tiny import tiny_settings
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec, shipped_spec
    from triage.learning.train import train
    from triage.phantoms.skin import write_phantoms

    write_phantoms(folder / "training", 200, 0, size=32, rare_fraction=0.4)
    dataset = load_dataset(load_spec(shipped_spec("derm_phantoms")), folder / "training")
    settings = tiny_settings("monai:resnet10_narrow@160")
    train(dataset, settings, folder / "bundle")
    return folder / "bundle"


if __name__ == "__main__":
    main()
