"""Pictures of cases as the server gives them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.store.make import case
from tests.ui.make_accounts import PASSWORD, account, session_for
from tests.ui.make_cases import draw_photograph
from tests.ui.make_oct import SMALL, write_volume
from tests.ui.served import served, submit
from triage.accounts import Role
from triage.accounts.sessions import session_of
from triage.decoding.read_volume import read_volume
from triage.hashing import hash_file
from triage.store import ImageRecord, Modality, Store, add_case
from ui.image_address import PictureSize, image_address
from ui.serving import image_routes
from ui.serving.access import LOGIN
from ui.serving.image_routes import ImageRoutes
from ui.serving.picture_cache import SizedCache


def add(store: Store, *images: ImageRecord, name: str = "C-1", **changes: Any) -> int:
    with store.transaction() as session:
        return add_case(session, case(name, images=images, **changes))


def address(case_id: int, size: PictureSize = PictureSize.THUMBNAIL, **changes: Any) -> str:
    given = {"position": 0, "frame": None, **changes}
    return image_address(case_id, given["position"], size, given["frame"])


@pytest.fixture
def ann(client: TestClient) -> TestClient:
    submit(client)
    return client


def shape(answer: httpx.Response) -> tuple[int, int]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    return Image.open(io.BytesIO(answer.content)).size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (PictureSize.THUMBNAIL, (160, 120)),
        (PictureSize.FITTED, (1600, 1200)),
        (PictureSize.NATIVE, (2000, 1500)),
    ],
)
def test_a_photograph_in_each_size(
    ann: TestClient, store: Store, tmp_path: Path, size: PictureSize, expected: tuple[int, int]
) -> None:
    number = add(store, draw_photograph(tmp_path / "a.png", 0, (2000, 1500)))
    answer = ann.get(address(number, size))
    assert shape(answer) == expected
    assert answer.headers["cache-control"] == "no-store"


def test_nothing_but_pixels_is_sent(ann: TestClient, store: Store, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Jane Doe"
    path = tmp_path / "a.jpg"
    Image.new("RGB", (80, 60), "red").save(path, exif=exif, comment=b"Jane Doe")
    number = add(store, ImageRecord("a.jpg", str(tmp_path), hash_file(path)))
    for size in PictureSize:
        content = ann.get(address(number, size)).content
        assert b"Jane Doe" not in content
        assert not Image.open(io.BytesIO(content)).getexif()
    assert b"Jane Doe" in path.read_bytes()


def test_the_middle_bscan_stands_for_a_volume(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    image = write_volume(tmp_path / "a.npz")
    number = add(store, image, modality=Modality.OCT_VOLUMES)
    bscans = read_volume(tmp_path / "a.npz").bscans
    native = PictureSize.NATIVE
    for frame, at in ((None, SMALL[0] // 2), (0, 0), (SMALL[0] - 1, SMALL[0] - 1)):
        answer = ann.get(address(number, native, frame=frame))
        assert shape(answer) == SMALL[:0:-1]
        sent = np.asarray(Image.open(io.BytesIO(answer.content)), dtype=float)
        assert np.abs(sent - bscans[at]).mean() < 5
    assert ann.get(address(number, native, frame=SMALL[0])).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/images/{}/1/main/thumbnail",
        "/images/{}/0/1/thumbnail",
        "/images/{}/0/main/huge",
        "/images/{}/0/-1/thumbnail",
        "/images/{}/x/main/thumbnail",
        "/images/{}1/0/main/thumbnail",
        f"/images/{'9' * 5000}/0/0/thumbnail",
        f"/images/{{}}/{'9' * 30}/0/thumbnail",
        "/images/%C2%B2/0/0/thumbnail",
    ],
)
def test_what_is_not_there(ann: TestClient, store: Store, tmp_path: Path, path: str) -> None:
    number = add(store, draw_photograph(tmp_path / "a.png", 0))
    assert ann.get(path.format(number)).status_code == 404


def test_a_changed_missing_or_unreadable_file_is_not_sent(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    image = draw_photograph(tmp_path / "Jane Doe.png", 0)
    number = add(store, image)
    path = tmp_path / image.path
    assert ann.get(address(number)).status_code == 200
    Image.new("RGB", (9, 9)).save(path)
    changed = ann.get(address(number))
    path.write_bytes(b"no picture")
    unreadable = ann.get(address(number))
    path.unlink()
    missing = ann.get(address(number))
    for answer in (changed, unreadable, missing):
        assert answer.status_code == 404
        assert "Jane" not in answer.text
        assert answer.text.endswith(".")
    assert "changed" in changed.text
    draw_photograph(path, 0)
    assert ann.get(address(number)).status_code == 200


def test_a_changed_file_of_a_folder_is_not_sent(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "volume"
    folder.mkdir()
    chance = np.random.default_rng(0)
    for at in range(5):
        Image.fromarray(chance.integers(0, 255, (64, 96), dtype=np.uint8)).save(
            folder / f"{at}.png"
        )
    (folder / "volume.json").write_text(
        '{"laterality": "R", "bscan_spacing_mm": 0.1, "depth_spacing_mm": 0.004, '
        '"column_spacing_mm": 0.01}'
    )
    image = ImageRecord("volume", str(tmp_path), read_volume(folder).sha256)
    number = add(store, image, modality=Modality.OCT_VOLUMES)
    assert ann.get(address(number)).status_code == 200
    Image.fromarray(np.zeros((64, 96), np.uint8)).save(folder / "2.png")
    assert ann.get(address(number)).status_code == 404


def test_a_file_outside_its_folder_is_not_sent(
    ann: TestClient, store: Store, tmp_path: Path
) -> None:
    draw_photograph(tmp_path / "outside.png", 0)
    root = tmp_path / "root"
    root.mkdir()
    os.symlink(tmp_path / "outside.png", root / "a.png")
    number = add(store, ImageRecord("a.png", str(root), None))
    assert ann.get(address(number)).status_code == 404


def test_a_session_is_needed(outsider: TestClient) -> None:
    answer = outsider.get(address(1))
    assert answer.status_code == 401
    assert "location" not in answer.headers


def test_a_role_without_cases_sees_no_picture(store: Store, tmp_path: Path) -> None:
    account(store, "Eve", Role.ENGINEER, password=PASSWORD)
    number = add(store, draw_photograph(tmp_path / "a.png", 0))
    with served(store, tmp_path) as client:
        submit(client, name="Eve")
        assert client.get(address(number)).status_code == 403


@contextmanager
def counted_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    read, found = image_routes.read_photograph, []

    def count(image: ImageRecord) -> Any:
        found.append(image.path)
        return read(image)

    monkeypatch.setattr(image_routes, "read_photograph", count)
    yield found


def test_a_picture_that_many_ask_for_at_once_is_decoded_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [draw_photograph(tmp_path / f"{at}.png", at) for at in range(2)]
    number = add(store, *images)
    routes = ImageRoutes(store)
    session = session_of(store, session_for(store, "Bob"))
    app = Starlette(routes=routes.routes())

    async def signed_in(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, LOGIN: session}, receive, send)

    async def ask() -> list[int]:
        statuses = []
        transport = httpx.ASGITransport(app=signed_in)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

            async def get(path: str) -> None:
                statuses.append((await client.get(path)).status_code)

            async with anyio.create_task_group() as group:
                for size in (PictureSize.THUMBNAIL, PictureSize.FITTED) * 4:
                    for position in range(2):
                        group.start_soon(get, address(number, size, position=position))
        return statuses

    with counted_reads(monkeypatch) as reads:
        assert anyio.run(ask) == [200] * 16
    assert sorted(reads) == ["0.png", "1.png"]
    assert not routes._locks


def test_the_cache_keeps_what_was_used_last() -> None:
    cache = SizedCache[bytes](10)
    cache.put("a", b"1234", 4)
    cache.put("b", b"1234", 4)
    assert cache.get("a") == b"1234"
    cache.put("c", b"1234", 4)
    assert cache.get("b") is None
    assert (cache.get("a"), cache.get("c"), cache.size) == (b"1234", b"1234", 8)
    cache.put("huge", b"", 11)
    cache.put("a", b"12", 2)
    assert cache.get("huge") is None
    assert (cache.get("a"), cache.size) == (b"12", 6)
