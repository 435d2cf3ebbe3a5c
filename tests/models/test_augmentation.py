from __future__ import annotations

import pytest
import torch

import triage.models.augmentation as module
from triage.models.augmentation import GAIN, OFFSET, TINT, augment


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def poses(image: torch.Tensor) -> list[torch.Tensor]:
    turned = [torch.rot90(image, k, (1, 2)) for k in range(4)]
    return turned + [view.flip(2) for view in turned]


def test_every_pose_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GAIN", "OFFSET", "TINT"):
        monkeypatch.setattr(module, name, 0.0)
    image = torch.randn(3, 5, 5)
    changed = augment(image.repeat(400, 1, 1, 1), generator())
    seen = [
        [place for place, pose in enumerate(poses(image)) if torch.equal(pose, found)]
        for found in changed
    ]
    assert all(len(match) == 1 for match in seen)
    assert {match[0] for match in seen} == set(range(8))


def test_colours_change_within_bounds() -> None:
    changed = augment(torch.ones(500, 3, 4, 4), generator())
    assert (changed - 1).abs().max() <= GAIN + OFFSET + TINT
    assert torch.allclose(changed.amax((2, 3)), changed.amin((2, 3)))  # one change a channel
    spread = changed[:, :, 0, 0].amax(1) - changed[:, :, 0, 0].amin(1)
    assert 0 < spread.max() <= 2 * TINT + 1e-6
    assert changed[:, 0, 0, 0].unique().numel() > 400  # each image on its own


def test_it_is_repeatable_and_leaves_its_input_alone() -> None:
    pixels = torch.randn(6, 3, 8, 8)
    before = pixels.clone()
    first, again = augment(pixels, generator(1)), augment(pixels, generator(1))
    assert torch.equal(first, again)
    assert torch.equal(pixels, before)
    assert not torch.equal(first, augment(pixels, generator(2)))


def test_the_global_generator_is_not_touched() -> None:
    pixels = torch.randn(2, 3, 4, 4)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    augment(pixels, generator())
    assert torch.equal(torch.rand(1), expected)
