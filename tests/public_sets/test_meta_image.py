import os
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.public_sets.make import write_meta_image
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.limits import VolumeLimits
from triage.public_sets.meta_image import read_meta_image

TYPES = {
    "MET_UCHAR": np.uint8,
    "MET_CHAR": np.int8,
    "MET_USHORT": np.uint16,
    "MET_SHORT": np.int16,
    "MET_INT": np.int32,
    "MET_UINT": np.uint32,
    "MET_FLOAT": np.float32,
    "MET_DOUBLE": np.float64,
}
VOXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def refused(path: Path, limits: VolumeLimits | None = None) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        read_meta_image(path, limits) if limits else read_meta_image(path)
    assert caught.value.where == path.name
    return caught.value


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_plain_and_compressed(tmp_path: Path, kind: str, compressed: bool) -> None:
    voxels = VOXELS.astype(TYPES[kind])
    path = write_meta_image(tmp_path / "oct.mhd", voxels, kind, compressed=compressed)
    image = read_meta_image(path)
    assert image.voxels.dtype == TYPES[kind]
    np.testing.assert_array_equal(image.voxels, voxels)
    assert image.spacing == (0.047, 0.0035, 0.0117)


@pytest.mark.parametrize("field", ["ElementByteOrderMSB", "BinaryDataByteOrderMSB"])
def test_big_endian_samples(tmp_path: Path, field: str) -> None:
    voxels = (VOXELS.astype(np.uint16) * 500).astype(">u2")
    path = write_meta_image(tmp_path / "oct.mhd", voxels, "MET_USHORT", **{field: "True"})
    found = read_meta_image(path).voxels
    assert found.dtype == np.uint16
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, voxels)


@pytest.mark.parametrize("compressed", [False, True])
def test_data_in_the_header_file(tmp_path: Path, compressed: bool) -> None:
    path = write_meta_image(
        tmp_path / "oct.mha", VOXELS, compressed=compressed, ElementDataFile="LOCAL"
    )
    np.testing.assert_array_equal(read_meta_image(path).voxels, VOXELS)
    assert [found.name for found in tmp_path.iterdir()] == ["oct.mha"]


@pytest.mark.parametrize("size", ["7", "-1"])
def test_a_header_before_the_data_is_skipped(tmp_path: Path, size: str) -> None:
    path = write_meta_image(tmp_path / "oct.mhd", VOXELS, HeaderSize=size)
    raw = tmp_path / "oct.raw"
    raw.write_bytes(b"7 bytes" + raw.read_bytes())
    np.testing.assert_array_equal(read_meta_image(path).voxels, VOXELS)


@pytest.mark.parametrize("text", ["", "1 2", "a b c", "0 1 1", "nan 1 1", "inf 1 1", "-1 1 1"])
def test_a_scale_that_is_none(tmp_path: Path, text: str) -> None:
    path = write_meta_image(tmp_path / "oct.mhd", VOXELS, ElementSpacing=text)
    assert read_meta_image(path).spacing is None


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("change", [-1, 1])
def test_samples_too_few_or_too_many(tmp_path: Path, compressed: bool, change: int) -> None:
    size = "4 3 1" if change > 0 else "4 3 3"
    path = write_meta_image(tmp_path / "oct.mhd", VOXELS, compressed=compressed, DimSize=size)
    wanted = RejectReason.UNREADABLE if change > 0 else RejectReason.TRUNCATED
    assert refused(path).reason is wanted


@pytest.mark.parametrize("compressed", [False, True])
def test_truncated_and_missing_data(tmp_path: Path, compressed: bool) -> None:
    path = write_meta_image(tmp_path / "oct.mhd", VOXELS, compressed=compressed)
    (data,) = (found for found in tmp_path.iterdir() if found != path)
    data.write_bytes(data.read_bytes()[:-9])
    assert refused(path).reason is RejectReason.TRUNCATED
    data.write_bytes(b"")
    assert refused(path).reason is RejectReason.TRUNCATED
    data.unlink()
    assert refused(path).reason is RejectReason.MISSING
    path.unlink()
    assert refused(path).reason is RejectReason.MISSING


def test_damaged_compression(tmp_path: Path) -> None:
    path = write_meta_image(tmp_path / "oct.mhd", VOXELS, compressed=True)
    (tmp_path / "oct.zraw").write_bytes(b"\x00" * 40)
    assert refused(path).reason is RejectReason.UNREADABLE


def test_compressed_data_never_unpack_to_more_than_the_header_says(tmp_path: Path) -> None:
    path = write_meta_image(tmp_path / "oct.mhd", np.zeros((64, 512, 512), np.uint8))
    bomb = write_meta_image(
        tmp_path / "bomb.mhd", np.zeros((64, 512, 512), np.uint8), compressed=True, DimSize="1 1 1"
    )
    assert read_meta_image(path).voxels.shape == (64, 512, 512)
    assert "more samples" in refused(bomb).what


@pytest.mark.parametrize(
    "name",
    [
        "../oct.raw",
        "/etc/hostname",
        "sub/oct.raw",
        "..\\oct.raw",
        "C:oct.raw",
        "LIST",
        "a%03d.raw 1 9",
    ],
)
def test_data_elsewhere_are_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "oct.raw").write_bytes(VOXELS.tobytes())
    path = write_meta_image(tmp_path / "set" / "oct.mhd", VOXELS, ElementDataFile=name)
    error = refused(path)
    assert error.reason in {RejectReason.UNREADABLE, RejectReason.MISSING}
    assert "etc" not in str(error)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("NDims", "2", RejectReason.UNREADABLE),
        ("NDims", "", RejectReason.UNREADABLE),
        ("DimSize", "4 3", RejectReason.UNREADABLE),
        ("DimSize", "4 3 -2", RejectReason.UNREADABLE),
        ("DimSize", "4 3 1e3", RejectReason.UNREADABLE),
        ("DimSize", "4 3 0", RejectReason.UNREADABLE),
        ("DimSize", "4 3 " + "9" * 5000, RejectReason.UNREADABLE),
        ("DimSize", "99999999 3 2", RejectReason.TOO_MANY_PIXELS),
        ("DimSize", "4 3 99999999", RejectReason.TOO_MANY_FRAMES),
        ("ElementType", "MET_STRING", RejectReason.UNSUPPORTED_ENCODING),
        ("ElementNumberOfChannels", "3", RejectReason.UNSUPPORTED_ENCODING),
        ("BinaryData", "False", RejectReason.UNSUPPORTED_ENCODING),
        ("HeaderSize", "many", RejectReason.UNREADABLE),
    ],
)
def test_odd_headers(tmp_path: Path, field: str, value: str, reason: RejectReason) -> None:
    path = write_meta_image(tmp_path / "oct.mhd", VOXELS, **{field: value})
    assert refused(path).reason is reason


def test_limits_are_settable(tmp_path: Path) -> None:
    path = write_meta_image(tmp_path / "oct.mhd", VOXELS)
    limits = VolumeLimits(max_voxels=23)
    assert refused(path, limits).reason is RejectReason.TOO_MANY_PIXELS
    assert refused(path, VolumeLimits(max_bytes=23)).reason is RejectReason.TOO_LARGE


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff" * 100_000, b"a = b\n" * 9])
def test_what_is_no_header(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "oct.mhd"
    path.write_bytes(content)
    assert refused(path).reason is RejectReason.UNKNOWN_FORMAT
    assert refused(tmp_path).reason is RejectReason.MISSING


@pytest.mark.parametrize("compressed", [False, True])
def test_what_a_header_announces_is_not_allocated_for(tmp_path: Path, compressed: bool) -> None:
    """A file of a hundred bytes that says it holds 240 million samples."""
    path = tmp_path / "a.mha"
    header = "NDims = 3\nDimSize = 500 600 800\nElementType = MET_USHORT\n"
    header += f"CompressedData = {compressed}\nElementDataFile = LOCAL\n"
    path.write_bytes(header.encode() + b"x\x9c" * 20)
    tracemalloc.start()
    try:
        assert refused(path).reason is RejectReason.TRUNCATED
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_samples_take_their_own_memory_once(tmp_path: Path) -> None:
    path = tmp_path / "a.mha"
    voxels = np.random.default_rng(0).integers(0, 2**15, (40, 200, 200)).astype(">i2")
    header = "NDims = 3\nDimSize = 200 200 40\nElementType = MET_SHORT\n"
    header += "ElementByteOrderMSB = True\n{}ElementDataFile = LOCAL\n"
    for packed in (False, True):
        text = header.format("CompressedData = True\n" if packed else "")
        data = zlib.compress(voxels.tobytes()) if packed else voxels.tobytes()
        path.write_bytes(text.encode() + data)
        tracemalloc.start()
        try:
            found = read_meta_image(path)
            assert tracemalloc.get_traced_memory()[1] < voxels.nbytes + 6 * 2**20
        finally:
            tracemalloc.stop()
        assert (found.voxels == voxels).all()


def test_the_size_of_a_sample_is_no_distance(tmp_path: Path) -> None:
    path = tmp_path / "a.mha"
    header = "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementSize = 1 1 1\n"
    path.write_bytes(f"{header}ElementDataFile = LOCAL\n".encode() + bytes(8))
    assert read_meta_image(path).spacing is None


def test_samples_stay_in_the_folder_and_are_a_regular_file(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (tmp_path / "a.raw").write_bytes(bytes(8))
    (folder / "a.raw").symlink_to(tmp_path / "a.raw")
    path = folder / "a.mhd"
    header = "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = a.raw\n"
    path.write_text(header)
    assert refused(path).reason is RejectReason.OUTSIDE_ROOT
    (folder / "a.raw").unlink()
    os.mkfifo(folder / "a.raw")
    assert refused(path).reason is RejectReason.MISSING
    os.mkfifo(folder / "pipe.mhd")
    assert refused(folder / "pipe.mhd").reason is RejectReason.MISSING
