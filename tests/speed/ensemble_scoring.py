"""What more members cost when they share backbones: embeddings are computed once for all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.speed.timing import seconds
from triage.data.manifest import Case
from triage.heads import Head
from triage.imaging.views import Views
from triage.models.load_backbone import load_backbone
from triage.systems.photographs.system import Member, embed_with, member_probabilities

BACKBONES = ("monai:resnet10_narrow@160", "monai:resnet10@160", "monai:resnet18@160")
CASES, CLASSES = 32, 12


def main() -> None:
    """Print what nine members cost beside one a backbone, with the embedding and without."""
    networks = {name: load_backbone(name, stages=2, views=Views.CROPS).eval() for name in BACKBONES}

    def members(count: int) -> list[Member]:
        return [
            Member(f"{name}-{n}", name, Head(network.width, CLASSES, 256, 0.3).eval())
            for name, network in networks.items()
            for n in range(count)
        ]

    with tempfile.TemporaryDirectory() as folder:
        cases = list(_written(Path(folder)))
        embedded, _ = embed_with(networks, cases, None)

        def pictures(ensemble: list[Member]) -> float:
            return seconds(
                lambda: member_probabilities(embed_with(networks, cases, None)[0], ensemble)
            )

        def heads(ensemble: list[Member]) -> float:
            return seconds(lambda: member_probabilities(embedded, ensemble))

        titles = {"pictures to probabilities": pictures, "heads alone": heads}
        times = {title: [of(members(count)) for count in (1, 3)] for title, of in titles.items()}
    print(f"scoring {CASES} cases with three backbones, {torch.get_num_threads()} threads")
    for title, (one, three) in times.items():
        print(f"  {title:26s} 3 members {one:8.4f} s, 9 members {three:8.4f} s   {three / one:.2f}")


def _written(folder: Path) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for number in range(CASES):
        name, path = str(number), folder / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (160, 160, 3), np.uint8)).save(path)
        yield Case(name, name, name, (path,), None)
