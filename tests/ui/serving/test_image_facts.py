"""What the server says of an image besides its pixels: for the stage of photographs and scans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from starlette.testclient import TestClient

from tests.imaging.samples import dicom_dataset, file_bytes, picture
from tests.store.make import case
from tests.ui.make_cases import draw_photograph
from tests.ui.make_oct import DEPTH, FIELD, SMALL, write_volume
from tests.ui.served import submit
from triage.hashing import hash_file
from triage.store import ImageRecord, Modality, Store, add_case
from ui.image_address import PictureSize, facts_address, image_address
from ui.image_files import NOT_RECORDED
from ui.serving import image_routes


def add(store: Store, *images: ImageRecord, **changes: Any) -> int:
    with store.transaction() as session:
        return add_case(session, case("C-1", images=images, **changes))


@pytest.fixture
def ann(client: TestClient) -> TestClient:
    submit(client)
    return client


def facts(client: TestClient, case_id: int, position: int = 0) -> dict[str, Any]:
    answer = client.get(facts_address(case_id, position))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_photograph_has_its_size_and_the_addresses_of_its_pixels(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    number = add(store, draw_photograph(tmp_path / "a.png", 1, (320, 200)))
    found = facts(ann, number)
    assert (found["width"], found["height"], found["problem"], found["notes"]) == (320, 200, "", [])
    assert found["mm_per_pixel"] is None
    assert found["frames"] == [
        {str(size): image_address(number, 0, size, 0) for size in PictureSize}
    ]


def test_a_dicom_object_has_all_frames_and_its_scale(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    frames = np.stack([picture(seed=seed) for seed in range(3)])
    data = dicom_dataset(frames, PixelSpacing=["0.05", "0.04"])
    (tmp_path / "a.dcm").write_bytes(file_bytes(data))
    image = ImageRecord("a.dcm", str(tmp_path), hash_file(tmp_path / "a.dcm"))
    number = add(store, image)
    found = facts(ann, number)
    assert found["mm_per_pixel"] == 0.04  # between columns
    assert [frame["native"] for frame in found["frames"]] == [
        image_address(number, 0, PictureSize.NATIVE, frame) for frame in range(3)
    ]
    assert all(ann.get(frame["thumbnail"]).status_code == 200 for frame in found["frames"])


def test_conversions_of_its_colours_are_notes(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", icc_profile=profile)
    number = add(store, ImageRecord("a.png", str(tmp_path), None))
    notes = facts(ann, number)["notes"]
    assert notes[0] == NOT_RECORDED
    assert "colour profile" in notes[1]


def test_why_an_image_cannot_be_shown_names_no_file(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "Jane Doe.png").write_bytes(b"\x89PNG\r\n\x1a\n but no picture")
    photograph = draw_photograph(tmp_path / "a.png", 1)
    (folder / "changed.png").write_bytes((tmp_path / "a.png").read_bytes())
    names = {
        "gone.png": "missing",
        "Jane Doe.png": "damaged",
        "changed.png": "changed since",
        "../a.png": "leads outside",
        str(tmp_path / "a.png"): "leads outside",
    }
    images = [
        ImageRecord(name, str(folder), "0" * 64 if name == "changed.png" else None)
        for name in names
    ]
    number = add(store, *images, photograph)
    for position, words in enumerate(names.values()):
        found = facts(ann, number, position)
        assert set(found) == {"problem"}
        assert words in found["problem"]
        assert "Jane" not in found["problem"]
    assert facts(ann, number, 5)["problem"] == ""
    assert facts(ann, number, 6)["problem"] == "There is no such picture."


def test_a_volume_has_its_scale_its_eye_and_all_bscans(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    number = add(store, write_volume(tmp_path / "a.npz"), modality=Modality.OCT_VOLUMES)
    found = facts(ann, number)
    count, height, width = SMALL
    assert found["spacing"] == pytest.approx([DEPTH / height, FIELD / width])
    assert found["eye"] == "Right eye (R)"
    assert found["upwards"] is True
    assert found["frames"] == [
        image_address(number, 0, PictureSize.FITTED, frame) for frame in range(count)
    ]


def test_facts_and_picture_are_of_one_reading(
    ann: TestClient, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    whole = image_routes.read_photograph
    monkeypatch.setattr(
        image_routes, "read_photograph", lambda image: read.append(image) or whole(image)
    )
    monkeypatch.setattr(image_routes, "_DECODED", 0)  # as a photograph that is too large to be kept
    number = add(store, draw_photograph(tmp_path / "a.png", 1))
    found = facts(ann, number)
    assert ann.get(found["frames"][0]["fitted"]).status_code == 200
    assert facts(ann, number) == found
    assert len(read) == 1


def test_facts_need_a_session(outsider: TestClient) -> None:
    assert outsider.get(facts_address(1, 0)).status_code == 401
