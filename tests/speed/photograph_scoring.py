"""What runtime, precision and decoding once change in the rate of scoring photographs.

`python -m tests.speed.photograph_scoring` on a quiet machine; `--photographs FOLDER` takes pictures
of a folder instead of generated ones. Every way is timed once in each round, in turn, so that what
else runs on the machine slows all of them. `apart` is how it was done before: backbones one after
another, each decoding every picture, and networks that take 64 frames at a time.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch

from tests.speed.decoder_workers import enlarged_phantoms
from triage.backbones.backbone import Backbone
from triage.backbones.runtime import torch_network
from triage.backbones.runtime.execution import Execution
from triage.data.manifest import IMAGE_SUFFIXES, Case
from triage.imaging.views import Views
from triage.models.load_backbone import load_backbone
from triage.models.throughput import offered_executions
from triage.systems.photographs.system import embed_with

REFERENCES = ("lite:0", "monai:resnet18@160")
COUNT = 64
ROUNDS = 3
BEFORE = 64


def backbones(references: list[str], execution: Execution) -> dict[str, Backbone]:
    """The networks as the default recipe uses them: two stages, four views."""
    return {
        reference: load_backbone(reference, stages=2, views=Views.CROPS, execution=execution)
        for reference in references
    }


def main() -> None:
    """Print the rate of each way, and its ratio to the first, paired by round."""
    given = argparse.ArgumentParser()
    given.add_argument("--photographs", type=Path)
    given.add_argument("--backbone", action="append")
    given.add_argument("--count", type=int, default=COUNT)
    given.add_argument("--rounds", type=int, default=ROUNDS)
    options = given.parse_args()
    references = options.backbone or list(REFERENCES)
    with tempfile.TemporaryDirectory() as folder:
        if options.photographs:
            cases = photographs(options.photographs, options.count)
        else:
            cases = list(enlarged_phantoms(Path(folder) / "drawn", (768, 1024), options.count))
        measure(cases, references, options.rounds)


def photographs(folder: Path, count: int) -> list[Case]:
    """A case each of pictures of a folder, evenly spaced."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    step = max(1, len(found) // count)
    return [Case(str(n), str(n), str(n), (p,), None) for n, p in enumerate(found[::step][:count])]


def measure(cases: list[Case], references: list[str], rounds: int) -> None:
    """Time every way in turn, several times."""
    ways: dict[str, Callable[[], None]] = {}
    plain = backbones(references, Execution())
    ways["torch in float32, apart"] = lambda: apart(plain, cases)
    for execution in offered_executions():
        networks = backbones(references, execution)
        ways[str(execution)] = lambda networks=networks: together(networks, cases)
    for work in ways.values():
        work()  # compiles, starts workers
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    first = next(iter(times.values()))
    print(f"scoring {len(cases)} photographs by {', '.join(references)}, four views, two stages, ")
    print(f"{torch.get_num_threads()} threads, {rounds} rounds in turn: best rate, median ratio")
    for name, taken in times.items():
        ratio = statistics.median(a / b for a, b in zip(first, taken, strict=True))
        print(f"  {name:24s} {len(cases) / min(taken):6.1f} pictures/s   {ratio:.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"  peak memory of this process, all ways in it: {peak:.0f} MiB")


def apart(networks: dict[str, Backbone], cases: list[Case]) -> None:
    """Embed by one backbone after another."""
    with patch.object(torch_network, "CHUNK", BEFORE):
        for key, network in networks.items():
            embed_with({key: network}, cases, None)


def together(networks: dict[str, Backbone], cases: list[Case]) -> None:
    """Embed by all backbones at once."""
    embed_with(networks, cases, None)


if __name__ == "__main__":
    main()
