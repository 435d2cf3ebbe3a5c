"""A corpus of hostile files, made on the fly; each with the reasons it may be refused for."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image
from pydicom import uid
from pydicom.encaps import generate_frames

from triage.errors import RejectReason as Reason

from ..imaging.samples import (
    compressed,
    dicom_dataset,
    encapsulated,
    encode,
    file_bytes,
    picture,
    png_bomb,
    png_chunk,
)

MEBIBYTE = 2**20


def bare_dicom(body: bytes, syntax: uid.UID = uid.ExplicitVRLittleEndian) -> bytes:
    """A DICOM file with the transfer syntax and any bytes as its data set."""
    name = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = struct.pack("<HH2sH", 2, 0x10, b"UI", len(name)) + name
    group_length = struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(element))
    return bytes(128) + b"DICM" + group_length + element + body


def secondary_capture() -> bytes:
    """The SOP class element that lets a body pass as a photograph."""
    name = uid.SecondaryCaptureImageStorage.encode() + b"\0"
    return struct.pack("<HH2sH", 8, 0x16, b"UI", len(name)) + name


def deflate_bomb(mebibytes: int) -> bytes:
    """Pixel data of so many MiB in a file of a thousandth; repeats one flushed block."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    header = secondary_capture() + struct.pack(
        "<HH2sHL", 0x7FE0, 0x10, b"OB", 0, mebibytes * MEBIBYTE
    )
    start = squeezer.compress(header) + squeezer.flush(zlib.Z_FULL_FLUSH)
    block = squeezer.compress(bytes(MEBIBYTE)) + squeezer.flush(zlib.Z_FULL_FLUSH)
    deflated = start + block * mebibytes + squeezer.flush()
    return bare_dicom(deflated, uid.DeflatedExplicitVRLittleEndian)


def nested_sequences(depth: int) -> bytes:
    """Sequences of undefined length, one within the other."""
    sequence = struct.pack("<HH2sHL", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return bare_dicom(secondary_capture() + (sequence + item) * depth)


def many_elements(count: int) -> bytes:
    """Empty private elements; each costs eight bytes here and hundreds in memory."""
    tags = range(0x00090000, 0x00090000 + count)
    body = b"".join(struct.pack("<HHL", tag >> 16, tag & 0xFFFF, 0) for tag in tags)
    return bare_dicom(body, uid.ImplicitVRLittleEndian)


def tiff(pages: int, side: int, *, tile: int = 0) -> bytes:
    """A bilevel, deflated TIFF whose pages share one strip or one tile of zeros."""
    extent = tile or side
    strip = zlib.compress(bytes((extent + 7) // 8 * extent), 9)
    tags = [(256, side), (257, side), (258, 1), (259, 8), (262, 1), (277, 1)]
    if tile:
        tags += [(322, tile), (323, tile), (324, 8), (325, len(strip))]
    else:
        tags += [(273, 8), (278, side), (279, len(strip))]
    pieces = [struct.pack("<2sHL", b"II", 42, 8 + len(strip)), strip]
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in sorted(tags))
    directory_bytes = 2 + len(entries) + 4
    for page in range(1, pages + 1):
        following = 8 + len(strip) + page * directory_bytes if page < pages else 0
        pieces += [struct.pack("<H", len(tags)), entries, struct.pack("<L", following)]
    return b"".join(pieces)


def huge_jpeg_frame() -> bytes:
    frame = encode(picture(), "jpeg")
    start = frame.index(b"\xff\xc0") + 5
    frame = frame[:start] + struct.pack(">HH", 65500, 65500) + frame[start + 4 :]
    return encapsulated(dicom_dataset(picture(), photometric="YBR_FULL_422"), [frame])


def huge_j2k_frame() -> bytes:
    data = compressed(dicom_dataset(picture()), picture(), uid.JPEG2000Lossless)
    size = struct.pack(">2L", 60, 40)
    start = data.index(b"\xff\x4f\xff\x51") + 8
    assert data[start : start + 8] == size
    return data[:start] + struct.pack(">2L", 60_000, 40_000) + data[start + 8 :]


def rle_bomb() -> bytes:
    """Sixteen megabytes that would expand to a gigabyte."""
    data = dicom_dataset(picture()[..., 0], photometric="MONOCHROME2")
    frame = struct.pack("<16L", 1, 64, *[0] * 14) + bytes([129, 0]) * (8 * MEBIBYTE)
    return encapsulated(data, [frame], uid.RLELossless)


def long_window() -> bytes:
    data = dicom_dataset(picture()[..., 0], photometric="MONOCHROME2")
    body = struct.pack("<HHL", 0x0028, 0x1050, 4_000_000) + b"1\\" * 2_000_000
    data.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    content = file_bytes(data)
    pixels = content.index(struct.pack("<HH", 0x7FE0, 0x10))
    return content[:pixels] + body + content[pixels:]


def truncated_dicom() -> bytes:
    return file_bytes(dicom_dataset(picture()))[:-500]


def half_dicom_header() -> bytes:
    data = file_bytes(dicom_dataset(picture()))
    return data[: data.index(struct.pack("<HH", 0x7FE0, 0x10)) + 3]


def truncated_fragments() -> bytes:
    return compressed(dicom_dataset(picture()), picture(), uid.JPEG2000Lossless)[:-300]


def swapped_fragment() -> bytes:
    """A frame of another format than the transfer syntax says."""
    data = dicom_dataset(picture())
    data.compress(uid.RLELossless, picture(), generate_instance_uid=False)
    frame = next(generate_frames(data.PixelData, number_of_frames=1))
    return encapsulated(dicom_dataset(picture()), [frame], uid.JPEG2000Lossless)


def no_pixels() -> bytes:
    data = dicom_dataset(picture())
    del data.PixelData
    return file_bytes(data)


def gif() -> bytes:
    images = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    return encode(images[0], "gif", save_all=True, append_images=images[1:])


def narrow_png() -> bytes:
    """One row of 60 million pixels in a kilobyte."""
    squeezer = zlib.compressobj(9)
    body = squeezer.compress(bytes(60_000_000 // 8 + 1)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", 60_000_000, 1, 1, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def jpeg_of_many_scans(scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    data = encode(picture(), "jpeg", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + b"\xff\xd9"


def half_a_png() -> bytes:
    """All chunks are whole, but the image data end after half the rows."""
    body = zlib.compress(bytes(32 * (1 + 64 * 3)))
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def broken_off(kind: str) -> Callable[[], bytes]:
    """A copy that was broken off: the file has its size, but ends in zeros."""

    def make() -> bytes:
        noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
        data = encode(noise, kind)
        return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)

    return make


def huge_webp() -> bytes:
    frame = struct.pack("<4sIBI", b"VP8L", 5, 0x2F, 16_382 | 16_382 << 14) + bytes(1)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(frame), b"WEBP") + frame


def huge_bmp() -> bytes:
    file_header = struct.pack("<2sIII", b"BM", 54, 0, 54)
    return file_header + struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 24, *[0] * 6)


def huge_avif() -> bytes:
    data = encode(picture(64, 64), "avif")
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", 30_000, 30_000) + data[place + 8 :]


def half_a_heif() -> bytes:
    """Nothing but the boxes that make a file a HEIC."""
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x0cmeta\0\0\0\0"


def tiff_of_many_tiles() -> bytes:
    tags = [(256, 8000), (257, 8000), (258, 8), (259, 1), (262, 1), (277, 1)]
    tags += [(322, 16), (323, 16), (324, 8), (325, 1)]
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in tags)
    return struct.pack("<2sHLH", b"II", 42, 8, len(tags)) + entries + bytes(4)


def tiff_that_leads_back() -> bytes:
    data = tiff(2, 8)
    return data[:-4] + data[4:8]


def truncated(kind: str) -> Callable[[], bytes]:
    def make() -> bytes:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        data = encode(noise, kind)
        return data[: len(data) // 2]

    return make


CORPUS: dict[str, tuple[Callable[[], bytes], set[Reason]]] = {
    "zero bytes": (lambda: b"", {Reason.EMPTY}),
    "text": (lambda: b"not a picture\n" * 50, {Reason.UNKNOWN_FORMAT}),
    "svg": (
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
        {Reason.UNKNOWN_FORMAT},
    ),
    "html": (lambda: b"<!doctype html><html></html>", {Reason.UNKNOWN_FORMAT}),
    "animated gif": (gif, {Reason.UNKNOWN_FORMAT}),
    "magic only, jpeg": (lambda: b"\xff\xd8\xff", {Reason.TRUNCATED}),
    "magic only, png": (lambda: b"\x89PNG\r\n\x1a\n", {Reason.UNREADABLE}),
    "magic only, tiff": (lambda: b"II*\0", {Reason.UNREADABLE}),
    "magic only, dicom": (lambda: bytes(128) + b"DICM", {Reason.UNREADABLE}),
    "20,000 x 20,000 png": (lambda: png_bomb(20_000), {Reason.TOO_MANY_PIXELS}),
    "9,000 x 9,000 png": (lambda: png_bomb(9_000), {Reason.TOO_MANY_PIXELS}),
    "jpeg of a million segments": (
        lambda: encode(picture(), "jpeg").replace(
            b"\xff\xd8", b"\xff\xd8" + b"\xff\xe5\x00\x04ab" * 1_000_000, 1
        ),
        {Reason.TOO_MUCH_WORK},
    ),
    "truncated jpeg": (truncated("jpeg"), {Reason.TRUNCATED}),
    "truncated png": (truncated("png"), {Reason.TRUNCATED}),
    "truncated tiff": (truncated("tiff"), {Reason.TRUNCATED, Reason.UNREADABLE}),
    "tiff of 65 pages": (lambda: tiff(65, 8), {Reason.TOO_MANY_FRAMES}),
    "tiff of 100,000 pages": (lambda: tiff(100_000, 8), {Reason.TOO_MANY_FRAMES}),
    "tiff of 4 gigapixels": (lambda: tiff(64, 8000), {Reason.TOO_MANY_PIXELS}),
    "tiff of one huge tile": (lambda: tiff(1, 64, tile=30_000), {Reason.TOO_MANY_PIXELS}),
    "tiff that leads back": (tiff_that_leads_back, {Reason.UNREADABLE}),
    "tiff of 250,000 tiles": (tiff_of_many_tiles, {Reason.TOO_MUCH_WORK}),
    "1 x 60,000,000 png": (narrow_png, {Reason.TOO_MANY_PIXELS}),
    "half a png": (half_a_png, {Reason.TRUNCATED}),
    "jpeg of 4,000 scans": (lambda: jpeg_of_many_scans(4000), {Reason.TOO_MUCH_WORK}),
    "truncated webp": (truncated("webp"), {Reason.TRUNCATED}),
    "truncated bmp": (truncated("bmp"), {Reason.TRUNCATED}),
    "truncated avif": (truncated("avif"), {Reason.TRUNCATED, Reason.UNREADABLE}),
    "jpeg that was broken off": (broken_off("jpeg"), {Reason.TRUNCATED}),
    "webp that was broken off": (broken_off("webp"), {Reason.TRUNCATED}),
    "avif that was broken off": (broken_off("avif"), {Reason.TRUNCATED}),
    "huge webp": (huge_webp, {Reason.TOO_MANY_PIXELS}),
    "huge bmp": (huge_bmp, {Reason.TOO_MANY_PIXELS}),
    "huge avif": (huge_avif, {Reason.TOO_MANY_PIXELS}),
    "magic only, webp": (lambda: b"RIFF\x04\0\0\0WEBP", {Reason.UNREADABLE}),
    "magic only, bmp": (lambda: huge_bmp()[:18], {Reason.TRUNCATED}),
    "magic only, heic": (half_a_heif, {Reason.UNREADABLE, Reason.TRUNCATED}),
    "deflated dicom": (lambda: deflate_bomb(512), {Reason.TOO_LARGE}),
    "nested sequences": (lambda: nested_sequences(300), {Reason.UNREADABLE}),
    "very nested sequences": (lambda: nested_sequences(100_000), {Reason.UNREADABLE}),
    "many elements": (lambda: many_elements(3_000_000), {Reason.TOO_LARGE}),
    "long window": (long_window, {Reason.UNREADABLE}),
    "huge jpeg frame": (huge_jpeg_frame, {Reason.UNREADABLE}),
    "huge jpeg 2000 frame": (huge_j2k_frame, {Reason.UNREADABLE}),
    "rle bomb": (rle_bomb, {Reason.UNREADABLE}),
    "huge rows and columns": (
        lambda: file_bytes(dicom_dataset(picture(), Rows=65_535, Columns=65_535)),
        {Reason.TOO_MANY_PIXELS},
    ),
    "truncated dicom": (truncated_dicom, {Reason.TRUNCATED}),
    "half a dicom header": (half_dicom_header, {Reason.TRUNCATED}),
    "truncated fragments": (truncated_fragments, {Reason.TRUNCATED}),
    "frame of another format": (swapped_fragment, {Reason.UNREADABLE}),
    "dicom without pixels": (no_pixels, {Reason.NO_PIXELS}),
}
