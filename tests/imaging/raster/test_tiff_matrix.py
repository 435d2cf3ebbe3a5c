"""TIFF of every kind against tifffile: equal or refused, and the ordinary kinds equal."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.imaging.samples import encode, picture
from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import DEFAULT_LIMITS
from triage.imaging.raster.read import read_pages, read_raster
from triage.imaging.raster.samples import page_to_grey

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("imagecodecs")

HEIGHT, WIDTH = 41, 67
LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {"rowsperstrip": 7},
    "one strip": {"rowsperstrip": HEIGHT},
    "tiles": {"tile": (16, 32)},
}
CHANNELS = {"rgb": 3, "separated": 4, "ycbcr": 3}
COMPRESSIONS = (None, "lzw", "deflate", "packbits", "jpeg")


def noise(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    rng = np.random.default_rng(len(shape))
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 1, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def written(pixels: np.ndarray, **options: Any) -> bytes:
    stream = BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return stream.getvalue()


def rgb_by_tifffile(data: bytes, photometric: str) -> np.ndarray:
    """What tifffile reads, brought to 8-bit RGB by the rules of the formats."""
    with tifffile.TiffFile(BytesIO(data)) as file:
        page = file.pages[0]
        stored = page.asarray()
        palette = page.colormap
    if stored.ndim == 3 and stored.shape[0] in (3, 4):
        stored = np.moveaxis(stored, 0, -1)
    if photometric == "palette":
        return (palette >> 8)[:, stored].transpose(1, 2, 0)
    if stored.dtype == bool:
        grey = stored * 255
    elif stored.ndim == 2:
        grey = np.rint(stored * (255 / np.iinfo(stored.dtype).max))
    else:
        colour = stored >> 8 if stored.dtype == np.uint16 else stored
        if photometric == "separated":
            inks = 255 - colour.astype(float)
            return np.rint(inks[..., :3] * inks[..., 3:] / 255)
        return colour
    if photometric == "miniswhite":
        grey = 255 - grey
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite", "rgb", "palette", "separated"])
def test_every_kind_is_equal_or_refused(photometric: str, compression: str | None) -> None:
    outcomes = {"equal": 0, "refused": 0}
    cases = product(
        ("contig", "separate"), ("?", "u1", "u2", "i2", "u4", "f4"), (False, True), LAYOUTS, "<>"
    )
    for planar, dtype, predictor, layout, order in cases:
        channels = CHANNELS.get(photometric, 1)
        if (planar == "separate" and channels == 1) or (dtype == "?" and channels > 1):
            continue
        if photometric == "palette" and dtype != "u1":
            continue
        shape: tuple[int, ...] = (HEIGHT, WIDTH)
        options: dict[str, Any] = {"photometric": photometric, "compression": compression}
        if channels > 1:
            shape = (HEIGHT, WIDTH, channels)
            if planar == "separate":
                shape = (channels, HEIGHT, WIDTH)
            options["planarconfig"] = planar
        if photometric == "palette":
            options["colormap"] = noise((3, 256), "u2")
        stored = noise(shape, "u1") > 99 if dtype == "?" else noise(shape, dtype)
        try:
            data = written(
                stored,
                byteorder=order,
                bigtiff=order == ">" and layout == "tiles",
                predictor=predictor,
                **options,
                **LAYOUTS[layout],
            )
            expected = rgb_by_tifffile(data, photometric)
        except (ValueError, TypeError, RuntimeError, NotImplementedError, KeyError):
            continue  # no such file, or tifffile cannot read it either
        except tifffile.TiffFileError:
            continue
        case = (planar, dtype, predictor, layout, order)
        try:
            frames, flags = read_raster(data, "tiff", DEFAULT_LIMITS)
        except ImageRejected as refusal:
            refused = refusal.reason
        else:
            refused = None
        if refused is not None:
            assert refused is RejectReason.UNSUPPORTED_ENCODING, case
            ordinary = dtype in ("?", "u1") or (dtype == "u2" and compression != "jpeg")
            assert not ordinary or (photometric, compression) == ("separated", "jpeg"), case
            outcomes["refused"] += 1
            continue
        most = 1 if photometric == "separated" else 0
        assert np.abs(frames[0].astype(int) - expected).max() <= most, case
        assert flags == ()
        outcomes["equal"] += 1
    assert outcomes["equal"] or (photometric, compression) == ("separated", "jpeg")


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
def test_grey_keeps_its_depth(dtype: str, compression: str | None) -> None:
    stored = noise((HEIGHT, WIDTH), dtype)
    for predictor, layout, order in product((False, True), LAYOUTS, "<>"):
        try:
            data = written(
                stored,
                photometric="minisblack",
                compression=compression,
                predictor=predictor,
                byteorder=order,
                **LAYOUTS[layout],
            )
        except (ValueError, NotImplementedError, KeyError):
            continue
        grey = page_to_grey(read_pages(data, "tiff", DEFAULT_LIMITS)[0])
        assert grey.dtype == (dtype if dtype in ("u1", "u2") else "f4")
        np.testing.assert_array_equal(grey, stored.astype(grey.dtype))


@pytest.mark.parametrize(("bits", "most"), [(2, 3), (4, 15), (12, 4095)])
@pytest.mark.parametrize("channels", [1, 3])
def test_packed_samples(bits: int, most: int, channels: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    stored = noise((HEIGHT, WIDTH * channels), "u2") % (most + 1)
    rows = b"".join(
        bytes(imagecodecs.packints_encode(row.astype("u1" if bits < 8 else "u2"), bits))
        for row in stored
    )
    data = tiff_of(
        rows, bits=(bits,) * channels, samples=channels, photometric=2 if channels == 3 else 1
    )
    frames, _ = read_raster(data, "tiff", DEFAULT_LIMITS)
    scaled = np.rint(stored * (255 / most)) if channels == 1 or bits < 8 else stored >> 4
    expected = np.broadcast_to(scaled.reshape(HEIGHT, WIDTH, channels), (HEIGHT, WIDTH, 3))
    np.testing.assert_array_equal(frames[0], expected)


def tiff_of(
    strip: bytes,
    *,
    bits: tuple[int, ...] = (8, 8, 8),
    samples: int = 3,
    photometric: int = 2,
    extra: dict[int, tuple[int, ...]] | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> bytes:
    """A TIFF of one uncompressed strip with any tags."""
    tags: dict[int, tuple[int, ...]] = {
        256: (size[1],),
        257: (size[0],),
        258: bits,
        259: (1,),
        262: (photometric,),
        273: (8,),
        277: (samples,),
        278: (size[0],),
        279: (len(strip),),
        **(extra or {}),
    }
    place = 8 + len(strip) + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag in sorted(tags):
        content = struct.pack(f"<{len(tags[tag])}L", *tags[tag])
        if len(content) > 4:
            entries += struct.pack("<HHLL", tag, 4, len(tags[tag]), place + len(values))
            values += content
        else:
            entries += struct.pack("<HHL", tag, 4, 1) + content
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return struct.pack("<2sHL", b"II", 42, 8 + len(strip)) + strip + directory + values


def test_opacity_lies_over_white() -> None:
    pixels = noise((HEIGHT, WIDTH, 4), "u1")
    opacity = pixels[..., 3:] / 255
    straight = pixels[..., :3] * opacity + 255 * (1 - opacity)
    data = written(pixels, photometric="rgb", extrasamples=["unassalpha"])
    assert np.abs(read_raster(data, "tiff", DEFAULT_LIMITS)[0][0] - straight).max() <= 0.5
    multiplied = (pixels[..., :3] * opacity).astype(np.uint8)
    data = written(
        np.dstack([multiplied, pixels[..., 3]]), photometric="rgb", extrasamples=["assocalpha"]
    )
    frames, _ = read_raster(data, "tiff", DEFAULT_LIMITS)
    assert np.abs(frames[0] - (multiplied + 255 * (1 - opacity))).max() <= 1
    data = written(pixels, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(read_raster(data, "tiff", DEFAULT_LIMITS)[0][0], pixels[..., :3])


def test_bits_in_reverse_order() -> None:
    pixels = noise((HEIGHT, WIDTH, 3), "u1")
    turned = np.packbits(np.unpackbits(pixels).reshape(-1, 8)[:, ::-1]).tobytes()
    data = tiff_of(turned, extra={266: (2,)})
    np.testing.assert_array_equal(read_raster(data, "tiff", DEFAULT_LIMITS)[0][0], pixels)


def test_ycbcr_jpeg_with_and_without_shared_tables() -> None:
    pixels = picture(96, 128)
    for options in ({}, {"tile": (32, 32)}, {"rowsperstrip": 16}):
        data = written(pixels, photometric="rgb", compression="jpeg", **options)
        with tifffile.TiffFile(BytesIO(data)) as file:
            assert file.pages[0].photometric == 6
        frames, _ = read_raster(data, "tiff", DEFAULT_LIMITS)
        assert np.abs(frames[0].astype(int) - pixels).mean() < 3
    by_pillow = encode(pixels, "tiff", compression="jpeg", quality=95)  # writes JPEGTables
    frames, _ = read_raster(by_pillow, "tiff", DEFAULT_LIMITS)
    assert np.abs(frames[0].astype(int) - pixels).mean() < 3


def test_one_strip_that_is_filled_up_to_its_stated_rows() -> None:
    pixels = picture(96, 128)
    jpeg = encode(pixels, "jpeg", quality=95)
    expected = read_raster(jpeg, "jpeg", DEFAULT_LIMITS)[0][0, :90]
    for compression, strip in ((7, jpeg), (8, zlib.compress(pixels.tobytes()))):
        photometric = 6 if compression == 7 else 2
        for stated in (96, 2**32 - 1, 90):
            data = tiff_of(
                strip,
                photometric=photometric,
                extra={259: (compression,), 278: (stated,)},
                size=(90, 128),
            )
            if stated == 90:
                with pytest.raises(ImageRejected):
                    read_raster(data, "tiff", DEFAULT_LIMITS)
                continue
            frames, _ = read_raster(data, "tiff", DEFAULT_LIMITS)
            right = expected if compression == 7 else pixels[:90]
            np.testing.assert_array_equal(frames[0], right)
    short = encode(pixels[:80], "jpeg", quality=95)
    data = tiff_of(short, photometric=6, extra={259: (7,), 278: (96,)}, size=(90, 128))
    with pytest.raises(ImageRejected):
        read_raster(data, "tiff", DEFAULT_LIMITS)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_short_strips_and_tiles_are_refused(layout: str, compression: str | None) -> None:
    data = written(
        noise((HEIGHT, WIDTH, 3), "u1"),
        photometric="rgb",
        compression=compression,
        **LAYOUTS[layout],
    )
    with tifffile.TiffFile(BytesIO(data)) as file:
        tags = file.pages[0].tags
        sizes = tags.get(279) or tags.get(325)
        values = list(sizes.value) if isinstance(sizes.value, tuple) else [sizes.value]
        place, kind = sizes.valueoffset, {3: "H", 4: "L"}[int(sizes.dtype)]
    values[-1] //= 2
    shorter = bytearray(data)
    shorter[place : place + struct.calcsize(f"<{len(values)}{kind}")] = struct.pack(
        f"<{len(values)}{kind}", *values
    )
    with pytest.raises(ImageRejected) as refusal:
        read_raster(bytes(shorter), "tiff", DEFAULT_LIMITS)
    assert refusal.value.reason is RejectReason.TRUNCATED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({273: (8_000_000,)}, RejectReason.TRUNCATED),
        ({273: (0,)}, RejectReason.TRUNCATED),
        ({279: (0,)}, RejectReason.TRUNCATED),
        ({278: (20,)}, RejectReason.TRUNCATED),  # needs three strips, has one
        ({259: (6,)}, RejectReason.UNSUPPORTED_ENCODING),
        ({259: (34712,)}, RejectReason.UNSUPPORTED_ENCODING),
        ({262: (8,)}, RejectReason.UNSUPPORTED_ENCODING),
        ({262: (6,)}, RejectReason.UNSUPPORTED_ENCODING),  # YCbCr without JPEG
        ({258: (8, 8, 16)}, RejectReason.UNSUPPORTED_ENCODING),
        ({258: (9, 9, 9)}, RejectReason.UNSUPPORTED_ENCODING),
        ({284: (3,)}, RejectReason.UNREADABLE),
        ({317: (7,)}, RejectReason.UNSUPPORTED_ENCODING),
        ({339: (3, 3, 3)}, RejectReason.UNSUPPORTED_ENCODING),
        ({277: (2,), 258: (8, 8)}, RejectReason.UNREADABLE),  # RGB of two samples
        ({256: (40_000,)}, RejectReason.TOO_MANY_PIXELS),
        ({257: (30_000,)}, RejectReason.BAD_SHAPE),
        ({254: (1,)}, RejectReason.NO_PIXELS),
        ({254: (4,)}, RejectReason.NO_PIXELS),
        ({255: (2,)}, RejectReason.NO_PIXELS),
    ],
)
def test_tags_that_promise_something_else(
    change: dict[int, tuple[int, ...]], reason: RejectReason
) -> None:
    strip = noise((HEIGHT, WIDTH, 3), "u1").tobytes()
    assert read_raster(tiff_of(strip), "tiff", DEFAULT_LIMITS)[0].shape == (1, HEIGHT, WIDTH, 3)
    with pytest.raises(ImageRejected) as refusal:
        read_raster(tiff_of(strip, extra=change), "tiff", DEFAULT_LIMITS)
    assert refusal.value.reason is reason


def test_palettes_of_eight_bits() -> None:
    """Some programs write colours of 0 to 255 where the standard wants 0 to 65535."""
    index = noise((HEIGHT, WIDTH), "u1")
    colours = noise((3, 256), "u1")
    data = tiff_of(
        index.tobytes(),
        bits=(8,),
        samples=1,
        photometric=3,
        extra={320: tuple(int(value) for value in colours.ravel())},
    )
    frames, _ = read_raster(data, "tiff", DEFAULT_LIMITS)
    np.testing.assert_array_equal(frames[0], colours.T[index])


def test_too_many_tiles_are_refused() -> None:
    strip = bytes(HEIGHT * WIDTH)
    tiles = {256: (8000,), 257: (8000,), 322: (16,), 323: (16,), 324: (8,), 325: (1,)}
    with pytest.raises(ImageRejected) as refusal:
        read_raster(
            tiff_of(strip, bits=(8,), samples=1, photometric=1, extra=tiles),
            "tiff",
            DEFAULT_LIMITS,
        )
    assert refusal.value.reason is RejectReason.TOO_MUCH_WORK
