from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.oct_imaging.samples import retina
from tests.tiny import tiny_oct_settings
from triage.errors import TrainingError
from triage.public_sets.annotated import Annotated
from triage.systems.oct.annotated import on_grid, segment, train_on

SETTINGS = tiny_oct_settings(instances=2)


def items(count: int = 9, graders: int = 1) -> list[Annotated]:
    """Volumes of three B-scans; the middle one is annotated: bright or not."""
    found = []
    for seed in range(count):
        volume = retina(3, 48, 40, seed=seed)
        mask = (volume[1:2] > 60).astype(np.uint8)
        found.append(
            Annotated(volume, (1,), np.stack([mask] * graders), group=str(seed), name=str(seed))
        )
    return found


def test_an_item_on_the_grid_is_one_volume_a_grader() -> None:
    (item,) = items(1, graders=2)
    volumes = on_grid(item, SETTINGS.segmentation)
    assert len(volumes) == 2
    for volume in volumes:
        assert tuple(volume.bscans.shape) == (3, 32, 32)
        assert volume.annotated.tolist() == [1]
        assert tuple(volume.labels.shape) == (1, 32, 32)


def test_networks_learn_what_is_bright() -> None:
    found = items(12)
    fit = SETTINGS.segmentation.fit.model_copy(update={"epochs": 8, "patience": 8})
    settings = SETTINGS.model_copy(
        update={"segmentation": SETTINGS.segmentation.model_copy(update={"fit": fit})}
    )
    told: list[tuple[int, int]] = []
    networks = train_on(found[:11], 2, settings, progress=lambda i, n, _: told.append((i, n)))
    assert len(networks) == 2
    assert {instance for instance, _ in told} == {0, 1}
    probabilities = segment(networks, found[11], settings)
    assert probabilities.shape == (2, 1, 2, 48, 40)
    assert probabilities.sum(axis=2) == pytest.approx(1, abs=1e-4)
    right = probabilities.mean(axis=0).argmax(axis=1) == found[11].masks[0]
    assert right.mean() > 0.85


def test_the_same_seed_makes_the_same_networks(tmp_path: Path) -> None:
    one, other = (train_on(items(), 2, SETTINGS) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        for name, value in a.state_dict().items():
            assert torch.equal(value, b.state_dict()[name])


def test_too_little_to_train_on() -> None:
    with pytest.raises(TrainingError):
        train_on(items(1), 2, SETTINGS)
