"""Layout `manifest`: B-scans and masks as pictures, or boundaries as tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.make import write_csv
from tests.public_sets.make import make_segmentation_spec, write_grey
from triage.errors import ImageRejected, SpecError
from triage.public_sets.annotated import between_surfaces
from triage.public_sets.segmentation import SegmentationSet
from triage.public_sets.segmentation_spec import SegmentationSpec


def write_set(root: Path, graders: int = 2) -> list[dict[str, str]]:
    """Four B-scans of 6 x 5 pixels of three eyes of two patients."""
    rng = np.random.default_rng(0)
    rows = []
    for number, eye in enumerate(("A / A1", "A / A2", "A / A2", "B / B1")):
        write_grey(root / f"images/{number}.png", rng.integers(0, 256, (6, 5), dtype=np.uint8))
        masks = []
        for grader in range(graders):
            masks.append(f"masks{grader}/{number}.png")
            write_grey(root / masks[-1], rng.integers(0, 3, (6, 5), dtype=np.uint8))
        rows.append(
            {
                "image": f"images/{number}.png",
                "mask": ";".join(masks),
                "task": "layers" if number < 3 else "other",
                "eye": eye,
            }
        )
    write_csv(root / "manifest.csv", rows)
    return rows


def refused(spec: SegmentationSpec, root: Path, message: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        SegmentationSet(spec, root).check()
    assert message in str(caught.value)
    return caught.value


def test_items(tmp_path: Path) -> None:
    write_set(tmp_path)
    items = SegmentationSet(make_segmentation_spec(), tmp_path)
    rng = np.random.default_rng(0)
    for number, item in enumerate(items):
        np.testing.assert_array_equal(item.bscans[0], rng.integers(0, 256, (6, 5), dtype=np.uint8))
        for grader in range(2):
            expected = rng.integers(0, 3, (6, 5), dtype=np.uint8)
            np.testing.assert_array_equal(item.masks[grader, 0], expected)
        assert item.centres == (0,)
        assert item.spacing is None
        assert item.name == f"images/{number}.png"
        assert item.name == items.names[number]
        assert item.group == items.groups[number]
    assert len(set(items.groups)) == 4
    assert items.check().sum() == 4 * 2 * 30


@pytest.mark.parametrize(
    ("rows", "joined"),
    [
        ({"group": ["eye"]}, [[0], [1, 2], [3]]),
        ({"group": ["eye"], "group_mark": " / "}, [[0, 1, 2], [3]]),
        ({"group": ["task"]}, [[0, 1, 2], [3]]),
        ({"group": ["eye"], "where": {"task": ["layers"]}}, [[0], [1, 2]]),
    ],
)
def test_groups(tmp_path: Path, rows: dict[str, Any], joined: list[list[int]]) -> None:
    write_set(tmp_path)
    groups = SegmentationSet(make_segmentation_spec(rows=rows), tmp_path).groups
    found: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        found.setdefault(group, []).append(place)
    assert list(found.values()) == joined


def test_stored_values_are_mapped(tmp_path: Path) -> None:
    mask = np.array([[0, 255], [255, 7]], dtype=np.uint8)
    write_grey(tmp_path / "i.png", np.zeros((2, 2), np.uint8))
    write_grey(tmp_path / "m.png", mask)
    write_csv(tmp_path / "manifest.csv", [{"image": "i.png", "mask": "m.png"}])
    spec = make_segmentation_spec(classes=["a", "b"], values={255: 1}, ignore=7)
    (item,) = SegmentationSet(spec, tmp_path)
    np.testing.assert_array_equal(item.masks[0, 0], [[0, 1], [1, 7]])
    assert SegmentationSet(spec, tmp_path).check().tolist() == [1, 2]


def test_a_link_out_of_the_folder_is_a_problem(tmp_path: Path) -> None:
    rows = write_set(tmp_path / "set")
    image = tmp_path / "set" / rows[0]["image"]
    image.rename(tmp_path / "outside.png")
    image.symlink_to(tmp_path / "outside.png")
    error = refused(make_segmentation_spec(), tmp_path / "set", "does not fit its files")
    assert error.problems == (
        f"row 2: {rows[0]['image']}: a symbolic link leaves the folder of the table",
    )


def test_a_group_of_too_many_parts(tmp_path: Path) -> None:
    rows = write_set(tmp_path)
    for row in rows:
        row["group"] = "a"
    rows[1]["group"] = "-".join("a" * 101)
    write_csv(tmp_path / "manifest.csv", rows)
    spec = make_segmentation_spec(rows={"group": ["group"], "group_mark": "-"})
    assert "row 3: more than 100 parts" in str(refused(spec, tmp_path, "parts"))


def test_every_file_problem_is_in_one_list(tmp_path: Path) -> None:
    rows = write_set(tmp_path)
    rows[0]["mask"] = "masks0/0.png"
    rows[1]["image"] = "gone.png"
    rows[2]["mask"] = "../m.png;/etc/hostname"
    rows[3]["mask"] += ";"
    write_csv(tmp_path / "manifest.csv", rows)
    error = refused(make_segmentation_spec(), tmp_path, "does not fit its files")
    assert error.problems == (
        "row 3: gone.png: missing file",
        "row 4: ../m.png: leaves the folder of the table",
        "row 4: /etc/hostname: leaves the folder of the table",
        "row 5: an image or mask is not named",
        "mask: rows have [1, 2, 3] graders; all must have as many",
    )


def test_every_pixel_problem_is_in_one_list(tmp_path: Path) -> None:
    write_set(tmp_path)
    write_grey(tmp_path / "masks0/0.png", np.full((6, 5), 9, np.uint8))
    write_grey(tmp_path / "masks1/1.png", np.zeros((6, 4), np.uint8))
    (tmp_path / "images/2.png").write_bytes(b"")
    colour = np.zeros((6, 5, 3), np.uint8)
    colour[..., 0] = 90
    write_grey(tmp_path / "images/3.png", colour)
    error = refused(make_segmentation_spec(), tmp_path, "items cannot be read")
    assert error.problems == (
        "images/0.png: masks0/0.png: the mask has values that are no class: 9",
        "images/1.png: masks1/1.png: the mask has 6 x 4 pixels, the image 6 x 5",
        "images/2.png: The file is empty.",
        "images/3.png: is a picture in colour or of several frames; a B-scan is grey, and so is "
        "a mask whose grey value is the class",
    )


def test_one_bad_item_leaves_the_others_readable(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / "images/0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    items = SegmentationSet(make_segmentation_spec(), tmp_path)
    with pytest.raises(ImageRejected):
        items[0]
    assert items[1].masks.shape == (2, 1, 6, 5)


def test_tables_that_do_not_fit(tmp_path: Path) -> None:
    refused(make_segmentation_spec(), tmp_path / "none", "no such folder")
    refused(make_segmentation_spec(), tmp_path, "no such manifest")
    rows = write_set(tmp_path)
    refused(make_segmentation_spec(rows={"mask": "masks"}), tmp_path, "['masks'] are missing")
    refused(make_segmentation_spec(rows={"group": ["side"]}), tmp_path, "['side'] are missing")
    refused(make_segmentation_spec(rows={"where": {"task": ["x"]}}), tmp_path, "no row is left")
    write_csv(tmp_path / "manifest.csv", [rows[0], rows[0]])
    refused(make_segmentation_spec(), tmp_path, "images/0.png is listed twice")


# Boundaries


def write_surfaces(root: Path, lines: str) -> SegmentationSpec:
    write_grey(root / "i.png", np.zeros((10, 4), np.uint8))
    (root / "s.csv").write_text("RNFL,ILM,BM\n" + lines)
    write_csv(root / "manifest.csv", [{"image": "i.png", "mask": "s.csv"}])
    return make_segmentation_spec(
        classes=["vitreous", "retina", "choroid"], ignore=255, rows={"surfaces": ["ILM", "BM"]}
    )


def test_boundaries_become_classes(tmp_path: Path) -> None:
    spec = write_surfaces(tmp_path, "nan,2,5\n,2.4,5.6\n1,nan,5\n1,6,5\n")
    (item,) = SegmentationSet(spec, tmp_path)
    mask = item.masks[0, 0]
    assert mask[:, 0].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    assert mask[:, 1].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
    assert (mask[:, 2] == 255).all(), "a gap"
    assert (mask[:, 3] == 255).all(), "crossed"


def test_boundaries_that_do_not_fit(tmp_path: Path) -> None:
    spec = write_surfaces(tmp_path, "1,2,3\n")
    refused(spec, tmp_path, "1 lines for 4 columns")
    refused(write_surfaces(tmp_path, "1,2,x\n" * 4), tmp_path, "a boundary is no number")
    (tmp_path / "s.csv").write_text("ILM\n1\n1\n1\n1\n")
    refused(spec, tmp_path, "['BM'] are missing")


def test_one_boundary_and_boundaries_outside_the_picture() -> None:
    surfaces = np.array([[-3.0, 4.0, 99.0, np.nan, np.inf]])
    mask = between_surfaces(surfaces, 6, 9)
    assert mask.sum(axis=0).tolist() == [6, 2, 0, 54, 54]
