from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.store.make import NOON
from triage.hashing import hash_file
from triage.review import viewable
from triage.store.records import ImageRecord, StoredCase
from triage.vocabulary.modality import Modality

_IS_VIEWABLE = viewable._is_viewable
"""As it is before the fixture of this folder replaces it."""


@pytest.fixture(autouse=True)
def _with_files(monkeypatch: pytest.MonkeyPatch, _without_files: None) -> None:
    monkeypatch.setattr(viewable, "_is_viewable", _IS_VIEWABLE)


@pytest.fixture
def picture(tmp_path: Path) -> ImageRecord:
    Image.new("RGB", (64, 64), (200, 150, 120)).save(tmp_path / "a.png")
    return ImageRecord("a.png", str(tmp_path), hash_file(tmp_path / "a.png"))


def seen(*images: ImageRecord, checked: bool = False, volume: bool = False) -> bool:
    modality = Modality.OCT_VOLUMES if volume else Modality.PHOTOGRAPHS
    case = StoredCase(1, "c1", "clinic", "p", {}, NOON, images, modality)
    return viewable.has_viewable_image(case, checked=checked)


def test_a_picture_that_is_the_one_received(picture: ImageRecord) -> None:
    assert seen(picture)
    assert seen(picture, checked=True)
    assert seen(replace(picture, path="gone.png"), picture)
    assert not seen()


def test_a_picture_of_an_earlier_release_has_no_hash(picture: ImageRecord) -> None:
    assert seen(replace(picture, sha256=None))


def test_a_missing_changed_or_outside_file_is_none(picture: ImageRecord) -> None:
    outside = replace(picture, root=str(Path(picture.root) / "below"), path="../a.png")
    (Path(picture.root) / "below").mkdir()
    for one in (
        replace(picture, path="gone.png"),
        replace(picture, sha256="0" * 64),
        replace(picture, path="nul\0"),
        outside,
    ):
        assert not seen(one, checked=True)


def test_a_file_that_was_refused_is_decoded_before_it_counts(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    empty = ImageRecord("empty.png", str(tmp_path), hash_file(tmp_path / "empty.png"))
    assert not seen(empty)
    (tmp_path / "none.npz").write_bytes(b"no volume")
    volume = ImageRecord("none.npz", str(tmp_path), hash_file(tmp_path / "none.npz"))
    assert not seen(volume, volume=True)
