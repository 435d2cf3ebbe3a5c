"""Uncompressed DICOM against the sources of generated files, and against pydicom and dcmtk.

Over photometric interpretation, transfer syntax, bits allocated, stored and high, planar
configuration and frames.
"""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread, uid
from pydicom.pixels.processing import convert_color_space

from tests.imaging.samples import (
    dicom_dataset,
    file_bytes,
    picture,
)
from triage.imaging.dicom.read import read_dicom
from triage.imaging.limits import DEFAULT_LIMITS

NATIVE = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
]
# allocated, stored and high bit; the last three with bits beside the stored ones
LAYOUTS = [
    (8, 8, 7),
    (16, 16, 15),
    (16, 12, 11),
    (32, 32, 31),
    (8, 6, 7),
    (16, 12, 15),
    (16, 9, 12),
]
has_dcmtk = pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="dcmtk is not installed")


def read(data: bytes) -> NDArray[np.uint8]:
    return read_dicom(data, DEFAULT_LIMITS, photographs_only=False)[0]


def by_dcmtk(data: bytes, folder: Path) -> NDArray[np.uint8]:
    """The first frame by dcmtk, colours by the header where the stream leaves them open."""
    (folder / "in.dcm").write_bytes(data)
    program = "dcmj2pnm" if b"1.2.840.10008.1.2.4" in data[:1024] else "dcm2pnm"
    command = [program, "--conv-photometric"] if program == "dcmj2pnm" else [program]
    target = folder / "out.ppm"
    subprocess.run([*command, str(folder / "in.dcm"), str(target)], check=True, capture_output=True)
    with Image.open(target) as image:
        return np.asarray(image.convert("RGB"))


def scaled(values: NDArray[Any], stored: int, signed: bool = False) -> NDArray[np.int64]:
    lowest = -(2 ** (stored - 1)) if signed else 0
    top = (values.astype(np.int64) - lowest) >> max(0, stored - 16)
    return np.rint(255 * top / (2 ** min(stored, 16) - 1)).astype(np.int64)


def cells(
    values: NDArray[Any], allocated: int, stored: int, high: int, signed: bool
) -> NDArray[Any]:
    """Place values in their bits, with all others set at random (PS3.5 8.1.1)."""
    shift, mask = high + 1 - stored, 2**stored - 1
    others = np.random.default_rng(5).integers(0, 2**allocated, values.shape, np.uint64)
    others &= np.uint64(~(mask << shift) & (2**allocated - 1))
    words = (values.astype(np.int64) & mask).astype(np.uint64) << np.uint64(shift) | others
    kind = np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")
    return words.astype(f"u{allocated // 8}").view(kind)


def grey_values(stored: int, signed: bool, frames: int) -> NDArray[np.int64]:
    lowest = -(2 ** (stored - 1)) if signed else 0
    shape = (frames, 9, 14) if frames > 1 else (9, 14)
    return np.random.default_rng(1).integers(lowest, lowest + 2**stored, shape, np.int64)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_native_grey(layout: tuple[int, int, int], signed: bool) -> None:
    allocated, stored, high = layout
    for syntax in NATIVE:
        for photometric, frames in (("MONOCHROME2", 1), ("MONOCHROME1", 3), ("MONOCHROME2", 3)):
            values = grey_values(stored, signed, frames)
            words = cells(values, allocated, stored, high, signed)
            elements = {"photometric": photometric, "bits": stored, "HighBit": high}
            content = file_bytes(dicom_dataset(words, syntax=syntax, **elements))
            expected = scaled(values, stored, signed).reshape(frames, 9, 14)
            expected = 255 - expected if photometric == "MONOCHROME1" else expected
            found = read(content).astype(int)
            assert (found == found[..., :1]).all()
            assert np.abs(found[..., 0] - expected).max() <= 1
            # pydicom takes the lowest bits, whatever HighBit says
            other = dcmread(BytesIO(content))
            other.BitsStored, other.HighBit = high + 1, high
            shifted = other.pixel_array.astype(np.int64) >> (high + 1 - stored)
            np.testing.assert_array_equal(shifted, values)


@has_dcmtk
@pytest.mark.parametrize("layout", [(8, 8, 7), (16, 12, 11), (16, 12, 15), (16, 16, 15)])
def test_native_grey_as_dcmtk_shows_it(layout: tuple[int, int, int], tmp_path: Path) -> None:
    allocated, stored, high = layout
    for signed in (False, True):
        values = grey_values(stored, signed, 1)
        words = cells(values, allocated, stored, high, signed)
        # A window over all values: without one, dcmtk stretches those that occur.
        elements: dict[str, Any] = {"bits": stored, "HighBit": high}
        content = file_bytes(dicom_dataset(words, photometric="MONOCHROME2", **elements))
        lowest = -(2 ** (stored - 1)) if signed else 0
        windowed = dicom_dataset(
            words,
            photometric="MONOCHROME2",
            WindowCenter=lowest + 2 ** (stored - 1),
            WindowWidth=2**stored,
            **elements,
        )
        found = read(file_bytes(windowed)).astype(int)
        assert np.abs(found - read(content)).max() <= 1
        (tmp_path / "w.dcm").write_bytes(file_bytes(windowed))
        command = ["dcm2pnm", "+Wi", "1", str(tmp_path / "w.dcm"), str(tmp_path / "w.pgm")]
        subprocess.run(command, check=True, capture_output=True)
        with Image.open(tmp_path / "w.pgm") as image:
            assert np.abs(found[0, ..., 0] - np.asarray(image).astype(int)).max() <= 1


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("planes", [0, 1])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_native_colour(layout: tuple[int, int, int], planes: int, frames: int) -> None:
    allocated, stored, high = layout
    rng = np.random.default_rng(2)
    values = rng.integers(0, 2**stored, (frames, 5, 7, 3), np.int64)
    words = cells(values, allocated, stored, high, signed=False)
    stored_words = np.moveaxis(words, 3, 1) if planes else words
    for syntax in NATIVE:
        data = dicom_dataset(
            words, syntax=syntax, bits=stored, HighBit=high, PlanarConfiguration=planes
        )
        order = words.dtype.newbyteorder(">" if syntax == uid.ExplicitVRBigEndian else "<")
        raw = np.ascontiguousarray(stored_words).astype(order).tobytes()
        data.PixelData = raw + b"\0" * (len(raw) % 2)
        expected = scaled(values, stored)
        assert np.abs(read(file_bytes(data)).astype(int) - expected).max() <= 1


@has_dcmtk
@pytest.mark.parametrize("planes", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_native_colour_as_pydicom_and_dcmtk_show_it(
    photometric: str, planes: int, tmp_path: Path
) -> None:
    if photometric == "YBR_FULL_422" and planes:
        pytest.skip("subsampled colours are never stored by plane")
    source = picture(6, 10)
    full = source if photometric == "RGB" else convert_color_space(source, "RGB", "YBR_FULL")
    data = dicom_dataset(full, photometric=photometric, PlanarConfiguration=planes)
    if photometric == "YBR_FULL_422":
        parts = (full[:, ::2, 0], full[:, 1::2, 0], full[:, ::2, 1], full[:, ::2, 2])
        data.PixelData = np.stack(parts, -1).tobytes()
    elif planes:
        data.PixelData = np.moveaxis(full, 2, 0).tobytes()
    content = file_bytes(data)
    found = read(content)[0].astype(int)
    np.testing.assert_array_equal(found, dcmread(BytesIO(content)).pixel_array)
    assert np.abs(found - by_dcmtk(content, tmp_path)).max() <= 2


def test_single_bits_across_bytes() -> None:
    bits = np.random.default_rng(3).integers(0, 2, (3, 5, 7), np.uint8)
    for syntax in NATIVE[:3]:
        data = dicom_dataset(bits, photometric="MONOCHROME2", syntax=syntax)
        data.BitsAllocated = data.BitsStored = 1
        data.HighBit = 0
        data.PixelData = np.packbits(bits, bitorder="little").tobytes()
        data["PixelData"].VR = "OB"
        np.testing.assert_array_equal(read(file_bytes(data))[..., 0], 255 * bits)


def test_octets_in_big_endian_words() -> None:
    """PS3.5 annex A.3: an element of VR OW is swapped in pairs of bytes."""
    stored = picture(3, 3)
    data = dicom_dataset(stored, syntax=uid.ExplicitVRBigEndian)
    raw = np.frombuffer(stored.tobytes() + b"\0", np.uint16).byteswap().tobytes()
    data.PixelData = raw
    data["PixelData"].VR = "OW"
    content = file_bytes(data)
    np.testing.assert_array_equal(read(content)[0], stored)
    np.testing.assert_array_equal(read(content)[0], dcmread(BytesIO(content)).pixel_array)
