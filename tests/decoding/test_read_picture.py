"""From a path to a picture, or to a refusal that names the file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from triage.decoding.read_picture import read_picture, read_resized
from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_file
from triage.imaging.decode import decode_picture, identify
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.picture import Picture
from triage.imaging.raster import read as raster
from triage.imaging.resized import resize_picture
from triage.imaging.views import Views

from ..imaging.samples import dicom_dataset, encode, file_bytes, picture


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "dicom"])
def test_the_content_decides_not_the_name(tmp_path: Path, kind: str) -> None:
    data = file_bytes(dicom_dataset(picture())) if kind == "dicom" else encode(picture(), kind)
    path = tmp_path / "picture.txt"
    path.write_bytes(data)
    read = read_picture(path)
    assert read.kind == kind
    assert read.frames.shape == (1, 40, 60, 3)
    assert read.sha256 == hashlib.sha256(data).hexdigest()
    assert read.modality == ("Secondary Capture Image Storage" if kind == "dicom" else None)


def test_big_tiff_and_both_byte_orders() -> None:
    assert {identify(magic + bytes(200)) for magic in (b"II*\0", b"MM\0*", b"II+\0")} == {"tiff"}
    image = encode(picture(), "tiff", big_tiff=True)
    assert identify(image) == "tiff"


def test_a_dicom_file_may_have_a_tiff_preamble() -> None:
    data = file_bytes(dicom_dataset(picture()))
    assert identify(b"II*\0" + data[4:]) == "dicom"


def test_position_and_time_are_dropped(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x9003], exif[0x8298] = "2020:02:03 04:05:06", "Doe"
    exif.get_ifd(0x8825)[1] = "N"
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(picture(), "jpeg", exif=exif))
    read = read_picture(path)
    facts = {"frames", "kind", "modality", "sha256", "flags", "mm_per_pixel"}
    assert set(vars(read)) == facts
    assert type(read.frames) is np.ndarray
    path.write_bytes(encode(picture(), "jpeg"))
    np.testing.assert_array_equal(read.frames, read_picture(path).frames)


def refused(path: Path, limits: Limits = DEFAULT_LIMITS) -> ImageRejected:
    with pytest.raises(ImageRejected) as refusal:
        read_picture(path, limits)
    assert refusal.value.where == path.name
    assert str(path.parent) not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.exit_code == 3
    return refusal.value


def test_what_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.jpg", tmp_path, tmp_path / "file" / "a", tmp_path / "pipe"):
        assert refused(path).reason is RejectReason.MISSING
    with pytest.raises(ImageRejected):
        read_picture(tmp_path / "a\0b")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(tmp_path / "loop").reason is RejectReason.UNREADABLE


def test_size_is_checked_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("wb") as stream:
        stream.truncate(2**40)
    assert refused(path).reason is RejectReason.TOO_LARGE
    path.write_bytes(encode(picture(), "png"))
    size = path.stat().st_size
    assert refused(path, Limits(max_bytes=size - 1)).reason is RejectReason.TOO_LARGE
    assert read_picture(path, Limits(max_bytes=size)).kind == "png"


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (MemoryError(), RejectReason.TOO_LARGE),
        (RecursionError(), RejectReason.UNREADABLE),
        (SystemError("Doe"), RejectReason.UNREADABLE),
        (Warning("Doe"), RejectReason.UNREADABLE),
    ],
)
def test_whatever_a_decoder_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, reason: RejectReason
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(), "png"))

    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(raster, "read_raster", fail)
    with pytest.raises(ImageRejected) as refusal:
        decode_picture(path, DEFAULT_LIMITS)
    assert refusal.value.reason is reason
    assert refusal.value.where == "a.png"
    assert refusal.value.sha256 == hash_file(path)
    assert "Doe" not in str(refusal.value)


def test_an_interrupt_passes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(), "png"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(raster, "read_raster", interrupt)
    with pytest.raises(KeyboardInterrupt):
        decode_picture(path, DEFAULT_LIMITS)


def test_a_refusal_tells_which_content_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(), "png")[:-40])
    assert refused(path).sha256 == hash_file(path)
    assert refused(tmp_path / "none.png").sha256 is None


def test_a_device_is_never_opened() -> None:
    with pytest.raises(ImageRejected, match="not a regular file"):
        read_picture(Path("/dev/zero"))


def test_a_link_may_not_leave_the_root(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    root.mkdir()
    other.mkdir()
    for folder in (root, other):
        (folder / "a.png").write_bytes(encode(picture(), "png"))
    (root / "inside.png").symlink_to(root / "a.png")
    (root / "outside.png").symlink_to(other / "a.png")
    (root / "folder").symlink_to(other)
    assert read_picture(root / "inside.png", root=root).kind == "png"
    assert read_picture(root / "outside.png").kind == "png"
    for name in ("outside.png", "folder/a.png"):
        with pytest.raises(ImageRejected) as refusal:
            read_picture(root / name, root=root)
        assert refusal.value.reason is RejectReason.OUTSIDE_ROOT
        assert refusal.value.sha256 is None


def test_a_relative_root_is_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(encode(picture(), "png"))
    read_picture(tmp_path / "a.png")  # the worker is there, and was started elsewhere
    monkeypatch.chdir(tmp_path)
    assert read_picture("a.png", root=".").kind == "png"


def test_a_network_sees_what_a_person_sees(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(), "png"))
    inputs = [(32, Views.WHOLE), (24, Views.CROPS)]
    found = read_resized(path, inputs)
    expected = resize_picture(read_picture(path), inputs)
    for frames, same, (size, views) in zip(found.inputs, expected.inputs, inputs, strict=True):
        np.testing.assert_array_equal(frames, same)
        assert frames.shape == (views.n_views, size, size, 3)
    assert (found.sha256, found.problem) == (expected.sha256, "")


def test_limits_are_strict() -> None:
    with pytest.raises(ValidationError):
        Limits(max_pixel=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        Limits(max_bytes=0)
    assert (DEFAULT_LIMITS.max_bytes, DEFAULT_LIMITS.max_pixels) == (256 * 2**20, 64_000_000)
    assert DEFAULT_LIMITS.max_frames == 64


def test_a_picture_checks_itself() -> None:
    for frames in (np.zeros((2, 2, 3), np.uint8), np.zeros((1, 2, 2, 3)), np.zeros((0, 2, 2, 3))):
        with pytest.raises(ValueError, match="frames must be"):
            Picture(frames=frames, kind="png", modality=None, sha256="")
