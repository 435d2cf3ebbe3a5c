"""Generated pictures that are no photographs: far from any training data of photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from triage.data.manifest import Case

SEEDS = 6
_ROWS, _COLUMNS = 180, 240
Picture = NDArray[np.uint8]


def far_cases(folder: Path) -> list[Case]:
    """Write the pictures into a folder and return one case each; always the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for seed in range(SEEDS):
        for name, pixels in _pictures(seed).items():
            path = folder / f"{name}-{seed}.png"
            Image.fromarray(pixels).save(path)
            key = f"far-{name}-{seed}"
            cases.append(Case(key, key, key, (path,), condition=None, root=folder))
    return cases


def _pictures(seed: int) -> dict[str, Picture]:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 120, 3), rng.integers(136, 256, 3)
    row, column = np.mgrid[:_ROWS, :_COLUMNS]

    def mixed(share: NDArray[np.floating]) -> Picture:
        whole = share[..., None]
        return (whole * first + (1 - whole) * second).round().astype(np.uint8)

    return {
        "chequerboard": mixed((row // 12 + column // 12) % 2),
        "stripes": mixed((np.sin((row + 2 * column) / 5) + 1) / 2),
        "noise": rng.integers(0, 256, (_ROWS, _COLUMNS, 3), dtype=np.uint8),
        "gradient": mixed(column / (_COLUMNS - 1)),
        "text": _page(rng),
        "layers": _layers(rng, row, column),
    }


def _page(rng: np.random.Generator) -> Picture:
    page = Image.new("RGB", (_COLUMNS, _ROWS), "white")
    draw = ImageDraw.Draw(page)
    letters = list("abcdefghij klmnop qrstuv")
    for top in range(6, _ROWS - 6, 14):
        text = "".join(rng.choice(letters, 36))
        draw.text((8, top), text, fill=(20, 20, 20), font=ImageFont.load_default(10))
    return np.asarray(page)


def _layers(rng: np.random.Generator, row: NDArray[np.int_], column: NDArray[np.int_]) -> Picture:
    """Bright bands with speckle on black, as a B-scan has them."""
    depth = row - 60 - 12 * np.sin(column / 60 + rng.uniform(0, 6))
    bands = sum(np.exp(-(((depth - at) / 5) ** 2)) for at in (0, 25, 48, 60))
    grey = np.clip(200 * bands * rng.gamma(4, 0.25, row.shape) + 12, 0, 255)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
