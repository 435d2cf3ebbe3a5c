from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import heads_2d
from triage.heads import HEADS, HeadKind


@pytest.mark.parametrize("kind", [HeadKind.SOFTMAX, HeadKind.HOD, HeadKind.INTROSPECTIVE])
def test_a_head_learns_the_moons(kind: HeadKind) -> None:
    plane = heads_2d.moons(60)
    network = heads_2d.learn(HEADS[kind], plane, steps=60)
    with torch.no_grad():
        right = network(plane.known)[:, :2].argmax(1) == plane.truth
    assert right.float().mean() > 0.8
    assert network.training is False


def test_rings_are_unknown_to_what_learned_them_and_known_cases_are_not() -> None:
    plane = heads_2d.blobs(60)
    network = heads_2d.learn(HEADS[HeadKind.HOD], plane, steps=100)
    assert (heads_2d.unknown(network, torch.cat(plane.outliers()), 3) > 0.5).all()
    assert (heads_2d.unknown(network, plane.known, 3) < 0.5).all()


def test_colours_darken() -> None:
    shades = heads_2d.coloured(np.linspace(0, 1, 11, dtype=np.float32)).sum(axis=1)
    assert (np.diff(shades.astype(int)) <= 0).all()
    assert shades[0] > shades[-1]


@pytest.mark.parametrize("name", ["moons", "blobs"])
def test_the_pictures_have_a_place_for_every_head(name: str) -> None:
    rows = -(-len(HEADS) // heads_2d.COLUMNS)
    high = rows * (heads_2d.SIDE + heads_2d.TITLE + heads_2d.GAP) + heads_2d.STRIP
    path = heads_2d.IMAGES / f"heads_{name}.png"
    with Image.open(path) as image:
        assert image.height == high, "`python -m tests.pictures.heads_2d` draws them anew"
    assert path.stat().st_size < 250_000
