"""JPEG photographs: strict decoding, with orientation and colour profile from the header."""

from __future__ import annotations

from collections.abc import Iterator

from triage.codecs.jpeg import check_jpeg_kind, decode_inks, decode_jpeg
from triage.codecs.jpeg_markers import JpegStream, read_jpeg_markers
from triage.imaging.limits import Limits
from triage.imaging.raster.exif import header_metadata
from triage.imaging.raster.samples import Block, Layout, Page


def read_jpeg(data: bytes, limits: Limits) -> list[Page]:
    """Read the markers of a JPEG.

    Parameters
    ----------
    data : bytes
        Data after the first picture (previews, gain maps, films) are ignored.
    limits : Limits

    Returns
    -------
    list of Page
        One page.

    Raises
    ------
    ImageRejected
        See `jpeg_markers.read_jpeg_markers`, `jpeg.check_jpeg_kind` and `exif.header_metadata`;
        and what the limits refuse.
    """
    stream = read_jpeg_markers(data)
    limits.check_geometry(stream.rows, stream.columns)
    check_jpeg_kind(stream)
    known = header_metadata(data, "JPEG")
    channels = len(stream.components)
    return [
        Page(
            height=stream.rows,
            width=stream.columns,
            layout=Layout("grey" if channels == 1 else "cmyk" if channels == 4 else "rgb"),
            blocks=lambda: _blocks(data, stream),
            orientation=known.orientation,
            profile=known.profile,
            device=known.device,
            channels=channels,
            bits=stream.precision,
        )
    ]


def _blocks(data: bytes, stream: JpegStream) -> Iterator[Block]:
    four = len(stream.components) == 4
    pixels = decode_inks(data, stream) if four else decode_jpeg(data, stream)
    whole = slice(0, stream.rows), slice(0, stream.columns)
    yield whole, pixels.reshape(stream.rows, stream.columns, -1)
