from __future__ import annotations

from collections import Counter

import pytest
import torch

from triage.models.contrastive.positive_pairs import positive_pairs

COUNTS = torch.tensor([1, 2, 3, 6]).repeat(2000)


@pytest.mark.parametrize("different", [False, True])
def test_places_lie_within_the_case(different: bool) -> None:
    chance = torch.Generator().manual_seed(0)
    for place in positive_pairs(COUNTS, chance, different=different):
        assert (place >= 0).all()
        assert (place < COUNTS).all()


def test_simclr_takes_the_same_image_twice() -> None:
    first, second = positive_pairs(COUNTS, torch.Generator().manual_seed(0), different=False)
    assert torch.equal(first, second)


def test_micle_takes_two_images_where_there_are_two() -> None:
    first, second = positive_pairs(COUNTS, torch.Generator().manual_seed(0), different=True)
    assert torch.equal(first != second, COUNTS > 1)


def test_every_ordered_pair_is_as_likely() -> None:
    counts = torch.full((6000,), 3)
    pair = positive_pairs(counts, torch.Generator().manual_seed(1), different=True)
    found = Counter(zip(*(place.tolist() for place in pair), strict=True))
    assert len(found) == 6
    assert all(850 < count < 1150 for count in found.values())
