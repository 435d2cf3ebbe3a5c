from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tiny import noise
from triage.backbones.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from triage.errors import TrainingError


def test_a_frame_of_the_right_size_is_left_alone() -> None:
    frame = noise(0, 32)
    assert np.array_equal(Preprocessing(32).resize(frame), frame)


def test_the_whole_picture_is_kept() -> None:
    """A mark in each corner of an oblong picture is still there."""
    frame = np.zeros((60, 200, 3), np.uint8)
    for corner in (np.s_[:15, :50], np.s_[-15:, :50], np.s_[:15, -50:], np.s_[-15:, -50:]):
        frame[corner] = 255
    small = Preprocessing(32).resize(frame)
    assert small.shape == (32, 32, 3)
    assert small.dtype == np.uint8
    assert (small[[0, 0, -1, -1], [0, -1, 0, -1]] > 240).all()
    assert small[16, 16].max() < 15


def test_resizing_does_not_alias() -> None:
    """Fine stripes become grey, not coarse stripes."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(Preprocessing(32).resize(stripes)[4:-4, 4:-4].astype(int) - 127).max() < 8


def test_normalising_by_hand() -> None:
    batch = torch.from_numpy(np.stack([noise(1, 32), noise(2, 32)]))
    found = Preprocessing(32).normalise(batch)
    expected = (batch.numpy() / 255.0 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    assert found.dtype == torch.float32
    assert np.allclose(found.numpy(), expected.transpose(0, 3, 1, 2), atol=1e-6)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_the_digest_tells_settings_apart() -> None:
    same = Preprocessing(32)
    others = [
        Preprocessing(40),
        Preprocessing(32, mean=(0.5, 0.5, 0.5)),
        Preprocessing(32, std=(0.5, 0.5, 0.5)),
    ]
    assert same.digest == Preprocessing(32).digest
    assert len({same.digest, *(other.digest for other in others)}) == 4


@pytest.mark.parametrize(
    "arguments",
    [(8,), (5000,), (32, (0.5, 0.5)), (32, (0.5,) * 3, (0.5, 0.5)), (32, (0.5,) * 3, (1, 0, 1))],
)
def test_impossible_settings(arguments) -> None:
    with pytest.raises(TrainingError):
        Preprocessing(*arguments)
