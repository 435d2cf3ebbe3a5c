"""Start and encoding of a DICOM data set in files that do not state them.

PS3.10 7.1 requires a preamble of 128 bytes, 'DICM' and meta information before the data set. Files
without them are common: files stored before 1996, and data sets received over a network.
"""

from __future__ import annotations

import struct

from pydicom.datadict import dictionary_has_tag
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import VR

PREFIX = b"DICM"
_PREAMBLE = 128
_ENCODINGS = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR",
                   b"UT", b"UV"})  # fmt: skip
KNOWN_VRS = frozenset(str(vr) for vr in VR if len(vr) == 2)
_VRS = frozenset(vr.encode() for vr in KNOWN_VRS)
_META = 0x0002
_FIRST_GROUPS = (_META, 0x0008)
_TRANSFER_SYNTAXES = b"1.2.840.10008.1.2"
_ENOUGH = 4  # elements in a row that make sense; chance does not give two
_MOST = 64
_UNDEFINED_LENGTH = 0xFFFFFFFF


def looks_like_dicom(data: bytes) -> bool:
    """Return whether data are a DICOM file, with or without preamble and meta information.

    Parameters
    ----------
    data : bytes
        A file or its first kilobytes.
    """
    return data_set_start(data) is not None


def data_set_start(data: bytes) -> int | None:
    """Return the offset of the first element, of the meta information if there is one."""
    for start in (_PREAMBLE, 0):
        if data[start : start + 4] == PREFIX:
            return start + 4
    return None if guess_encoding(data, 0) is None else 0


def guess_encoding(data: bytes, start: int, groups: tuple[int, ...] = _FIRST_GROUPS) -> UID | None:
    """Find the transfer syntax in which the elements from `start` on are valid.

    Parameters
    ----------
    data : bytes
    start : int
    groups : tuple of int
        Groups that the first element may have; with others it is no DICOM.

    Returns
    -------
    UID or None
        Of an uncompressed transfer syntax; whether pixel data are compressed is not stated.
    """
    for encoding in _ENCODINGS:
        order = "<" if encoding.is_little_endian else ">"
        if len(data) < start + 8 or struct.unpack_from(order + "H", data, start)[0] not in groups:
            continue
        if _makes_sense(data, start, order, encoding.is_implicit_VR):
            return encoding
    return None


def _makes_sense(data: bytes, position: int, order: str, implicit: bool) -> bool:
    """Check the first elements: tags ascend and are known, lengths stay within the data."""
    previous, count, start = -1, 0, position
    while count < _MOST and position + 8 <= len(data):
        group, element = struct.unpack_from(order + "HH", data, position)
        tag = group << 16 | element
        if count and previous >> 16 == _META != group:
            # What follows the meta information may be encoded in another way.
            return _TRANSFER_SYNTAXES in data[start:position]
        if tag <= previous or not (group % 2 or element == 0 or dictionary_has_tag(tag)):
            return False
        previous = tag
        if implicit:
            (length,) = struct.unpack_from(order + "L", data, position + 4)
            position += 8
        else:
            name = data[position + 4 : position + 6]
            if name not in _VRS:
                return False
            if name in _LONG:
                if position + 12 > len(data):
                    break
                (length,) = struct.unpack_from(order + "L", data, position + 8)
                position += 12
            else:
                (length,) = struct.unpack_from(order + "H", data, position + 6)
                position += 8
        if length == _UNDEFINED_LENGTH:
            break
        if length > 2**16 and group < 0x0028:
            return False  # a number read with the wrong byte order, or no element
        position += length
        count += 1
    return count >= _ENOUGH
