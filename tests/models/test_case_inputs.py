from __future__ import annotations

import numpy as np
import torch

from tests.tiny import noise
from triage.backbones.preprocessing import Preprocessing
from triage.models.case_inputs import EmbeddingInputs, ImageInputs

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


def views(n_cases: int = 3, n_views: int = 4, width: int = 2) -> torch.Tensor:
    """Embeddings that say which case and view they are of."""
    case, view = torch.meshgrid(torch.arange(n_cases), torch.arange(n_views), indexing="ij")
    found = torch.stack([case * 10.0, view * 1.0], dim=2)
    assert found.shape == (n_cases, n_views, width)
    return found


def test_without_a_generator_it_is_the_mean_of_the_views() -> None:
    inputs = EmbeddingInputs(views())
    expected = torch.tensor([[0.0, 1.5], [10.0, 1.5], [20.0, 1.5]])  # 0, 1, 2 and 3 make 1.5
    assert len(inputs) == 3
    assert torch.equal(inputs.embeddings, expected)
    index = torch.tensor([2, 0, 2])
    assert torch.equal(inputs.batch(index, None), expected[index])


def test_with_a_generator_it_is_one_view_of_each_case_at_random() -> None:
    inputs = EmbeddingInputs(views())
    generator = torch.Generator().manual_seed(0)
    index = torch.tensor([2, 0, 2, 1] * 200)
    drawn = inputs.batch(index, generator)
    assert drawn.shape == (800, 2)
    assert torch.equal(drawn[:, 0], index * 10.0)
    for case in range(3):
        numbers = torch.bincount(drawn[index == case, 1].long(), minlength=4)
        assert len(numbers) == 4
        assert (numbers > numbers.sum() * 0.15).all()  # about a quarter each
    assert {*drawn[:, 1].tolist()} == {0.0, 1.0, 2.0, 3.0}
    twice = drawn.reshape(200, 4, 2)
    assert (twice[:, 0, 1] != twice[:, 2, 1]).any()  # the same case twice, not always one view


def test_the_views_drawn_follow_the_generator() -> None:
    inputs, index = EmbeddingInputs(views()), torch.arange(3).repeat(20)
    first, again, other = (
        inputs.batch(index, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_one_view_consumes_no_random_numbers() -> None:
    """Trainings from before there were views are repeated exactly."""
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    for given in (rows, rows[:, None]):
        inputs, generator = EmbeddingInputs(given), torch.Generator().manual_seed(3)
        before = generator.get_state()
        assert torch.equal(inputs.batch(torch.tensor([4, 1]), generator), rows[[4, 1]])
        assert torch.equal(generator.get_state(), before)
        assert torch.equal(inputs.embeddings, rows)
