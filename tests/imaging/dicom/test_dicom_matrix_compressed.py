"""Compressed DICOM against the sources of generated files, and against dcmtk.

Over photometric interpretation, codec, bits, planar configuration (right, wrong, missing) and
frames.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels.processing import convert_color_space

from tests.imaging.dicom.test_dicom_matrix import by_dcmtk, read, scaled
from tests.imaging.samples import (
    dicom_dataset,
    encapsulated,
    encode,
    htj2k,
    jpeg_2000,
    jpeg_ls,
    lossless_jpeg,
    picture,
    rle,
)

LOSSLESS: dict[str, tuple[uid.UID, Callable[[NDArray[Any]], bytes]]] = {
    "rle": (uid.RLELossless, rle),
    "jpeg lossless": (uid.JPEGLosslessSV1, lossless_jpeg),
    "jpeg lossless, predictor 7": (uid.JPEGLossless, lambda p: lossless_jpeg(p, predictor=7)),
    "jpeg-ls by plane": (uid.JPEGLSLossless, lambda p: jpeg_ls(p, 0)),
    "jpeg-ls by line": (uid.JPEGLSLossless, lambda p: jpeg_ls(p, 1)),
    "jpeg-ls by sample": (uid.JPEGLSLossless, lambda p: jpeg_ls(p, 2)),
    "jpeg 2000, transformed": (uid.JPEG2000Lossless, lambda p: jpeg_2000(p, mct=1)),
    "jpeg 2000, as it is": (uid.JPEG2000Lossless, lambda p: jpeg_2000(p, mct=0)),
    "jpeg 2000, tiles": (uid.JPEG2000, lambda p: jpeg_2000(p, tile_size=(16, 24))),
    "htj2k": (uid.HTJ2KLossless, htj2k),
}


def set_or_delete(data: Dataset, keyword: str, value: int | None) -> None:
    if value is None:
        delattr(data, keyword)
    else:
        setattr(data, keyword, value)


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "MONOCHROME2"])
def test_lossless_compression_whatever_the_header_says_of_it(name: str, photometric: str) -> None:
    """PlanarConfiguration and bits describe pixels that are not in the file."""
    syntax, encoder = LOSSLESS[name]
    source = np.stack([picture(20, 30, seed=seed) for seed in range(2)])
    if photometric == "MONOCHROME2":
        source = np.ascontiguousarray(source[..., 0])
    stored, expected = source, source
    if photometric == "YBR_FULL":
        if "transformed" in name or "tiles" in name or name == "htj2k":
            pytest.skip("the codestream transforms colours itself")
        stored = convert_color_space(source, "RGB", "YBR_FULL")
        expected = convert_color_space(stored, "YBR_FULL", "RGB")
    codestreams = [encoder(np.ascontiguousarray(frame)) for frame in stored]
    oddities: list[dict[str, int | None]] = [
        {},
        {"PlanarConfiguration": 1},
        {"PlanarConfiguration": None},
        {"BitsAllocated": 16},
        {"BitsAllocated": None, "HighBit": None, "PixelRepresentation": None},
        {"BitsStored": None},
    ]
    for frames in (1, 2):
        for odd in oddities:
            data = dicom_dataset(stored[:frames], photometric=photometric)
            data.NumberOfFrames = frames
            for keyword, value in odd.items():
                if keyword in data:
                    set_or_delete(data, keyword, value)
            found = read(encapsulated(data, codestreams[:frames], syntax))
            shown = found[..., 0] if photometric == "MONOCHROME2" else found
            np.testing.assert_array_equal(shown, expected[:frames], err_msg=str(odd))


DEEP: dict[str, tuple[uid.UID, Callable[[NDArray[Any], int], bytes]]] = {
    "rle": (uid.RLELossless, lambda p, bits: rle(p)),
    "jpeg lossless": (uid.JPEGLosslessSV1, lambda p, bits: lossless_jpeg(p, bits)),
    "jpeg-ls": (uid.JPEGLSLossless, lambda p, bits: jpeg_ls(p)),
    "jpeg 2000": (uid.JPEG2000Lossless, lambda p, bits: jpeg_2000(p)),
}


@pytest.mark.parametrize("name", DEEP)
def test_high_bit_of_compressed_cells(name: str) -> None:
    """A codestream of 16 bits holds the cells, and HighBit says where in them the values are."""
    syntax, encoder = DEEP[name]
    values = (picture(20, 30)[..., 0].astype(np.int64) * 4095) // 255
    for high in (11, 15):
        words = (values << (high - 11)).astype(np.uint16)
        words[0, 0] |= 0x8000  # so that codecs which look at the values take 16 bits
        values[0, 0] = (int(words[0, 0]) >> (high - 11)) & 4095
        data = dicom_dataset(words, photometric="MONOCHROME2", bits=12, HighBit=high)
        found = read(encapsulated(data, [encoder(words, 16)], syntax))[0, ..., 0]
        if name == "jpeg 2000" and high == 11:
            values[0, 0] = 4095  # may be lossy, so what is out of range saturates
        assert np.abs(found - scaled(values, 12)).max() <= 1


@pytest.mark.parametrize("name", DEEP)
def test_signed_values_of_compressed_cells(name: str) -> None:
    syntax, encoder = DEEP[name]
    values = (picture(20, 30)[..., 0].astype(np.int64) * 4095) // 255 - 2048
    words = values.astype(np.int16).view(np.uint16)
    words = words if name in ("rle", "jpeg 2000") else words & 0xFFFF
    data = dicom_dataset(words.view(np.int16), photometric="MONOCHROME2", bits=12)
    found = read(encapsulated(data, [encoder(words, 16)], syntax))[0, ..., 0]
    expected = scaled(values, 12, signed=True)
    assert np.abs(found - expected).max() <= 1


def jpeg(source: NDArray[np.uint8], stores: str, says: str) -> bytes:
    """A JPEG that stores RGB or YCbCr and says so by one segment or another, or by none."""
    frame = encode(source, "jpeg", quality=95, subsampling=0, keep_rgb=stores == "rgb")
    position = 2
    while frame[position + 1] in (0xE0, 0xEE):  # JFIF and Adobe
        position += 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    frame = frame[:2] + frame[position:]
    if stores == "rgb" and says != "component ids":
        for identifier, number in zip(b"RGB", (1, 2, 3), strict=True):
            for marker in (b"\xff\xc0", b"\xff\xda"):
                start = frame.index(marker)
                place = frame.index(bytes([identifier]), start + 4)
                frame = frame[:place] + bytes([number]) + frame[place + 1 :]
    segments = {
        "adobe": b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([stores == "ycc"]),
        "jfif": b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
    }
    return frame[:2] + segments.get(says, b"") + frame[2:]


@pytest.mark.parametrize(
    ("stores", "says", "photometrics"),
    [
        # The stream's own word is final; without one the header's is.
        ("ycc", "adobe", ["RGB", "YBR_FULL", "YBR_FULL_422"]),
        ("rgb", "adobe", ["RGB", "YBR_FULL", "YBR_FULL_422"]),
        ("rgb", "component ids", ["RGB", "YBR_FULL", "YBR_FULL_422"]),
        ("ycc", "jfif", ["YBR_FULL", "YBR_FULL_422"]),
        ("rgb", "jfif", ["RGB"]),
        ("ycc", "nothing", ["YBR_FULL", "YBR_FULL_422"]),
        ("rgb", "nothing", ["RGB"]),
    ],
)
def test_colours_of_a_jpeg(stores: str, says: str, photometrics: list[str], tmp_path: Path) -> None:
    source = picture(24, 40)
    frame = jpeg(source, stores, says)
    syntaxes = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.UID("1.2.840.10008.1.2.4.55"))
    for photometric in photometrics:
        for planes in (0, 1, None):
            for syntax in syntaxes:
                data = dicom_dataset(source, photometric=photometric)
                set_or_delete(data, "PlanarConfiguration", planes)
                found = read(encapsulated(data, [frame], syntax))[0].astype(int)
                assert np.abs(found - source).mean() < 2, (photometric, planes)
    if says in ("jfif", "nothing") and shutil.which("dcmj2pnm"):
        data = dicom_dataset(source, photometric=photometrics[0])
        content = encapsulated(data, [frame])
        assert np.abs(by_dcmtk(content, tmp_path).astype(int) - read(content)[0]).mean() < 2
