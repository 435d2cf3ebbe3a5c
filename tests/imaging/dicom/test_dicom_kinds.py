"""Kinds of DICOM files that public reports name as read wrongly or refused without need."""

from __future__ import annotations

import shutil
import struct
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.sequence import Sequence

from tests.imaging.samples import (
    compressed,
    compressed_by_gdcm,
    dicom_dataset,
    encapsulated,
    encode,
    file_bytes,
    jpeg_ls,
    picture,
    rle,
)
from triage.codecs import sample_limit
from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom.read import read_dicom
from triage.imaging.limits import DEFAULT_LIMITS
from triage.imaging.picture import PictureFlag


def read(data: bytes) -> np.ndarray:
    return read_dicom(data, DEFAULT_LIMITS, photographs_only=True)[0]


def without_preamble(content: bytes, *, meta: bool = True) -> bytes:
    content = content[132:]
    (length,) = struct.unpack_from("<L", content, 8)  # of the group of meta information
    return content if meta else content[12 + length :]


@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize(
    "syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]
)
def test_files_without_preamble(syntax: uid.UID, meta: bool) -> None:
    content = file_bytes(dicom_dataset(picture(), syntax=syntax))
    np.testing.assert_array_equal(read(without_preamble(content, meta=meta))[0], picture())
    np.testing.assert_array_equal(read(content[128:])[0], picture())


def test_compressed_data_without_meta_information_are_refused() -> None:
    content = encapsulated(dicom_dataset(picture()), [encode(picture(), "jpeg")])
    assert read(without_preamble(content)).shape == (1, 40, 60, 3)
    with pytest.raises(ImageRejected) as refusal:
        read(without_preamble(content, meta=False))
    assert refusal.value.reason is RejectReason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize("value", [0, "", None])
def test_a_number_of_frames_that_says_nothing_means_one(value: object) -> None:
    data = dicom_dataset(picture(), NumberOfFrames=value)
    np.testing.assert_array_equal(read(file_bytes(data))[0], picture())


def test_unusual_spectral_selection_in_a_sequential_scan() -> None:
    frame = encode(picture(), "jpeg", quality=95)
    scan = frame.index(b"\xff\xda")
    end = scan + 2 + struct.unpack_from(">H", frame, scan + 2)[0]
    for parameters in (b"\0\0\0", b"\0\x3f\x10", b"\x01\x05\0"):
        odd = frame[: end - 3] + parameters + frame[end:]
        data = dicom_dataset(picture(), photometric="YBR_FULL_422")
        assert np.abs(read(encapsulated(data, [odd]))[0].astype(int) - picture()).mean() < 2
        cut = odd[: len(odd) // 2] + b"\xff\xd9"
        with pytest.raises(ImageRejected) as refusal:
            read(encapsulated(data, [cut]))
        assert refusal.value.reason is RejectReason.TRUNCATED


@pytest.mark.parametrize("shape", [(7, 9), (1, 15), (13, 1), (16, 17)])
@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0"])
def test_odd_sizes_of_subsampled_jpegs(shape: tuple[int, int], subsampling: str) -> None:
    source = picture(*shape)
    frame = encode(source, "jpeg", quality=95, subsampling=subsampling)
    data = dicom_dataset(source, photometric="YBR_FULL_422")
    with Image.open(BytesIO(frame)) as image:
        np.testing.assert_array_equal(read(encapsulated(data, [frame]))[0], np.asarray(image))


def test_rows_of_an_rle_plane_that_share_runs_and_odd_segments() -> None:
    """PS3.5 G.3.1 wants runs to end with a row, and segments of even length."""
    plane = np.repeat(np.arange(15, dtype=np.uint8), 7).reshape(15, 7)
    runs = b"".join(bytes([257 - 21, 3 * n]) if n % 2 else bytes([20]) + bytes([3 * n]) * 21
                    for n in range(5))  # fmt: skip
    plane = np.repeat(3 * np.arange(5, dtype=np.uint8), 21).reshape(15, 7)
    frame = struct.pack("<16L", 1, 64, *[0] * 14) + runs + b"\x80" * (1 - len(runs) % 2)
    data = dicom_dataset(plane, photometric="MONOCHROME2")
    np.testing.assert_array_equal(
        read(encapsulated(data, [frame], uid.RLELossless))[0, ..., 0], plane
    )


def test_luma_and_chroma_that_only_the_header_calls_subsampled() -> None:
    data = dicom_dataset(picture(), photometric="YBR_FULL")
    expected = read(file_bytes(data))
    data.PhotometricInterpretation = "YBR_FULL_422"
    np.testing.assert_array_equal(read(file_bytes(data)), expected)


def test_planar_configuration_is_needed_where_it_means_something() -> None:
    data = dicom_dataset(picture())
    del data.PlanarConfiguration
    with pytest.raises(ImageRejected) as refusal:
        read(file_bytes(data))
    assert refusal.value.reason is RejectReason.UNREADABLE
    assert "PlanarConfiguration" in str(refusal.value)


def test_other_pixel_data_come_first_and_are_passed_over() -> None:
    """An icon image, within a sequence of undefined length, and private elements."""
    icon = dicom_dataset(picture(8, 8)[..., 0], photometric="MONOCHROME2")
    del icon.file_meta
    for syntax in (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian):
        data = dicom_dataset(picture(), syntax=syntax, IconImageSequence=Sequence([icon]))
        data["IconImageSequence"].is_undefined_length = True
        block = data.private_block(0x0029, "LENS", create=True)
        block.add_new(0x10, "OB", b"\xe0\x7f\x10\0" * 6)
        item = Dataset()
        item.PixelData = b"\1\2\3\4"
        item["PixelData"].VR = "OW"
        block.add_new(0x11, "SQ", Sequence([item]))
        np.testing.assert_array_equal(read(file_bytes(data))[0], picture())
    icon.PixelData = b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    data = dicom_dataset(picture(), IconImageSequence=Sequence([icon]))
    content = encapsulated(data, [jpeg_ls(picture())], uid.JPEGLSLossless)
    np.testing.assert_array_equal(read(content)[0], picture())


def palette(
    count: int, depth: int, *, first: int = 0, words: str = "<u2", scale: int = 257
) -> tuple[Dataset, np.ndarray]:
    """A palette picture and its colours, as high bytes."""
    colours = np.random.default_rng(4).integers(0, 256, (count, 3), np.uint16)
    stored = (np.arange(40 * 60) % (count + 2) + first).astype(np.uint16).reshape(40, 60)
    data = dicom_dataset(stored, photometric="PALETTE COLOR")
    for name, channel in zip(("Red", "Green", "Blue"), colours.T, strict=True):
        entries = channel * scale if depth == 16 else channel
        raw = entries.astype(words).tobytes()
        descriptor = f"{name}PaletteColorLookupTableDescriptor"
        data.add_new(descriptor, "US", [count % 2**16, first, depth])
        data.add_new(f"{name}PaletteColorLookupTableData", "OW", raw + b"\0" * (len(raw) % 2))
    return data, colours[np.clip(stored.astype(int) - first, 0, count - 1)].astype(np.uint8)


@pytest.mark.parametrize(
    "options",
    [
        {"count": 256, "depth": 16},
        {"count": 200, "depth": 16, "first": 30, "scale": 256},
        {"count": 255, "depth": 8, "words": "u1"},
        {"count": 200, "depth": 8},  # octets in words
        {"count": 2**16, "depth": 16},
    ],
)
def test_palettes(options: dict[str, Any], tmp_path: Path) -> None:
    data, expected = palette(**options)
    content = file_bytes(data)
    np.testing.assert_array_equal(read(content)[0], expected)
    # the same picture compressed
    found = read(encapsulated(data, [rle(data_words(data))], uid.RLELossless))
    np.testing.assert_array_equal(found[0], expected)
    if shutil.which("dcm2pnm") and options["count"] < 2**16:
        (tmp_path / "p.dcm").write_bytes(content)
        command = ["dcm2pnm", str(tmp_path / "p.dcm"), str(tmp_path / "p.ppm")]
        subprocess.run(command, check=True, capture_output=True)
        with Image.open(tmp_path / "p.ppm") as image:
            assert np.abs(np.asarray(image).astype(int) - expected).max() <= 1


def data_words(data: Dataset) -> np.ndarray:
    return np.frombuffer(data.PixelData, np.uint16).reshape(data.Rows, data.Columns)


@pytest.mark.parametrize("depth", [8, 16])
def test_segmented_palettes(depth: int) -> None:
    """PS3.3 C.7.9.2: discrete, linear and repeated segments."""
    stored = np.arange(40, dtype=np.uint8).repeat(60).reshape(40, 60)
    data = dicom_dataset(stored, photometric="PALETTE COLOR")
    top = 255 if depth == 8 else 65535
    kind = "u1" if depth == 8 else "<u2"
    # three entries as they are, 17 on a line, then both once more
    offset = [0, 0, 0, 0] if depth == 8 else [0, 0]
    words = [0, 3, 0, top, top // 5, 1, 17, top // 2, 2, 2, *offset]
    line = np.rint(np.linspace(top // 5, top // 2, 18)[1:])
    entries = np.tile([0, top, top // 5, *line], 2)
    for name in ("Red", "Green", "Blue"):
        data.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [40, 0, depth])
        raw = np.array(words, kind).tobytes()
        data.add_new(f"Segmented{name}PaletteColorLookupTableData", "OW", raw)
    found = read(file_bytes(data))[0, :, 0, 0]
    expected = entries.astype(int) >> (8 if depth == 16 else 0)
    np.testing.assert_array_equal(found, expected)
    other = apply_color_lut(np.arange(40), dcmread(BytesIO(file_bytes(data))))
    np.testing.assert_array_equal(other[:, 0].astype(int) >> (8 if depth == 16 else 0), expected)


@pytest.mark.parametrize(
    "words", [[1, 4, 9], [0, 0], [2, 1, 0, 0, 0, 0], [7, 1, 1], [0, 3, 1, 2, 3], []]
)
def test_damaged_palettes(words: list[int]) -> None:
    data = dicom_dataset(picture()[..., 0], photometric="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        data.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [40, 0, 8])
        data.add_new(f"Segmented{name}PaletteColorLookupTableData", "OW", bytes(words))
    with pytest.raises(ImageRejected) as refusal:
        read(file_bytes(data))
    assert refusal.value.reason is RejectReason.UNREADABLE


def wide_gamut() -> bytes:
    """An RGB profile of other primaries: red and blue of sRGB exchanged."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", content, 128)[0]
    entries = {bytes(content[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    content[red : red + 4], content[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(content)


@pytest.mark.parametrize("within_the_optical_path", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_colour_profiles(within_the_optical_path: bool, compressed: bool) -> None:
    stored = np.stack([picture(seed=seed) for seed in range(2)])
    data = dicom_dataset(stored, sop_class=uid.VLPhotographicImageStorage)
    path = Dataset()
    (path if within_the_optical_path else data).ICCProfile = wide_gamut()
    data.OpticalPathSequence = Sequence([path])
    if compressed:
        frames = [jpeg_ls(frame) for frame in stored]
        content = encapsulated(data, frames, uid.JPEGLSLossless)
    else:
        content = file_bytes(data)
    frames, _, flags, _ = read_dicom(content, DEFAULT_LIMITS, photographs_only=True)
    assert flags == (PictureFlag.COLOURS_CONVERTED,)
    assert np.abs(frames.astype(int) - stored[..., ::-1]).mean() < 1


def test_profiles_of_srgb_and_damaged_ones() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile, flags in ((srgb, ()), (b"none", (PictureFlag.COLOUR_PROFILE_UNUSABLE,))):
        data = dicom_dataset(picture(), ICCProfile=profile)
        frames, _, found, _ = read_dicom(file_bytes(data), DEFAULT_LIMITS, photographs_only=True)
        np.testing.assert_array_equal(frames[0], picture())
        assert found == flags


def test_grey_pictures_have_no_colours_to_convert() -> None:
    data = dicom_dataset(picture()[..., 0], photometric="MONOCHROME2", ICCProfile=wide_gamut())
    assert read_dicom(file_bytes(data), DEFAULT_LIMITS, photographs_only=True)[2] == ()


def test_subsampled_colours_are_chrominance_whatever_the_header_says() -> None:
    """A header of RGB for what a camera coded as YCbCr: only chrominance is subsampled."""
    coded = encode(picture(), "jpeg", quality=95, subsampling=2)
    for photometric in ("RGB", "YBR_FULL_422"):
        content = encapsulated(dicom_dataset(picture(), photometric=photometric), [coded])
        frames, *_ = read_dicom(content, DEFAULT_LIMITS, photographs_only=True)
        assert np.abs(frames[0].astype(int) - picture()).mean() < 4


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLosslessSV1])
def test_codecs_that_need_much_memory_have_a_limit_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, syntax: uid.UID
) -> None:
    """Otherwise they run out of memory and call a good file damaged."""
    if syntax == uid.JPEG2000Lossless:
        content = compressed(dicom_dataset(picture()), picture(), syntax)
    else:
        plain = file_bytes(dicom_dataset(picture()))
        content = compressed_by_gdcm(plain, gdcm.TransferSyntax.JPEGLosslessProcess14_1, tmp_path)
    assert (read(content)[0] == picture()).all()
    monkeypatch.setattr(sample_limit, "MAX_SAMPLES", picture().size - 1)
    with pytest.raises(ImageRejected) as caught:
        read(content)
    assert caught.value.reason is RejectReason.TOO_MANY_PIXELS


@pytest.mark.parametrize("written", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_a_transfer_syntax_that_names_the_other_kind_of_vr(written: uid.UID) -> None:
    named = {uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian} - {written}
    data = dicom_dataset(picture(), syntax=written)
    data.file_meta.TransferSyntaxUID = written
    content = file_bytes(data)
    # A UID of another length moves nothing: both are padded within the meta information.
    other = file_bytes(dicom_dataset(picture(), syntax=named.pop()))
    body = content[content.index(b"\x08\x00\x16\x00") :]
    meta = other[: other.index(b"\x08\x00\x16\x00")]
    np.testing.assert_array_equal(read(meta + body)[0], picture())


def test_rle_of_one_frame_in_two_fragments() -> None:
    frame = rle(picture())
    half = len(frame) // 2 // 2 * 2
    data = dicom_dataset(picture())
    content = encapsulated(data, [frame[:half], frame[half:]], uid.RLELossless)
    np.testing.assert_array_equal(read(content)[0], picture())
    two = encapsulated(dicom_dataset(picture()), [frame, frame], uid.RLELossless)
    with pytest.raises(ImageRejected) as caught:
        read(two)
    assert caught.value.reason is RejectReason.INCONSISTENT


@pytest.mark.parametrize("undefined", [False, True])
def test_long_sequences_are_read_however_their_length_is_written(undefined: bool) -> None:
    data = dicom_dataset(picture())
    data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    item = Dataset()
    item.ImageComments = "x" * 6000
    data.OpticalPathSequence = Sequence([item] * 300)
    data["OpticalPathSequence"].is_undefined_length = undefined
    content = file_bytes(data)
    assert len(content) > 1_500_000
    np.testing.assert_array_equal(read(content)[0], picture())
