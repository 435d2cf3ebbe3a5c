"""Pictures and files that the tests make themselves."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
    SecondaryCaptureImageStorage,
)

PATIENT = "Doe^Secret"


def picture(height: int = 40, width: int = 60, seed: int = 0) -> NDArray[np.uint8]:
    """A smooth, asymmetric RGB picture, so that lossy codecs stay close and turns show."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    phase = seed / 3
    planes = [x, y, (x + 2 * y) / 3 + 0.1 * np.sin(4 * x + phase)]
    return np.rint(255 * np.clip(np.stack(planes, axis=-1), 0, 1)).astype(np.uint8)


def encode(image: Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(side: int) -> bytes:
    """A grey PNG of side x side pixels, all zero; 20,000 a side cost 0.4 MB."""
    squeezer = zlib.compressobj(9)
    row = bytes(side + 1)
    body = b"".join(squeezer.compress(row) for _ in range(side)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def dicom_dataset(
    stored: NDArray[Any],
    *,
    photometric: str = "RGB",
    sop_class: UID = SecondaryCaptureImageStorage,
    syntax: UID = ExplicitVRLittleEndian,
    bits: int | None = None,
    **elements: Any,
) -> Dataset:
    """An image object of native pixels: [H, W], [H, W, 3], or with frames in front."""
    colour = photometric not in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
    geometry = stored.shape[: stored.ndim - colour]
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = sop_class
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    data.SOPClassUID = sop_class
    data.SOPInstanceUID = "1.2.3.4"
    data.PatientName = PATIENT
    data.PatientID = "S-4711"
    data.Manufacturer = "Lens Works"
    data.ManufacturerModelName = "M1"
    data.DeviceSerialNumber = "SN-0815"
    data.SamplesPerPixel = 3 if colour else 1
    data.PhotometricInterpretation = photometric
    if colour:
        data.PlanarConfiguration = 0
    if len(geometry) == 3:
        data.NumberOfFrames = geometry[0]
    data.Rows, data.Columns = geometry[-2:]
    data.BitsAllocated = 8 * stored.itemsize
    data.BitsStored = bits or data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    raw = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OB" if stored.itemsize == 1 else "OW"
    for name, value in elements.items():
        setattr(data, name, value)
    return data


def file_bytes(data: Dataset) -> bytes:
    stream = BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def compressed(data: Dataset, stored: NDArray[Any], syntax: UID, **options: Any) -> bytes:
    data.compress(syntax, stored, generate_instance_uid=False, **options)
    return file_bytes(data)


def encapsulated(data: Dataset, frames: list[bytes], syntax: UID = JPEGBaseline8Bit) -> bytes:
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate(frames)
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    return file_bytes(data)


def compressed_by_gdcm(content: bytes, syntax: int, folder: Path) -> bytes:
    """Compress a DICOM file with GDCM, the only encoder here for some syntaxes."""
    source, target = folder / "plain.dcm", folder / "compressed.dcm"
    source.write_bytes(content)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target.read_bytes()


def jpeg_2000(pixels: NDArray[Any], **options: Any) -> bytes:
    """A JPEG 2000 codestream by Pillow, lossless by default."""
    return encode(pixels, "jpeg2000", no_jp2=True, **options)


def htj2k(pixels: NDArray[Any]) -> bytes:
    """A lossless High-Throughput JPEG 2000 codestream, by OpenJPH."""
    imagecodecs = pytest.importorskip("imagecodecs")
    return imagecodecs.htj2k_encode(pixels, reversible=True)


def lossless_jpeg(pixels: NDArray[Any], bits: int = 8, predictor: int = 1) -> bytes:
    """A lossless JPEG (T.81 process 14) of grey or RGB samples, by libjpeg-turbo."""
    imagecodecs = pytest.importorskip("imagecodecs")
    colours = {"colorspace": "rgb", "outcolorspace": "rgb"} if pixels.ndim == 3 else {}
    return imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=predictor, bitspersample=bits, **colours
    )


def jpeg_ls(pixels: NDArray[Any], interleave: int = 2, error: int = 0) -> bytes:
    """A JPEG-LS stream by CharLS; interleaved by plane (0), line (1) or sample (2)."""
    import jpeg_ls as charls

    by_plane = pixels.ndim == 3 and interleave == 0
    ordered = np.ascontiguousarray(np.moveaxis(pixels, 2, 0) if by_plane else pixels)
    mode = interleave if pixels.ndim == 3 else 0
    return bytes(charls.encode_array(ordered, error, mode))


def rle(pixels: NDArray[Any]) -> bytes:
    """An RLE frame (PS3.5 annex G) of grey or colour samples, by pydicom."""
    data = dicom_dataset(pixels, photometric="RGB" if pixels.ndim == 3 else "MONOCHROME2")
    data.compress(RLELossless, pixels, generate_instance_uid=False)
    return next(generate_frames(data.PixelData, number_of_frames=1))


def fragmented(
    data: Dataset,
    fragments: list[bytes],
    syntax: UID,
    *,
    table: list[int] | None = None,
    end: bool = True,
) -> bytes:
    """A file whose compressed pixel data are just these fragments and this offset table."""
    items = [struct.pack(f"<{len(table or [])}L", *(table or [])), *fragments]
    value = b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items)
    content = encapsulated(data, [b"\0\0"], syntax)
    start = content.index(struct.pack("<HH", 0x7FE0, 0x10)) + 12
    return content[:start] + value + (struct.pack("<HHL", 0xFFFE, 0xE0DD, 0) if end else b"")
