from __future__ import annotations

import os
from pathlib import Path

import pytest

from triage.data.manifest import Case
from triage.hashing import hash_bytes, hash_file
from triage.labels.reviewed_cases import (
    LeftOutReason,
    ReviewedCase,
    check_files,
    content_hashes,
    file_problem,
)
from triage.store.records import ImageRecord

CONTENT = b"some picture"


@pytest.fixture
def image(tmp_path: Path) -> ImageRecord:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.png").write_bytes(CONTENT)
    return ImageRecord("a.png", str(root), hash_bytes(CONTENT))


def place(image: ImageRecord) -> Path:
    return Path(image.root) / image.path


def test_the_file_that_was_received(image: ImageRecord) -> None:
    assert file_problem(image) is None


def test_a_link_within_the_root_to_the_same_bytes(image: ImageRecord) -> None:
    (Path(image.root) / "b.png").symlink_to(place(image))
    assert file_problem(ImageRecord("b.png", image.root, image.sha256)) is None


def test_a_file_that_has_changed(image: ImageRecord) -> None:
    place(image).write_bytes(CONTENT + b" ")
    assert file_problem(image) is LeftOutReason.CHANGED


def test_a_file_that_is_gone(image: ImageRecord) -> None:
    place(image).unlink()
    assert file_problem(image) is LeftOutReason.MISSING
    Path(image.root).rmdir()
    assert file_problem(image) is LeftOutReason.MISSING


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_no_file_any_more(image: ImageRecord, kind: str) -> None:
    place(image).unlink()
    place(image).mkdir() if kind == "folder" else os.mkfifo(place(image))
    assert file_problem(image) is LeftOutReason.UNREADABLE


@pytest.mark.parametrize("how", ["link", "dots", "absolute"])
def test_a_path_that_leads_outside(image: ImageRecord, tmp_path: Path, how: str) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(CONTENT)
    (Path(image.root) / "link.png").symlink_to(outside)
    path = {"link": "link.png", "dots": "../outside.png", "absolute": str(outside)}[how]
    found = file_problem(ImageRecord(path, image.root, image.sha256))
    assert found is LeftOutReason.OUTSIDE_ROOT


def test_a_file_that_could_not_be_read_when_received(image: ImageRecord) -> None:
    assert file_problem(ImageRecord(image.path, image.root, None)) is LeftOutReason.NO_HASH


def test_content_hashes_pass_over_what_cannot_be_read(image: ImageRecord) -> None:
    missing = Path(image.root) / "missing.png"
    case = Case("c", "p", "patient:p", (place(image), missing, Path(image.root)), "acne")
    assert content_hashes([case]) == {hash_file(place(image))}


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.sentence for reason in LeftOutReason)


def test_a_volume_of_several_files_is_compared_as_it_was_received(tmp_path: Path) -> None:
    from tests.oct_imaging.samples import meta, retina, write_folder
    from triage.decoding.read_volume import read_volume

    folder = tmp_path / "scan"
    write_folder(folder, retina(6), sidecar=meta())
    received = ImageRecord("scan", str(tmp_path), read_volume(folder).sha256)
    assert file_problem(received) is None
    picture = sorted(folder.glob("*.png"))[0]
    picture.write_bytes(sorted(folder.glob("*.png"))[1].read_bytes())
    assert file_problem(received) is LeftOutReason.CHANGED
    (tmp_path / "scan.npz").write_bytes(b"something else")
    assert (
        file_problem(ImageRecord("scan.npz", str(tmp_path), "a" * 64)) is LeftOutReason.UNREADABLE
    )


def test_a_case_trains_only_if_all_of_its_files_are_those_received(image: ImageRecord) -> None:
    def reviewed(name: str, *images: ImageRecord) -> ReviewedCase:
        return ReviewedCase(
            Case(name, "p", "p", tuple(map(place, images)), "acne"), "clinic", images
        )

    gone = ImageRecord("b.png", image.root, "b" * 64)
    same, left_out = check_files([reviewed("whole", image), reviewed("part", image, gone)])
    assert [one.case.case_id for one in same] == ["whole"]
    assert [one.as_json() for one in left_out] == [
        {"case": "part", "source": "clinic", "reason": "missing"}
    ]
