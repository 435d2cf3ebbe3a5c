"""What decoding in worker processes costs: the rate of reading and of scoring photographs.

`python -m tests.speed.decoder_workers` on a quiet machine. Compared with decoding one file
after another in the process that scores, by the same decoders.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from tests.speed.timing import seconds
from triage.data.manifest import Case
from triage.decoding import read_picture as read
from triage.decoding.worker import default_pool
from triage.decoding.worker.tasks import TASKS
from triage.models import read_ahead
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embeddings import embed_cases
from triage.models.load_backbone import load_backbone
from triage.phantoms.skin import generate_cases

SETS = {"160 px": ((160, 160), 192), "1024 px": ((768, 1024), 96), "12 Mpx": ((3000, 4000), 16)}
"""Sizes of photographs and how many."""
BACKBONE = "monai:resnet18@224"


class InThisProcess:
    """Stands in for the pool: every task runs here, one after another."""

    def run(self, task: str, path: str | Path, **arguments: Any) -> Any:
        return TASKS[task](Path(path), lambda sha256: None, arguments)

    def map(self, function: Callable[[Any], Any], items: Iterable[Any], *_: Any) -> Iterator[Any]:
        return map(function, items)


def main() -> None:
    """Print the rates of each set, isolated and not."""
    backbone = load_backbone(BACKBONE)
    here = InThisProcess()
    threads = torch.get_num_threads()
    workers = default_pool().limits.workers
    print(f"photographs (JPEG), {workers} workers, {threads} threads, scored by {BACKBONE}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (shape, count) in SETS.items():
            cases = list(enlarged_phantoms(Path(folder) / name, shape, count))

            def decode(cases: list[Case] = cases) -> None:
                paths = [path for case in cases for path in case.images]
                list(read.default_pool().map(lambda path: backbone.preprocessing.open(path), paths))

            def score(cases: list[Case] = cases) -> None:
                embed_cases(cases, backbone, EmbeddingCache(None, ""))

            for what, work in (("reading", decode), ("scoring", score)):
                isolated = seconds(work)
                with (
                    patch.object(read, "default_pool", lambda: here),
                    patch.object(read_ahead, "default_pool", lambda: here),
                ):
                    plain = seconds(work)
                print(
                    f"  {name:8s} {what}: here {count / plain:6.1f} a second, "
                    f"in workers {count / isolated:6.1f} a second   {plain / isolated:.2f}"
                )


def enlarged_phantoms(folder: Path, shape: tuple[int, int], count: int) -> Iterator[Case]:
    """Phantoms enlarged with a little noise, so that they compress as photographs do."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    height, width = shape
    drawn = (image for case in generate_cases(count, 0) for image in case.images)
    for number, image in zip(range(count), drawn, strict=False):
        large = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
        noisy = large + rng.normal(0, 4, large.shape).astype(np.float32)
        path = folder / f"{number}.jpg"
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=90)
        yield Case(str(number), str(number), str(number), (path,), None)


if __name__ == "__main__":
    main()
