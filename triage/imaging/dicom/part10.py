"""Bounded parsing of DICOM files (PS3.10) to data sets.

Only the elements that decoding needs, named below, are kept, so that other content cannot leak.
Elements are parsed by pydicom's element generator; its file reader is not used because it inflates
without a bound, treats a truncated file as one without pixels, and copies the pixels.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Callable
from io import BytesIO

from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom.data_set_encoding import (
    KNOWN_VRS,
    data_set_start,
    guess_encoding,
    looks_like_dicom,
)
from triage.imaging.dicom.pixel_element import (
    inflate_data_set,
    read_pixel_element,
    truncated_data_set,
)
from triage.imaging.limits import Limits

__all__ = ["MAX_HEADER_VALUE", "MAX_READS", "looks_like_dicom", "parse_part10"]

# What pydicom warns of and logs quotes header values, which may be patient data.
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
for _library in ("pydicom", "openjpeg"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False

MAX_READS = 1_000_000  # two or three for each element: beyond any real header
MAX_HEADER_VALUE = 2**20  # bytes of one element that is not pixel data
MAX_SEQUENCE = 2**25  # bytes of a sequence of defined length: it may describe a thousand frames

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
    "PresentationLUTShape",
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
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "ICCProfile",
    "OpticalPathSequence",
    "PixelSpacing",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)


def _tags(keywords: tuple[str, ...]) -> frozenset[int]:
    return frozenset(tag for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None)


_WANTED = _tags(_KEYWORDS)
_PIXEL_TAGS = _tags(_PIXEL_KEYWORDS)
_TRANSFER_SYNTAX = _tags(("TransferSyntaxUID",))
_OFFSET_TABLES = _tags(("ExtendedOffsetTable", "ExtendedOffsetTableLengths"))
_LITTLE_ENDIAN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_FIRST_GROUPS = (0x0008,)
_UNDEFINED_LENGTH = 0xFFFFFFFF


class _CountingStream(BytesIO):
    """Byte stream that refuses to be read in too many pieces.

    An element costs pydicom hundreds of bytes of memory and a file only
    eight, so the number of elements needs a bound of its own.
    """

    reads = 0
    cut = False  # whether the last read returned fewer bytes than requested, but some

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageRejected(
                RejectReason.TOO_LARGE,
                "The header has too many elements.",
                hint="Export the picture again.",
            )
        piece = super().read(size)
        self.cut = size is not None and 0 < len(piece) < size
        return piece


def parse_part10(data: bytes, limits: Limits, keywords: tuple[str, ...] = ()) -> Dataset:
    """Parse the elements of a DICOM file that its pixels need.

    Parameters
    ----------
    data : bytes
        The file. Without preamble or meta information, its encoding is found by trying.
    limits : Limits
        `max_bytes` also bounds what a deflated data set inflates to.
    keywords : tuple of str
        Elements wanted besides those that pixels need.

    Returns
    -------
    pydicom.dataset.Dataset
        The wanted elements, undecoded, and `file_meta` with the transfer syntax. The value of
        the pixel data is a memoryview of the file, not a copy; where its length is undefined, it
        reaches to the end of the file.

    Raises
    ------
    ImageRejected
        `TRUNCATED`, `TOO_LARGE`, `UNSUPPORTED_ENCODING` (unknown transfer
        syntax) or `UNREADABLE`.
    """
    start = data_set_start(data)
    if start is None:
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "The file has no DICOM header.",
            hint="Export the picture again.",
        )
    meta, syntax, start = _meta_information(data, start)
    if syntax == DeflatedExplicitVRLittleEndian:
        data, start = inflate_data_set(memoryview(data)[start:], limits), 0
    stream = _CountingStream(data)
    stream.seek(start)
    implicit, little = syntax.is_implicit_VR, syntax.is_little_endian
    wanted = _WANTED | _tags(keywords)
    elements = _elements(
        stream, len(data), implicit, little, wanted, lambda tag, vr, length: tag in _PIXEL_TAGS
    )
    pixels = read_pixel_element(data, stream.tell(), implicit, little)
    if pixels is not None:
        elements[pixels.tag] = pixels
    dataset = Dataset(elements)
    dataset.set_original_encoding(implicit, little, "iso8859")
    dataset.file_meta = meta
    return dataset


def _meta_information(data: bytes, start: int) -> tuple[FileMetaDataset, UID, int]:
    """Read the meta information (PS3.10 7.1), always explicit little endian, if present.

    Returns
    -------
    meta, transfer syntax, start of the data set
    """
    stream = _CountingStream(data)
    stream.seek(start)
    found = _elements(
        stream,
        len(data),
        False,
        True,
        _TRANSFER_SYNTAX,
        lambda tag, vr, length: tag.group != 2,
    )
    meta = FileMetaDataset(found)
    start = stream.tell()
    if "TransferSyntaxUID" in meta:
        syntax = _known_syntax(meta)
        if syntax in _LITTLE_ENDIAN:
            # Either is named by some programs where the other was written.
            found_syntax = guess_encoding(data, start, _FIRST_GROUPS)
            if found_syntax in _LITTLE_ENDIAN:
                meta.TransferSyntaxUID = syntax = found_syntax
        return meta, syntax, start
    guessed = guess_encoding(data, start)
    if guessed is None:
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "The DICOM file names no transfer syntax.",
            hint="Export the picture again.",
        )
    meta.TransferSyntaxUID = guessed
    return meta, guessed, start


def _known_syntax(meta: FileMetaDataset) -> UID:
    syntax = meta.get("TransferSyntaxUID")
    if not isinstance(syntax, UID) or not syntax.is_transfer_syntax or syntax.is_private:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The DICOM file's transfer syntax is unknown.",
            hint="Export the picture in another transfer syntax.",
        )
    return syntax


def _elements(
    stream: _CountingStream,
    size: int,
    implicit: bool,
    little: bool,
    wanted: frozenset[int],
    stop_when: Callable[[BaseTag, str | None, int], bool],
) -> dict[BaseTag, DataElement | RawDataElement]:
    """Collect the wanted elements up to the one at which to stop."""
    found: dict[BaseTag, DataElement | RawDataElement] = {}
    try:
        for element in data_element_generator(
            stream, implicit, little, stop_when, specific_tags=[BaseTag(tag) for tag in wanted]
        ):
            _check_value(element)
            found[element.tag] = element
    except RecursionError:
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "Sequences are nested too deeply.",
            hint="Export the picture again.",
        ) from None
    except EOFError:
        raise truncated_data_set() from None
    except (OSError, struct.error, ValueError, NotImplementedError):
        if stream.tell() < size:
            raise _damaged_element() from None
        raise truncated_data_set() from None
    # An unwanted element was skipped that reaches beyond the end, or half a tag is left.
    if stream.tell() > size or stream.cut:
        raise truncated_data_set()
    return found


def _check_value(element: DataElement | RawDataElement) -> None:
    if not isinstance(element, RawDataElement):
        return
    if element.VR is not None and element.VR not in KNOWN_VRS:
        raise _damaged_element()
    length = len(element.value or b"")
    if element.length != _UNDEFINED_LENGTH and length < element.length:
        raise truncated_data_set()
    most = MAX_SEQUENCE if _is_sequence(element) else MAX_HEADER_VALUE
    if length > most and element.tag not in _OFFSET_TABLES:
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "A header element is implausibly long.",
            hint="Export the picture again.",
        )


def _is_sequence(element: RawDataElement) -> bool:
    if element.VR is not None:
        return element.VR == "SQ"
    return dictionary_has_tag(element.tag) and dictionary_VR(element.tag) == "SQ"


def _damaged_element() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "An element is damaged.",
        hint="Copy or export the file again.",
    )
