"""What every head calls unknown, in the plane: `python -m tests.pictures.heads_2d` draws it.

Two moons or three blobs are the known conditions. Heads that learn outliers also have two small
rings of them, each a condition of its own, below on the left; everywhere else they must guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from triage.data.roles import RoleDraw
from triage.heads import HEADS, HeadDesign, HeadKind, HeadNetwork
from triage.heads.introspective import Introspective, flagged
from triage.models.introspection import Predict, Rows, introspect

IMAGES = Path(__file__).parents[2] / "docs" / "images"
STEPS = 400
OUTLIERS = ("one", "other")

# Lightness alone tells how unknown: readable in grey and with any colour vision.
LIGHT, DARK = (250, 248, 240), (16, 44, 84)
BANDS = 10
# Okabe and Ito's palette.
COLOURS = ((230, 159, 0), (0, 158, 115), (204, 121, 167))
INK = (20, 20, 20)
WHITE = (255, 255, 255)
COLUMNS, SIDE, GAP, TITLE, STRIP, SHARP = 5, 184, 10, 20, 64, 3
"""Panels a row; sizes in pixels; how much finer is drawn than kept."""


@dataclass(frozen=True)
class Plane:
    """Known cases in the plane, rings of outliers, and the part of it that is drawn.

    Parameters
    ----------
    known : float32 Tensor [N, 2]
    truth : int Tensor [N]
    rings : tuple of (float, float)
        Centre of the ring of each outlier condition.
    centre : (float, float)
    reach : float
        Half the side of the square that is drawn.
    """

    known: Tensor
    truth: Tensor
    rings: tuple[tuple[float, float], ...]
    centre: tuple[float, float]
    reach: float

    @property
    def draw(self) -> RoleDraw:
        """The roles: each ring is a training outlier condition."""
        names = tuple(str(number) for number in range(int(self.truth.max()) + 1))
        return RoleDraw(names, OUTLIERS, (), (), seed=0)

    def outliers(self, n_cases: int = 20, radius: float = 0.35) -> list[Tensor]:
        """Cases [n_cases, 2] of each outlier condition."""
        angle = torch.arange(n_cases) * (2 * torch.pi / n_cases)
        ring = radius * torch.stack([angle.cos(), angle.sin()], dim=1)
        return [ring + torch.tensor(centre) for centre in self.rings]


def moons(n_cases: int = 160, seed: int = 0) -> Plane:
    """Two half circles that reach into each other."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.arange(n_cases) % 2
    angle = torch.pi * torch.rand(n_cases, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    known = torch.where(truth[:, None] == 0, upper, torch.tensor([1.0, 0.5]) - upper)
    known = known + 0.08 * torch.randn(n_cases, 2, generator=generator)
    return Plane(known, truth, ((-1.3, -1.2), (-0.3, -1.9)), (0.5, 0.1), 3.2)


def blobs(n_cases: int = 150, seed: int = 0) -> Plane:
    """Three round clouds."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.arange(n_cases) % 3
    centres = torch.tensor([[0.0, 1.2], [-1.2, -0.7], [1.2, -0.7]])
    known = centres[truth] + 0.25 * torch.randn(n_cases, 2, generator=generator)
    return Plane(known, truth, ((-2.3, -2.2), (-1.0, -2.6)), (0.0, 0.0), 4.0)


def learn(design: HeadDesign, plane: Plane, steps: int = STEPS) -> HeadNetwork:
    """Train a head on the plane as the training loop would; finished, in evaluation mode."""
    draw = plane.draw
    inputs, targets = [plane.known], [plane.truth]
    for name, cases in zip(draw.train, plane.outliers(), strict=True):
        target = design.target(name, draw)
        if target is not None:
            inputs.append(cases)
            targets.append(torch.full((len(cases),), target))
    if isinstance(design, Introspective):
        targets = [flagged(plane.truth, _known_by_heart(plane, steps), len(draw.inliers))]
    n_classes = len(design.classes(draw))
    return _train(design, torch.cat(inputs), torch.cat(targets), draw, n_classes, steps)


def _train(
    design: HeadDesign,
    embeddings: Tensor,
    targets: Tensor,
    draw: RoleDraw,
    n_classes: int,
    steps: int,
) -> HeadNetwork:
    torch.manual_seed(0)
    n_inliers = len(draw.inliers)
    network = design.build(2, n_inliers, n_classes, hidden=64, dropout=0.0)
    network.standardise_by(embeddings)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=1e-2)
    network.train()
    for _ in range(steps):
        optimiser.zero_grad()
        design.loss(network(embeddings), targets, n_inliers).mean().backward()
        optimiser.step()
        network.after_step(targets)
    network.finish(embeddings[targets < n_inliers], targets[targets < n_inliers])
    return network.eval()


def _known_by_heart(plane: Plane, steps: int) -> Tensor:
    """Which known cases only a network that has seen them gets right, bool [N]."""
    draw = plane.draw

    def train(rows: Rows) -> Predict:
        cases, truth = plane.known[rows], plane.truth[rows]
        head = _train(HEADS[HeadKind.SOFTMAX], cases, truth, draw, len(draw.inliers), steps)

        def predict(asked: Rows) -> NDArray[np.floating]:
            with torch.no_grad():
                found: NDArray[np.float32] = head(plane.known[asked]).softmax(1).numpy()
            return found

        return predict

    return torch.from_numpy(introspect(train, plane.truth.numpy()).underrepresented)


def unknown(network: HeadNetwork, cases: Tensor, n_inliers: int) -> NDArray[np.float32]:
    """Outlier mass of cases [N, 2], or 1 - the largest probability where a head has none."""
    with torch.no_grad():
        probabilities = network(cases).softmax(1)
    if probabilities.shape[1] > n_inliers:
        mass: NDArray[np.float32] = probabilities[:, n_inliers:].sum(1).numpy()
        return mass
    doubt: NDArray[np.float32] = (1 - probabilities.amax(1)).numpy()
    return doubt


def panel(design: HeadDesign, plane: Plane) -> Image.Image:
    """One head's square, with its title above."""
    side = SIDE * SHARP
    steps = torch.linspace(-plane.reach, plane.reach, side)
    rows, columns = torch.meshgrid(steps.flip(0), steps, indexing="ij")
    grid = torch.stack([columns.flatten(), rows.flatten()], dim=1) + torch.tensor(plane.centre)
    network = learn(design, plane)
    n_inliers = len(plane.draw.inliers)
    found = unknown(network, grid, n_inliers).reshape(side, side)
    mark = "" if len(design.classes(plane.draw)) > n_inliers else " *"
    if np.median(unknown(network, plane.known, n_inliers)) > 0.5:
        # Its level means nothing, only its ranking: shown from its least to its largest.
        found, mark = (found - found.min()) / np.ptp(found), " **"
    image = Image.new("RGB", (side, side + TITLE * SHARP), "white")
    image.paste(Image.fromarray(coloured(found)), (0, TITLE * SHARP))
    pen = ImageDraw.Draw(image)
    pen.text((0, 2 * SHARP), design.info.key + mark, fill=INK, font=font(13))
    groups = [(plane.known[plane.truth == k], COLOURS[k]) for k in range(n_inliers)]
    if design.info.learns_outliers:
        groups += [(cases, WHITE) for cases in plane.outliers()]
    for cases, colour in groups:
        shown = (cases - torch.tensor(plane.centre)) / plane.reach
        for x, y in shown.tolist():
            dot(pen, (1 + x) * side / 2, TITLE * SHARP + (1 - y) * side / 2, colour)
    return image


def coloured(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colours [..., 3] of values in [0, 1], in bands."""
    band = np.minimum(np.floor(values * BANDS), BANDS - 1) / (BANDS - 1)
    mixed = (1 - band[..., None]) * np.array(LIGHT) + band[..., None] * np.array(DARK)
    return mixed.round().astype(np.uint8)


def dot(pen: ImageDraw.ImageDraw, x: float, y: float, colour: tuple[int, int, int]) -> None:
    """One case."""
    radius = 1.7 * SHARP
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline=INK)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font."""
    return ImageFont.load_default(size * SHARP)


def legend() -> Image.Image:
    """What colours and dots mean: a strip as wide as the figure."""
    image = Image.new("RGB", (COLUMNS * (SIDE + GAP) * SHARP, STRIP * SHARP), "white")
    pen = ImageDraw.Draw(image)
    bar = coloured(np.linspace(0, 1, 200 * SHARP, endpoint=False, dtype=np.float32)[None])
    left, top = 20 * SHARP, 26 * SHARP
    image.paste(Image.fromarray(np.repeat(bar, 14 * SHARP, axis=0)), (left, top))
    pen.rectangle((left, top, left + 200 * SHARP, top + 14 * SHARP), outline=INK)
    pen.text((left, 4 * SHARP), "outlier mass", fill=INK, font=font(13))
    for share in (0.0, 0.5, 1.0):
        at = (left + 200 * SHARP * share, top + 16 * SHARP)
        pen.text(at, f"{share:g}", fill=INK, font=font(12), anchor="ma")
    for row, words in enumerate(
        ("*  no outlier mass: 1 - largest probability", "** from its least to its largest mass")
    ):
        pen.text((260 * SHARP, (10 + 24 * row) * SHARP), words, fill=INK, font=font(13))
    rows = (COLOURS, "training inliers, one colour a condition"), ([WHITE], "training outliers")
    for row, (colours, words) in enumerate(rows):
        y = (18 + 24 * row) * SHARP
        for number, colour in enumerate(colours):
            dot(pen, (610 + 9 * number) * SHARP, y, colour)
        pen.text((642 * SHARP, y), words, fill=INK, font=font(13), anchor="lm")
    return image


def figure(plane: Plane) -> Image.Image:
    """A panel of every head, and the legend below."""
    rows = -(-len(HEADS) // COLUMNS)
    wide, high = SIDE + GAP, SIDE + TITLE + GAP
    size = (COLUMNS * wide, rows * high + STRIP)
    image = Image.new("RGB", (size[0] * SHARP, size[1] * SHARP), "white")
    for number, head in enumerate(HEADS.values()):
        at = GAP // 2 + number % COLUMNS * wide, number // COLUMNS * high
        image.paste(panel(head, plane), (at[0] * SHARP, at[1] * SHARP))
    image.paste(legend(), (0, rows * high * SHARP))
    return image.resize(size, Image.Resampling.LANCZOS).quantize(128, dither=Image.Dither.NONE)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, plane in (("moons", moons()), ("blobs", blobs())):
        figure(plane).save(IMAGES / f"heads_{name}.png", optimize=True)
