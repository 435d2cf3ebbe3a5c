"""Training by one and by two processes: `python -m tests.speed.training_workers [PART]`.

Parts are `heads` (an ensemble of heads on frozen embeddings that are in the cache), `networks`
(networks trained end to end) and `embedding` (images read and embedded before heads are trained,
nothing in the cache). Prints the ratio of one worker to two, on workers that run already. On two
quiet cores.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.speed.audit_speed import make_plan, make_table
from tests.tiny import tiny_settings
from triage.auditing.run import measure_audit
from triage.data.dataset import Dataset, load_dataset
from triage.data.spec_files import load_spec
from triage.engine import EngineSettings, open_executor
from triage.models.settings import FitSettings, TrainSettings
from triage.phantoms.skin import write_phantoms
from triage.systems.photographs.training import Pool, train_pool

ROOT = Path(__file__).parents[2]
CASES, SIDE, BACKBONE = 800, 128, "monai:resnet10"
"""Pictures and their side; a network of random weights, which takes as long as any."""


def main(only: str | None = None) -> None:
    """Run one part, or all."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        spec = ROOT / "data_specs" / "derm_phantoms.yaml"
        write_phantoms(work / "data", CASES, 0, size=SIDE, rare_fraction=0.4)
        dataset = load_dataset(load_spec(spec), work / "data")
        for name, part in PARTS.items():
            if only in (None, name):
                part(dataset, work / name)


def heads(dataset: Dataset, work: Path) -> None:
    """Sixteen heads of 40 epochs, their embeddings known."""
    settings = tiny_settings(
        BACKBONE, mode="embed", members=16, fit=FitSettings(epochs=40, patience=40)
    )
    train_pool(dataset, settings, cache_folder=work / "cache", checkpoints=work / "first")
    compare("heads", dataset, settings, work, lambda number: work / "cache")


def networks(dataset: Dataset, work: Path) -> None:
    """Four networks of two epochs."""
    settings = tiny_settings(
        BACKBONE, mode="finetune", members=4, fit=FitSettings(epochs=2, patience=2)
    )
    compare("networks", dataset, settings, work, lambda number: work / "cache")


def embedding(dataset: Dataset, work: Path) -> None:
    """One head of one epoch, nothing embedded."""
    settings = tiny_settings(
        BACKBONE, mode="embed", members=1, fit=FitSettings(epochs=1, patience=1)
    )
    compare("embedding", dataset, settings, work, lambda number: work / f"cache-{number}")


PARTS: dict[str, Callable[[Dataset, Path], None]] = {
    "heads": heads,
    "networks": networks,
    "embedding": embedding,
}


def compare(
    name: str,
    dataset: Dataset,
    settings: TrainSettings,
    work: Path,
    cache: Callable[[int], Path],
) -> None:
    """Time one worker and two, and check that they give the same."""
    seconds: list[float] = []
    pools: list[Pool] = []
    for number in (1, 2):
        with open_executor(EngineSettings(engine="processes", workers=number)) as executor:
            # Starts the workers, which import for seconds.
            measure_audit(make_table(300, 150, axes=2), make_plan(), executor=executor)
            start = time.perf_counter()
            pools.append(
                train_pool(
                    dataset,
                    settings,
                    cache_folder=cache(number),
                    checkpoints=work / f"checkpoints-{number}",
                    executor=executor,
                )
            )
            seconds.append(time.perf_counter() - start)
    difference = max(
        abs(loss - pools[1].losses[member]) for member, loss in pools[0].losses.items()
    )
    assert difference < 1e-5, difference
    one, two = seconds
    print(f"{name}: one worker {one:.1f} s, two {two:.1f} s: {one / two:.2f} times faster")


if __name__ == "__main__":
    main(*sys.argv[1:])
