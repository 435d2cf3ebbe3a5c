"""Random changes to valid files, for intake."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom import uid

from tests.imaging.samples import (
    compressed,
    dicom_dataset,
    encapsulated,
    encode,
    file_bytes,
    picture,
)
from tests.oct_imaging.samples import meta, npz_bytes, opt_dataset, retina
from tests.oct_imaging.vendors.writers import bioptigen_bytes, e2e_bytes, topcon_bytes, vol_bytes

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_HEADER = 700  # bytes in which most headers lie


def heif() -> bytes:
    """A HEIC photograph."""
    import pillow_heif

    stream = BytesIO()
    pillow_heif.from_pillow(Image.fromarray(picture(64, 96))).save(stream, quality=80)
    return stream.getvalue()


def seeds() -> dict[str, bytes]:
    """Valid files of every format that is read, by name."""
    grey16 = (picture()[..., 0].astype(np.uint16) << 4) + 3
    scans = retina(3, 48, 40)
    made: dict[str, Callable[[], bytes]] = {
        "jpeg": lambda: encode(picture(), "jpeg"),
        "progressive jpeg": lambda: encode(picture(), "jpeg", progressive=True),
        "png": lambda: encode(picture(), "png"),
        "png of 16 bits": lambda: encode(grey16, "png"),
        "tiff": lambda: encode(picture(), "tiff"),
        "tiff, lzw": lambda: encode(picture(), "tiff", compression="tiff_lzw"),
        "tiff, deflate": lambda: encode(picture(), "tiff", compression="tiff_adobe_deflate"),
        "tiff, jpeg": lambda: encode(picture(), "tiff", compression="jpeg"),
        "webp": lambda: encode(picture(), "webp"),
        "lossless webp": lambda: encode(picture(), "webp", lossless=True),
        "bmp": lambda: encode(picture(), "bmp"),
        "avif": lambda: encode(picture(), "avif"),
        "heic": heif,
        "dicom": lambda: file_bytes(dicom_dataset(picture())),
        "dicom, implicit": lambda: file_bytes(
            dicom_dataset(picture(), syntax=uid.ImplicitVRLittleEndian)
        ),
        "dicom, deflated": lambda: file_bytes(
            dicom_dataset(picture(), syntax=uid.DeflatedExplicitVRLittleEndian)
        ),
        "dicom, 16 bits": lambda: file_bytes(
            dicom_dataset(grey16, photometric="MONOCHROME2", bits=12)
        ),
        "dicom, jpeg": lambda: encapsulated(
            dicom_dataset(picture(), photometric="YBR_FULL_422"), [encode(picture(), "jpeg")]
        ),
        "dicom, rle": lambda: compressed(dicom_dataset(picture()), picture(), uid.RLELossless),
        "dicom, jpeg-ls": lambda: compressed(
            dicom_dataset(picture()), picture(), uid.JPEGLSLossless
        ),
        "dicom, jpeg 2000": lambda: compressed(
            dicom_dataset(picture()), picture(), uid.JPEG2000Lossless
        ),
        "oct dicom": lambda: file_bytes(opt_dataset(scans)),
        "oct dicom, jpeg 2000": lambda: compressed(opt_dataset(scans), scans, uid.JPEG2000Lossless),
        "npz": lambda: npz_bytes(volume=scans, meta=meta()),
        "vol": vol_bytes,
        "e2e": e2e_bytes,
        "fda": topcon_bytes,
        "bioptigen": bioptigen_bytes,
    }
    return {name: make() for name, make in made.items()}


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Change a file in one to six ways: bytes, numbers, lengths, order, end."""
    content = bytearray(data)
    for _ in range(rng.integers(1, 7)):
        size = max(1, len(content))
        near = rng.random() < 0.6
        place = int(rng.integers(min(size, _HEADER) if near else size))
        match rng.integers(7):
            case 0:
                content[place : place + 1] = bytes([rng.integers(256)])
            case 1:
                order = "<>"[rng.integers(2)]
                value = _EXTREMES[rng.integers(len(_EXTREMES))]
                width = int(rng.choice([1, 2, 4]))
                packed = struct.pack(f"{order}Q", value & (256**width - 1))
                content[place : place + width] = packed[:width] if order == "<" else packed[-width:]
            case 2:
                content[place : place + 4] = rng.integers(0, 256, 4, np.uint8).tobytes()
            case 3:
                del content[place : place + int(rng.integers(1, 64))]
            case 4:
                content[place:place] = rng.integers(0, 256, rng.integers(1, 64), np.uint8).tobytes()
            case 5:
                start = int(rng.integers(size))
                content[place:place] = content[start : start + int(rng.integers(1, 256))]
            case _:
                if rng.random() < 0.3:
                    del content[place:]
    return bytes(content)
