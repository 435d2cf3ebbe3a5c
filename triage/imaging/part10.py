"""DICOM files (PS3.10) to data sets, within bounds.

The elements wanted for pixels are named below, and only they are kept: what
is never parsed cannot leak. pydicom's element generator does the parsing; its
file reader is not used because it inflates without a bound and takes a
truncated file for one without pixels.
"""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import Limits

# What pydicom warns of and logs quotes header values, which may be patient data.
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
for _library in ("pydicom", "openjpeg"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False

MAX_READS = 1_000_000  # two or three for each element: beyond any real header
MAX_HEADER_VALUE = 2**20  # bytes of one element that is not pixel data

_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_KEYWORDS = (
    "SOPClassUID",
    "Manufacturer",
    "ManufacturerModelName",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
    "RescaleIntercept",
    "RescaleSlope",
    "ModalityLUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    *_PIXEL_KEYWORDS,
)


def _tags(keywords: tuple[str, ...]) -> frozenset[int]:
    return frozenset(tag for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None)


_WANTED = _tags(_KEYWORDS)
_PIXEL_TAGS = _tags(_PIXEL_KEYWORDS)
_TRANSFER_SYNTAX = _tags(("TransferSyntaxUID",))
_UNDEFINED_LENGTH = 0xFFFFFFFF


class _CountingStream(BytesIO):
    """Bytes that refuse to be read in too many pieces.

    An element costs pydicom hundreds of bytes of memory and a file only
    eight, so the number of elements needs a bound of its own.
    """

    reads = 0
    cut = False  # whether the last read got less than it asked for, but something

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageRejected(RejectReason.TOO_LARGE, "The header has too many elements.")
        piece = super().read(size)
        self.cut = size is not None and 0 < len(piece) < size
        return piece


def parse_part10(data: bytes, limits: Limits, keywords: tuple[str, ...] = ()) -> Dataset:
    """Parse a DICOM file as far as its pixels need.

    Parameters
    ----------
    data : bytes
        The file, beginning with the 128-byte preamble.
    limits : Limits
        `max_bytes` also bounds what a deflated data set inflates to.
    keywords : tuple of str
        Elements wanted besides those that pixels need.

    Returns
    -------
    pydicom.dataset.Dataset
        The wanted elements, undecoded, and `file_meta` with the transfer syntax.

    Raises
    ------
    ImageRejected
        `TRUNCATED`, `TOO_LARGE`, `UNSUPPORTED_ENCODING` (unknown transfer
        syntax) or `UNREADABLE`.
    """
    stream = _CountingStream(data)
    stream.seek(132)  # preamble and 'DICM'
    meta_elements = _elements(
        stream, False, True, _TRANSFER_SYNTAX, lambda tag, vr, length: tag.group != 2
    )
    meta = FileMetaDataset(meta_elements)
    syntax = _transfer_syntax(meta)
    if syntax == DeflatedExplicitVRLittleEndian:
        stream = _CountingStream(_inflate(stream.read(), limits))
    implicit, little = syntax.is_implicit_VR, syntax.is_little_endian
    dataset = Dataset(_elements(stream, implicit, little, _WANTED | _tags(keywords)))
    dataset.set_original_encoding(implicit, little, "iso8859")
    dataset.file_meta = meta
    return dataset


def _transfer_syntax(meta: FileMetaDataset) -> UID:
    syntax = meta.get("TransferSyntaxUID")
    if not isinstance(syntax, UID) or not syntax:
        raise ImageRejected(RejectReason.UNREADABLE, "The DICOM file names no transfer syntax.")
    if not syntax.is_transfer_syntax or syntax.is_private:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING, "The DICOM file's transfer syntax is unknown."
        )
    return syntax


def _inflate(deflated: bytes, limits: Limits) -> bytes:
    """Inflate a data set (PS3.5 A.5) up to a bound."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(deflated, limits.max_bytes + 1)
    except zlib.error:
        raise ImageRejected(RejectReason.UNREADABLE, "The deflated data is damaged.") from None
    limits.check_bytes(len(inflated))
    if not inflater.eof:
        raise ImageRejected(RejectReason.TRUNCATED, "The deflated data ends too early.")
    return inflated


def _elements(
    stream: _CountingStream,
    implicit: bool,
    little: bool,
    wanted: frozenset[int],
    stop_when: Callable[[BaseTag, str | None, int], bool] | None = None,
) -> dict[BaseTag, DataElement | RawDataElement]:
    """Collect the wanted elements up to and including the pixel data."""
    size = stream.getbuffer().nbytes
    found: dict[BaseTag, DataElement | RawDataElement] = {}
    try:
        for element in data_element_generator(
            stream, implicit, little, stop_when, specific_tags=[BaseTag(tag) for tag in wanted]
        ):
            _check_value(element)
            found[element.tag] = element
            if element.tag in _PIXEL_TAGS:
                return found
    except RecursionError:
        raise ImageRejected(RejectReason.UNREADABLE, "Sequences are nested too deeply.") from None
    except EOFError:
        raise _truncated() from None
    except (OSError, struct.error, ValueError):
        if stream.tell() < size:
            raise ImageRejected(RejectReason.UNREADABLE, "An element is damaged.") from None
        raise _truncated() from None
    # An unwanted element was skipped that reaches beyond the end, or half a tag is left.
    if stream.tell() > size or stream.cut:
        raise _truncated()
    return found


def _check_value(element: DataElement | RawDataElement) -> None:
    if not isinstance(element, RawDataElement):
        return
    length = len(element.value or b"")
    if element.length != _UNDEFINED_LENGTH and length < element.length:
        raise _truncated()
    if length > MAX_HEADER_VALUE and element.tag not in _PIXEL_TAGS:
        raise ImageRejected(RejectReason.UNREADABLE, "A header element is implausibly long.")


def _truncated() -> ImageRejected:
    return ImageRejected(RejectReason.TRUNCATED, "The DICOM file ends before its data set does.")
