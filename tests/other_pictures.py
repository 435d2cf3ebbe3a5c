"""Generated pictures that are no photographs of skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]


def other_pictures(seed: int = 0) -> dict[str, Picture]:
    """One picture of each kind, uint8 [H, W, 3], by the name of the kind."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 120, 3), rng.integers(136, 256, 3)
    row, column = np.mgrid[:180, :240]

    def mixed(share: NDArray[np.floating]) -> Picture:
        whole = share[..., None]
        return (whole * first + (1 - whole) * second).round().astype(np.uint8)

    grain = rng.normal(size=(180, 240, 3))
    frequency = np.hypot(np.fft.fftfreq(180)[:, None], np.fft.fftfreq(240)[None, :])
    frequency[0, 0] = 1.0
    pink = np.fft.ifft2(np.fft.fft2(grain, axes=(0, 1)) / frequency[..., None], axes=(0, 1)).real
    pink /= pink.std()
    return {
        "chequerboard": mixed((row // 12 + column // 12) % 2),
        "stripes": mixed((np.sin((row + 2 * column) / 5) + 1) / 2),
        "white noise": rng.integers(0, 256, (180, 240, 3), dtype=np.uint8),
        "grey noise": np.repeat(rng.integers(0, 256, (180, 240, 1), dtype=np.uint8), 3, axis=2),
        "coloured noise": np.clip(128 + 45 * pink, 0, 255).astype(np.uint8),
        "uniform": np.full((180, 240, 3), first, np.uint8),
        "gradient": mixed(column / 239),
        "text": _page(rng),
        "screenshot": _screenshot(rng),
    }


def _page(rng: np.random.Generator) -> Picture:
    page = Image.new("RGB", (240, 180), "white")
    draw = ImageDraw.Draw(page)
    letters = list("abcdefghij klmnop qrstuv")
    for top in range(6, 174, 14):
        text = "".join(rng.choice(letters, 36))
        draw.text((8, top), text, fill=(20, 20, 20), font=ImageFont.load_default(10))
    return np.asarray(page)


def _screenshot(rng: np.random.Generator) -> Picture:
    screen = Image.new("RGB", (240, 180), (240, 240, 245))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 240, 16), fill=(40, 70, 140))
    draw.rectangle((0, 16, 50, 180), fill=(210, 215, 220))
    for number in range(5):
        left, top = int(rng.integers(55, 170)), 24 + 30 * number
        draw.rectangle((left, top, left + 60, top + 20), fill=(60, 140, 90), outline=(0, 0, 0))
        draw.text((left + 4, top + 4), "Button", fill=(255, 255, 255))
    return np.asarray(screen)
