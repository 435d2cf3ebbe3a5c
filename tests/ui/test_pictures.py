from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triage.hashing import hash_file
from triage.store import ImageRecord
from ui.image_files import NOT_RECORDED, OUTSIDE
from ui.pictures import read_pictures


def test_pixels_are_encoded_anew_without_what_the_file_carried(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Jane Doe"
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, comment=b"Jane Doe")
    (photograph,) = read_pictures(
        ImageRecord("a.jpg", str(tmp_path), hash_file(tmp_path / "a.jpg"))
    )
    assert b"Jane Doe" in (tmp_path / "a.jpg").read_bytes()
    assert b"Jane Doe" not in photograph.fitted
    assert not Image.open(io.BytesIO(photograph.fitted)).getexif()
    assert photograph.pixels is not None
    assert photograph.pixels.shape == (60, 80, 3)


def test_links_are_followed_within_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    Image.new("RGB", (8, 8)).save(root / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "outside.png")
    (root / "within.png").symlink_to("a.png")
    (root / "out.png").symlink_to("../outside.png")
    (root / "folder").symlink_to(tmp_path)
    (tmp_path / "alias").symlink_to(root)
    for name in ("within.png", "./a.png", str(root / "a.png")):
        for folder in (root, tmp_path / "alias"):
            (photograph,) = read_pictures(ImageRecord(name, str(folder), None))
            assert photograph.pixels is not None
    outside = ("out.png", "folder/outside.png", "../outside.png", str(tmp_path / "outside.png"))
    for name in (*outside, "a\0b"):
        (photograph,) = read_pictures(ImageRecord(name, str(root), None))
        assert photograph.problem == OUTSIDE


@pytest.mark.parametrize(
    ("size", "fitted"), [((300, 200), (300, 200)), ((2800, 1400), (1400, 700))]
)
def test_large_photographs_are_fitted_and_native_pixels_kept(
    tmp_path: Path, size: tuple[int, int], fitted: tuple[int, int]
) -> None:
    Image.new("RGB", size, (200, 150, 120)).save(tmp_path / "a.png")
    (photograph,) = read_pictures(ImageRecord("a.png", str(tmp_path), None))
    assert Image.open(io.BytesIO(photograph.fitted)).size == fitted
    assert photograph.pixels is not None
    assert photograph.pixels.shape[:2] == (size[1], size[0])


def test_a_file_whose_content_was_never_recorded_is_shown_with_a_note(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (known,) = read_pictures(ImageRecord("a.png", str(tmp_path), hash_file(tmp_path / "a.png")))
    (unknown,) = read_pictures(ImageRecord("a.png", str(tmp_path), None))
    assert known.pixels is not None
    assert unknown.pixels is not None
    assert known.notes == ()
    assert unknown.notes == (NOT_RECORDED,)
