"""Parts of a DICOM file that pydicom's parser does not read: deflated data and pixel data."""

from __future__ import annotations

import struct
import zlib

from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import Limits

_UNDEFINED_LENGTH = 0xFFFFFFFF


def inflate_data_set(deflated: memoryview, limits: Limits) -> bytes:
    """Inflate a data set (PS3.5 A.5) up to a bound.

    Raises
    ------
    ImageRejected
        `UNREADABLE`, `TRUNCATED`, or `TOO_LARGE` for more than `limits.max_bytes`.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(deflated, limits.max_bytes + 1)
    except zlib.error:
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "The deflated data is damaged.",
            hint="Copy or export the file again.",
        ) from None
    limits.check_bytes(len(inflated))
    if not inflater.eof:
        raise ImageRejected(
            RejectReason.TRUNCATED,
            "The deflated data ends too early.",
            hint="Copy or export the file again.",
        )
    return inflated


def read_pixel_element(
    data: bytes, position: int, implicit: bool, little: bool
) -> DataElement | None:
    """Read the pixel data, at which the parser stopped.

    Parameters
    ----------
    data : bytes
    position : int
        Where the element begins.
    implicit, little : bool
        Encoding of the data set.

    Returns
    -------
    DataElement or None
        Its value is a view of `data`, to the end where its length is undefined; None at the end of
        the data set.

    Raises
    ------
    ImageRejected
        With `RejectReason.TRUNCATED`.
    """
    header = data[position : position + 12]
    if len(header) < 8:
        return None
    order = "<" if little else ">"
    group, number = struct.unpack_from(order + "HH", header)
    if implicit:
        vr, start = "OW", position + 8
        (length,) = struct.unpack_from(order + "L", header, 4)
    else:
        # A VR of two bytes length is wrong here; the standard knows OB, OW, OF and OD.
        vr, start = header[4:6].decode("ascii", "replace"), position + 12
        if len(header) < 12:
            raise truncated_data_set()
        (length,) = struct.unpack_from(order + "L", header, 8)
    undefined = length == _UNDEFINED_LENGTH
    if not undefined and start + length > len(data):
        raise truncated_data_set()
    value = memoryview(data)[start:] if undefined else memoryview(data)[start : start + length]
    return DataElement(
        BaseTag(group << 16 | number),
        vr if vr in ("OB", "OW") else "OB",
        value,
        is_undefined_length=undefined,
        already_converted=True,
    )


def truncated_data_set() -> ImageRejected:
    """Return the refusal of a file that ends within its data set."""
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The DICOM file ends before its data set does.",
        hint="Copy or export the file again.",
    )
