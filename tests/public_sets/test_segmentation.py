from pathlib import Path

import numpy as np
import pytest

from tests.public_sets.make import make_segmentation_spec
from tests.public_sets.test_mask_rows import write_set
from triage.errors import UsageError
from triage.public_sets.annotated import Annotated
from triage.public_sets.segmentation import SegmentationSet, split_by_group
from triage.public_sets.segmentation_spec import load_segmentation_spec, shipped_segmentation_spec

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.mark.parametrize(
    ("bscans", "centres", "masks"),
    [
        ((1, 4, 5), (0,), (1, 1, 4, 6)),
        ((1, 4, 5), (0,), (1, 2, 4, 5)),
        ((3, 4, 5), (0, 3), (1, 2, 4, 5)),
        ((3, 4, 5), (-1,), (1, 1, 4, 5)),
        ((3, 4, 5), (2, 1), (1, 2, 4, 5)),
        ((3, 4, 5), (1, 1), (1, 2, 4, 5)),
        ((3, 4, 5), (), (1, 0, 4, 5)),
        ((3, 4, 5), (1,), (0, 1, 4, 5)),
        ((4, 5), (0,), (1, 1, 4, 5)),
    ],
)
def test_items_that_cannot_be(
    bscans: tuple[int, ...], centres: tuple[int, ...], masks: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"B-scans|masks|centres"):
        Annotated(np.zeros(bscans, np.uint8), centres, np.zeros(masks, np.uint8), "g", "n")


def test_parts_are_named_without_reading(tmp_path: Path) -> None:
    write_set(tmp_path)
    items = SegmentationSet(make_segmentation_spec(rows={"group": ["eye"]}), tmp_path)
    for path in (tmp_path / "images").iterdir():
        path.write_bytes(b"")
    assert items.part([3, 1]).names == ("images/3.png", "images/1.png")
    assert items[1:3].groups == items.groups[1:3]
    assert len(items[:0]) == 0


def test_splits_keep_groups_together_and_nobody_out() -> None:
    groups = [f"eye{number % 13}" for number in range(156)]
    for seed in range(20):
        split = split_by_group(groups, SHARES, seed)
        assert sorted(sum(split.values(), ())) == list(range(156))
        eyes = {name: {groups[place] for place in places} for name, places in split.items()}
        assert [len(found) for found in eyes.values()] == [8, 3, 2] or [
            len(found) for found in eyes.values()
        ] == [8, 2, 3]
        assert not eyes["train"] & eyes["test"]
        assert not eyes["train"] & eyes["validation"]
        assert not eyes["validation"] & eyes["test"]


def test_splits_hang_on_names_and_seed_not_on_order() -> None:
    groups = [f"eye{number}" for number in range(30)]
    once = split_by_group(groups, SHARES, 3)
    back = split_by_group(groups[::-1], SHARES, 3)
    assert {groups[place] for place in once["test"]} == {
        groups[29 - place] for place in back["test"]
    }
    assert split_by_group(groups, SHARES, 4) != once


def test_every_split_gets_a_group_however_few() -> None:
    assert {len(v) for v in split_by_group(["a", "b", "c"], SHARES).values()} == {1}
    halves = split_by_group(["a", "b"], {"train": 0.99, "validation": 0.0, "test": 0.01})
    assert [len(places) for places in halves.values()] == [1, 0, 1]
    with pytest.raises(UsageError, match="2 groups cannot fill 3 splits"):
        split_by_group(["a", "b", "a"], SHARES)


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": -0.5, "b": 1.5}])
def test_shares_that_are_none(shares: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="sum to 1"):
        split_by_group(["x", "y"], shares)


# Real masks


def real(shared: Path, name: str) -> SegmentationSet:
    root = shared / "data" / "oct" / "segmentation"
    if not (root / "manifest.csv").is_file():
        pytest.skip("needs the OCT segmentations beside the checkout")
    return SegmentationSet(load_segmentation_spec(shipped_segmentation_spec(name)), root)


@pytest.mark.realdata
def test_real_layers(shared: Path) -> None:
    items = real(shared, "rm_layers")
    assert len(items) == 61, "those recovered at full size"
    assert len(set(items.groups)) == 4
    counts = items.check()
    share = counts / counts.sum()
    np.testing.assert_allclose(share, [0.847, 0.099, 0.028, 0.026], atol=0.001)
    split = split_by_group(items.groups, SHARES)
    assert min(len(places) for places in split.values()) >= 10


@pytest.mark.realdata
def test_real_fluid_and_how_far_graders_agree(shared: Path) -> None:
    items = real(shared, "duke_fluid")
    assert len(items) == len(set(items.groups)) == 11
    masks = np.concatenate([item.masks for item in items], axis=1)
    assert masks.shape == (2, 11, 496, 768)
    first, second = masks == 1
    dice = 2 * (first & second).sum() / (first.sum() + second.sum())
    assert dice == pytest.approx(0.72, abs=0.02), "as the data's own README says"


@pytest.mark.realdata
def test_real_vendor_surfaces(shared: Path) -> None:
    items = real(shared, "vol_surfaces")
    assert len(items) == 4
    for item in items:
        mask = item.masks[0, 0]
        judged = (mask != 255).all(axis=0)
        assert judged.mean() > 0.7
        retina = (mask == 1).sum(axis=0)[judged]
        # the vendor's retina is some 60 to 130 pixels of 3.87 um, whatever the site
        assert 30 < np.median(retina) < 150
