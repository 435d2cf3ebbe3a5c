from __future__ import annotations

import numpy as np
import torch

from tests.tiny import noise
from triage.models.inputs import EmbeddingInputs, ImageInputs
from triage.models.preprocessing import Preprocessing

COUNTS = [2, 1, 3]


def image_inputs() -> ImageInputs:
    images = np.stack([noise(seed, 16) for seed in range(sum(COUNTS))])
    return ImageInputs(torch.from_numpy(images), torch.tensor(COUNTS), Preprocessing(16))


def test_embeddings_are_handed_out_as_they_are() -> None:
    rows = torch.randn(5, 3)
    inputs = EmbeddingInputs(rows)
    index = torch.tensor([4, 0])
    assert len(inputs) == 5
    assert torch.equal(inputs.batch(index, None), rows[index])
    assert torch.equal(inputs.batch(index, torch.Generator()), rows[index])


def test_a_batch_holds_the_images_of_its_cases() -> None:
    inputs = image_inputs()
    pixels, owner, n_cases = inputs.batch(torch.tensor([2, 0, 2]), None)
    assert (len(inputs), n_cases) == (3, 3)
    assert owner.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    expected = Preprocessing(16).normalise(inputs.images[[3, 4, 5, 0, 1, 3, 4, 5]])
    assert torch.equal(pixels, expected)


def test_a_generator_augments() -> None:
    inputs = image_inputs()
    plain, _, _ = inputs.batch(torch.tensor([1]), None)
    changed, owner, _ = inputs.batch(torch.tensor([1]), torch.Generator().manual_seed(0))
    assert changed.shape == plain.shape
    assert owner.tolist() == [0]
    assert not torch.equal(changed, plain)
