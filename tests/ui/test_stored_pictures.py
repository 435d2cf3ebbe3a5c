from __future__ import annotations

from pathlib import Path

from PIL import Image

from triage.hashing import hash_file
from triage.imaging.picture import Picture
from triage.store import ImageRecord
from ui.image_files import CHANGED, NOT_RECORDED, OUTSIDE
from ui.stored_pictures import notes_on, read_photograph


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
            found = read_photograph(ImageRecord(name, str(folder), None))
            assert isinstance(found, Picture)
    outside = ("out.png", "folder/outside.png", "../outside.png", str(tmp_path / "outside.png"))
    for name in (*outside, "a\0b"):
        assert read_photograph(ImageRecord(name, str(root), None)) == OUTSIDE


def test_a_file_whose_content_was_never_recorded_is_shown_with_a_note(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    known = ImageRecord("a.png", str(tmp_path), hash_file(tmp_path / "a.png"))
    unknown = ImageRecord("a.png", str(tmp_path), None)
    for image, notes in ((known, ()), (unknown, (NOT_RECORDED,))):
        picture = read_photograph(image)
        assert isinstance(picture, Picture)
        assert notes_on(picture, image) == notes
    assert read_photograph(ImageRecord("a.png", str(tmp_path), "0" * 64)) == CHANGED
