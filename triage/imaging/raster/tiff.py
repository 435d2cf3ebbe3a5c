"""TIFF pages: interpretation of their tags, and their samples.

Pillow decodes some kinds of TIFF incorrectly without an error, such as 16-bit RGB in separate
planes, and replaces missing strips by black. So tags are interpreted here: a kind that is not
listed is refused, and each strip or tile must be in the file and decompress to exactly its rows.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from triage.codecs.bit_packing import PACKED_BITS
from triage.errors import ImageRejected, RejectReason
from triage.imaging.colour import MAX_PROFILE
from triage.imaging.limits import Limits
from triage.imaging.metadata_removal import device_name
from triage.imaging.raster import tiff_tags as tag
from triage.imaging.raster.samples import Layout, Page
from triage.imaging.raster.tiff_blocks import Storage, read_blocks
from triage.imaging.raster.tiff_segments import JPEG, NONE, Segments, check_compression
from triage.imaging.raster.tiff_tags import Directory, cut, damaged, read_directories, unsupported

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_REDUCED = 2  # value of SubfileType
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # SampleFormat; 4 is undefined, which readers take for 1
_MAX_SAMPLES = 16
_MAX_TABLES = 2**16


def read_tiff(data: bytes, limits: Limits) -> list[Page]:
    """Read the directories of a TIFF or BigTIFF.

    Parameters
    ----------
    data : bytes
    limits : Limits
        Checked on every page, also those that are left out.

    Returns
    -------
    list of Page
        Without pages of reduced resolution (previews) and transparency masks; may be empty.

    Raises
    ------
    ImageRejected
        For damage, for kinds of TIFF that are not read, and what the limits refuse.
    """
    pages: list[Page] = []
    for index, directory in enumerate(read_directories(data, limits.max_frames + 1)):
        limits.check_frames(index + 1)
        height, width = directory.number(tag.HEIGHT, 0), directory.number(tag.WIDTH, 0)
        limits.check_geometry(height, width)
        kind = directory.number(tag.NEW_SUBFILE_TYPE, 0)
        reduced = kind & _REDUCED or directory.number(tag.SUBFILE_TYPE, 1) == _OLD_REDUCED
        if reduced or kind & _MASK:
            continue
        limits.check_geometry(height, width, len(pages) + 1)
        pages.append(_page(data, directory, limits))
    return pages


def _page(data: bytes, directory: Directory, limits: Limits) -> Page:
    compression = directory.number(tag.COMPRESSION, NONE)
    check_compression(compression)
    photometric = directory.number(tag.PHOTOMETRIC, -1)
    storage = _storage(directory, limits)
    layout = _layout(directory, photometric, storage)
    jpeg = compression == JPEG
    if jpeg and (storage.bits != 8 or layout.space == "cmyk" or storage.predictor != 1):
        raise unsupported("This kind of JPEG within a TIFF is not read here.")
    if photometric == _YCBCR and (not jpeg or storage.planes > 1):
        raise unsupported("The TIFF stores YCbCr colours without JPEG compression.")
    segments = Segments(
        pieces=(),
        rows=(),
        row_bytes=storage.row_bytes,
        compression=compression,
        reversed_bits=directory.number(tag.FILL_ORDER, 1) == 2,
        channels=storage.per_plane,
        tables=directory.content(tag.JPEG_TABLES, _MAX_TABLES),
        jpeg_colours="ycc" if photometric == _YCBCR else "rgb",
        most_rows=0 if storage.tiled else _rows_per_strip(directory, storage, limits),
    )
    pieces = _pieces(data, directory, storage, compression)
    profile = directory.content(tag.ICC_PROFILE, MAX_PROFILE)
    return Page(
        height=storage.height,
        width=storage.width,
        layout=layout,
        blocks=lambda: read_blocks(segments, pieces, storage),
        orientation=directory.number(tag.ORIENTATION, 1),
        profile=b"" if profile is None and tag.ICC_PROFILE in directory else profile,
        device=device_name(directory.text(tag.MAKE), directory.text(tag.MODEL)),
        channels=storage.channels,
        bits=storage.bits,
    )


def _storage(directory: Directory, limits: Limits) -> Storage:
    height, width = directory.number(tag.HEIGHT, 0), directory.number(tag.WIDTH, 0)
    channels = directory.number(tag.SAMPLES, 1)
    if not 1 <= channels <= _MAX_SAMPLES:
        raise unsupported("The TIFF has an unusual number of samples for each pixel.")
    bits = _common(directory, tag.BITS, 1, channels)
    kind = _KINDS.get(_common(directory, tag.SAMPLE_FORMAT, 1, channels), "")
    if bits not in {"u": {*PACKED_BITS, 32}, "i": {8, 16, 32}, "f": {16, 32, 64}}.get(kind, ()):
        raise unsupported("The samples of the TIFF are of an unusual type or number of bits.")
    predictor = directory.number(tag.PREDICTOR, 1)
    whole = bits in (8, 16, 32) and kind != "f"
    if predictor not in (1, 2, 3) or (predictor == 2 and not whole):
        raise unsupported("The TIFF uses a predictor that is not read here.")
    if predictor == 3 and kind != "f":
        raise unsupported("The TIFF uses a predictor that is not read here.")
    planar = directory.number(tag.PLANAR, 1)
    if planar not in (1, 2):
        raise damaged()
    tiled = tag.TILE_WIDTH in directory or tag.TILE_OFFSETS in directory
    if tiled:
        across, down = directory.number(tag.TILE_WIDTH, 0), directory.number(tag.TILE_HEIGHT, 0)
        # A tile is decoded whole, however little of it the picture uses.
        if across < 1 or down < 1:
            raise damaged()
        limits.check_pixels(down, across)
    else:
        rows = directory.number(tag.ROWS_PER_STRIP, height)
        across, down = width, min(height, rows) if rows > 0 else height
    return Storage(
        height=height,
        width=width,
        channels=channels,
        planes=channels if planar == 2 else 1,
        bits=bits,
        kind=kind,
        order=directory.order,
        predictor=predictor,
        tiled=tiled,
        segment_height=down,
        segment_width=across,
    )


def _rows_per_strip(directory: Directory, storage: Storage, limits: Limits) -> int:
    """Rows that the file states, possibly more than it has; they are all decoded."""
    return min(directory.number(tag.ROWS_PER_STRIP, 0), limits.max_pixels // storage.width)


def _common(directory: Directory, name: int, default: int, channels: int) -> int:
    """Value of a tag that has one for each channel, if all are equal."""
    values = directory.numbers(name, _MAX_SAMPLES)[:channels]
    if not len(values):
        return default
    if (values != values[0]).any() or len(values) not in (1, channels):
        raise unsupported("The channels of the TIFF differ in their type or number of bits.")
    return int(values[0])


def _layout(directory: Directory, photometric: int, storage: Storage) -> Layout:
    spaces: dict[int, Literal["grey", "rgb", "palette", "cmyk"]] = {
        _WHITE_IS_ZERO: "grey",
        _BLACK_IS_ZERO: "grey",
        _RGB: "rgb",
        _PALETTE: "palette",
        _CMYK: "cmyk",
        _YCBCR: "rgb",
    }
    if photometric not in spaces:
        raise unsupported("The TIFF has a colour space that is not read here, or none.")
    layout = Layout(spaces[photometric], storage.bits, inverted=photometric == _WHITE_IS_ZERO)
    if layout.inverted and storage.kind != "u":
        raise unsupported("The TIFF stores signed or real numbers with 0 as white.")
    extra = storage.channels - layout.colours
    alpha = _alpha(directory, layout.space, extra)
    if layout.space == "cmyk" and directory.number(tag.INK_SET, 1) != 1:
        raise unsupported("The TIFF stores other inks than cyan, magenta, yellow and black.")
    if layout.space == "palette":
        return Layout("palette", storage.bits, palette=_palette(directory, storage))
    return Layout(layout.space, layout.bits, layout.inverted, alpha)


def _alpha(
    directory: Directory, space: str, extra: int
) -> Literal["straight", "premultiplied"] | None:
    """Meaning of the channels after the colours (TIFF 6.0 section 18)."""
    meanings = [int(value) for value in directory.numbers(tag.EXTRA_SAMPLES, _MAX_SAMPLES)]
    if extra < 0 or (extra == 0 and space == "palette" and meanings):
        raise damaged()
    if extra == 0:
        return None
    if not meanings and extra == 1 and space == "rgb":
        return "straight"  # the tag is required; all readers take RGB and one more for this
    if meanings[:1] == [1] and not any(meanings[1:]):
        return "premultiplied"
    if meanings[:1] == [2] and not any(meanings[1:]):
        return "straight"
    if space in ("rgb", "cmyk") and meanings and not any(meanings):
        return None
    raise unsupported("The TIFF has channels whose meaning is not stated.")


def _palette(directory: Directory, storage: Storage) -> NDArray[np.uint8]:
    if storage.bits > 8 or storage.kind != "u" or storage.channels > 1:
        raise unsupported("The TIFF has a palette of more than 256 colours.")
    size = 2**storage.bits
    colours = directory.numbers(tag.COLOUR_MAP, 3 * size)
    if len(colours) != 3 * size or colours.max() > 65_535:
        raise damaged()
    if colours.max() > 255:
        colours = colours >> 8  # else written in 8 bits against the standard, as libtiff sees it
    return np.ascontiguousarray(colours.reshape(3, size).T.astype(np.uint8))


def _pieces(
    data: bytes, directory: Directory, storage: Storage, compression: int
) -> list[memoryview]:
    """Bytes of every strip or tile, plane after plane; all must lie in the file."""
    count = storage.down * storage.across * storage.planes
    if count > tag.MAX_SEGMENTS:
        raise ImageRejected(
            RejectReason.TOO_MUCH_WORK,
            f"The TIFF has more than {tag.MAX_SEGMENTS} strips or tiles.",
            hint="Export the picture with larger strips or tiles.",
        )
    names = (tag.STRIP_OFFSETS, tag.STRIP_BYTES)
    if tag.TILE_OFFSETS in directory:
        names = (tag.TILE_OFFSETS, tag.TILE_BYTES)
    offsets = directory.numbers(names[0], 2 * tag.MAX_SEGMENTS)[:count]
    sizes = directory.numbers(names[1], 2 * tag.MAX_SEGMENTS)[:count]
    if not len(sizes) and compression == NONE:
        sizes = np.full(count, storage.segment_height * storage.row_bytes)
        sizes = np.minimum(sizes, np.maximum(len(data) - offsets[:count], 0))
    if len(offsets) < count or len(sizes) < count:
        raise cut()
    if (offsets <= 0).any() or (sizes <= 0).any() or (offsets + sizes > len(data)).any():
        raise cut()
    view = memoryview(data)
    return [
        view[offset : offset + size]
        for offset, size in zip(offsets.tolist(), sizes.tolist(), strict=True)
    ]
