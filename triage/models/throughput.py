"""How many pictures a second a backbone embeds on this machine."""

from __future__ import annotations

import time
from contextlib import suppress

import numpy as np

from triage.backbones.preprocessing import OpenedImage
from triage.backbones.runtime.execution import Execution
from triage.errors import TriageError
from triage.models.load_backbone import load_backbone

PICTURES = 16
ROUNDS = 3
_WAYS = (
    Execution("torch", "float32"),
    Execution("torch", "bfloat16"),
    Execution("openvino", "float32"),
    Execution("openvino", "bfloat16"),
)


def offered_executions() -> tuple[Execution, ...]:
    """Return the runtimes and precisions that this machine offers."""
    found = []
    for way in _WAYS:
        with suppress(TriageError):
            way.check()
            found.append(way)
    return tuple(found)


def pictures_per_second(reference: str, execution: Execution) -> float:
    """Measure how many whole pictures a second a backbone embeds, once they are decoded.

    Parameters
    ----------
    reference : str
        As `load_backbone` reads it.
    execution : Execution

    Returns
    -------
    float
        The best of a few rounds on random pixels, with the threads that torch has here.

    Raises
    ------
    TriageError
        If the backbone cannot be loaded, or not be run so.
    """
    backbone = load_backbone(reference, execution=execution)
    side = backbone.pictures.size
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (PICTURES, 1, side, side, 3), dtype=np.uint8)
    images = [OpenedImage(str(number), frames) for number, frames in enumerate(pixels)]
    backbone.prepare()
    backbone.embed(images)  # the first round allocates
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        backbone.embed(images)
        times.append(time.perf_counter() - start)
    return PICTURES / min(times)
