"""Objects on the skin other than the lesion: hair and a ruler."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from triage.phantoms.skin.fields import FloatMap, grid

_HAIR_COLOURS = np.array(
    [[0.018, 0.012, 0.010], [0.06, 0.032, 0.018], [0.20, 0.12, 0.06], [0.30, 0.29, 0.28]],
    np.float32,
)


def add_hair(scene: FloatMap, rng: np.random.Generator, count: int) -> FloatMap:
    """Draw curved hairs over a scene.

    All hairs are drawn at once: points along quadratic Bézier curves are spread
    bilinearly on the pixels they touch.

    Parameters
    ----------
    scene : ndarray, float32 [size, size, 3]
        Linear RGB.
    rng : numpy.random.Generator
    count : int
        Number of hairs; none leaves the scene as it is.
    """
    if count == 0:
        return scene
    size = scene.shape[0]
    steps = 3 * size
    trend = rng.uniform(0, np.pi)
    angle = trend + rng.normal(0, 0.45, count)
    length = rng.uniform(0.25, 0.9, count)
    middle = rng.uniform(-0.05, 1.05, (count, 2))
    along = np.stack([np.cos(angle), np.sin(angle)], axis=1) * length[:, None] / 2
    bend = np.stack([-along[:, 1], along[:, 0]], axis=1) * rng.normal(0, 0.45, (count, 1))
    start, control, end = middle - along, middle + bend, middle + along
    t = np.linspace(0, 1, steps)[None, :, None]
    curve = (1 - t) ** 2 * start[:, None] + 2 * t * (1 - t) * control[:, None] + t**2 * end[:, None]

    weight = np.repeat(rng.uniform(0.5, 1.2, count) * length / steps * size, steps)
    position = curve.reshape(-1, 2) * size - 0.5
    corner = np.floor(position).astype(np.intp)
    part = position - corner
    cover = np.zeros(size * size)
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = corner[:, 0] + dx, corner[:, 1] + dy
            inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
            share = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1]) * weight
            cover += np.bincount(
                (row * size + column)[inside], share[inside], minlength=size * size
            )
    alpha = gaussian_filter(cover.reshape(size, size).astype(np.float32), 0.5) * 1.25
    alpha = np.clip(alpha, 0, 0.95)[..., None]
    colour = _HAIR_COLOURS[rng.integers(len(_HAIR_COLOURS))]
    return np.asarray(scene + alpha * (colour - scene), np.float32)


def add_ruler(scene: FloatMap, rng: np.random.Generator) -> FloatMap:
    """Draw a ruler with ticks along one border of a scene, linear RGB [size, size, 3]."""
    size = scene.shape[0]
    x, y = grid(size)
    angle = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.06)
    out = x * np.cos(angle) + y * np.sin(angle)
    along = y * np.cos(angle) - x * np.sin(angle)
    edge = rng.uniform(0.37, 0.43)
    spacing = rng.uniform(0.028, 0.045)
    pixel = 1 / size

    body = np.clip((out - edge) / pixel + 0.5, 0, 1) * 0.92
    number = np.round(along / spacing)
    reach = np.where(number % 5 == 0, 0.055, 0.03)
    near = np.clip((0.6 * pixel - np.abs(along - number * spacing)) / pixel + 0.5, 0, 1)
    ticks = near * (out > edge) * (out < edge + reach)
    white = np.array([0.82, 0.83, 0.80], np.float32)
    scene = scene + body[..., None] * (white - scene)
    return np.asarray(scene * (1 - 0.93 * ticks[..., None]), np.float32)
