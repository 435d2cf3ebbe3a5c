"""SOP class of a DICOM file, read from its first bytes."""

from __future__ import annotations

import struct

from triage.imaging.dicom.support import looks_like_dicom

_SEARCHED = 4096  # bytes of the header, among whose first elements the class is
# Media Storage SOP Class UID (PS3.10 7.1) and SOP Class UID (PS3.3 C.12.1), with the layout of the
# length after each: explicit, big endian, implicit.
_BEGINNINGS = (
    (b"\x02\x00\x02\x00UI", "<H"),
    (b"\x08\x00\x16\x00UI", "<H"),
    (b"\x00\x08\x00\x16UI", ">H"),
    (b"\x08\x00\x16\x00", "<L"),
)
_LONGEST = 64  # characters of a UID (PS3.5 9.1)


def dicom_class(head: bytes) -> str | None:
    """Return the SOP class that a file states.

    Parameters
    ----------
    head : bytes
        The file's first kilobytes.

    Returns
    -------
    str or None
        A UID, '' where none is found; None for what is no DICOM file.
    """
    if not looks_like_dicom(head):
        return None
    for beginning, layout in _BEGINNINGS:
        start = head.find(beginning, 0, _SEARCHED) + len(beginning)
        end = start + struct.calcsize(layout)
        if start < len(beginning) or end > len(head):
            continue
        (length,) = struct.unpack(layout, head[start:end])
        if length <= _LONGEST:
            return head[end : end + length].rstrip(b"\0 ").decode("ascii", "replace")
    return ""
