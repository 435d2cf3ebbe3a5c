import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from tests.public_sets.test_prepare import problems, read
from triage.errors import SpecError
from triage.hashing import hash_file
from triage.public_sets import octmnist, prepare_set

NAME = "oct_octmnist"


def arrays(side: int = 28) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(1)
    found: dict[str, NDArray[Any]] = {}
    for name, count in (("train", 9), ("val", 4), ("test", 4)):
        found[f"{name}_images"] = rng.integers(0, 256, (count, side, side), dtype=np.uint8)
        found[f"{name}_labels"] = (np.arange(count, dtype=np.uint8) % 4)[:, None]
    return found


def write(root: Path, **changes: Any) -> Path:
    found = arrays() | changes
    np.savez(root / "octmnist.npz", **{k: v for k, v in found.items() if v is not None})
    return root


@pytest.mark.parametrize("side", [28, 64])
def test_images_are_exported_exactly(tmp_path: Path, side: int) -> None:
    source = arrays(side)
    path = tmp_path / f"octmnist_{side}.npz"
    np.savez_compressed(path, **source)
    rows = read(prepare_set(NAME, tmp_path))
    assert len(rows) == 17
    folder = f"octmnist_{hash_file(path)[:12]}"
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        for number, pixels in enumerate(source[f"{name}_images"]):
            row = rows[f"{folder}/{split}/{number:06d}.png"]
            assert row["condition"] == ("CNV", "DME", "DRUSEN", "NORMAL")[number % 4]
            assert row["split"] == split
            np.testing.assert_array_equal(Image.open(tmp_path / row["image"]), pixels)


def test_copies_go_to_the_latest_split(tmp_path: Path) -> None:
    source = arrays()
    source["train_images"][5] = source["test_images"][0]
    rows = read(prepare_set(NAME, write(tmp_path, **source)))
    assert [row["split"] for row in rows.values() if row["image"].endswith("train/000005.png")] == [
        "test"
    ]


def test_another_archive_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    prepare_set(NAME, write(tmp_path))
    prepare_set(NAME, write(tmp_path, test_labels=np.zeros((4, 1), np.uint8)))
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"val_labels": None},
        {"train_images": np.zeros((9, 28, 28), np.float32)},
        {"train_images": np.zeros((9, 28, 28, 3), np.uint8)},
        {"train_images": np.asfortranarray(np.zeros((9, 28, 28), np.uint8))},
        {"train_images": np.zeros((8, 28, 28), np.uint8)},
        {"train_labels": np.zeros((8, 1), np.uint8)},
        {"test_labels": np.full((4, 1), 4, np.uint8)},
        {"test_labels": np.array([[None]] * 4)},
        {"test_labels": np.uint8(1)},
        {"train_images": np.zeros((9, 2, 600), np.uint8)},
    ],
)
def test_other_archives_are_refused_whole(tmp_path: Path, change: dict[str, Any]) -> None:
    assert problems(NAME, write(tmp_path, **change))
    assert [path.name for path in tmp_path.iterdir()] == ["octmnist.npz"]


def test_damaged_archives(tmp_path: Path) -> None:
    path = write(tmp_path) / "octmnist.npz"
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"PK\x03\x04" + b"\0" * 100):
        path.write_bytes(content)
        assert "not a readable OCTMNIST archive" in problems(NAME, tmp_path)[0]
    path.write_bytes(whole[:5000] + b"\x55" * 50 + whole[5050:])
    assert problems(NAME, tmp_path)


def test_a_header_that_asks_for_too_much_is_refused_unread(tmp_path: Path) -> None:
    header = BytesIO()
    npy.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 512, 512)}
    )
    with zipfile.ZipFile(tmp_path / "octmnist.npz", "w") as archive:
        labels = BytesIO()
        npy.write_array(labels, np.zeros((4, 1), np.uint8))
        archive.writestr("train_labels.npy", labels.getvalue())
        archive.writestr("train_images.npy", header.getvalue())
    assert "not a readable" in problems(NAME, tmp_path)[0]


def test_one_archive_is_needed(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "octmnist_64.npz").write_bytes(b"")
    assert "holds 2 files" in problems(NAME, tmp_path)[0]


def test_a_failure_midway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(octmnist.Image.Image, "save", full)
    with pytest.raises(SpecError, match="cannot be written to"):
        prepare_set(NAME, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["octmnist.npz"]
