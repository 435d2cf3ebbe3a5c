"""DICOM Ophthalmic Tomography (PS3.3 A.52) to a draft.

The device's optical resolution (0022,0035), (0022,0037) and (0022,0048) is not read: it says
what the optics can tell apart, not how far apart samples lie.
"""

from __future__ import annotations

import struct
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments, parse_basic_offsets

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes
from triage.imaging.dicom import read_dicom, sop_class_name
from triage.imaging.dicom_decode import check_pixel_data, stored_frames
from triage.imaging.image_pixel import GREY, ImagePixel, geometry
from triage.imaging.oct.dicom_claims import KEYWORDS, localizer_lines, note_claims, pixel_side
from triage.imaging.oct.draft import Draft
from triage.imaging.oct.limits import VolumeLimits
from triage.imaging.oct.volume import Localizer
from triage.imaging.part10 import parse_part10

_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
_MEDIA_STORAGE_CLASS = b"\x02\x00\x02\x00UI"
_META_BYTES = 1024  # of them the class is among the first
FUNDUS_CLASSES = (
    uid.OphthalmicPhotography8BitImageStorage,
    uid.OphthalmicPhotography16BitImageStorage,
    uid.WideFieldOphthalmicPhotographyStereographicProjectionImageStorage,
    uid.WideFieldOphthalmicPhotography3DCoordinatesImageStorage,
)


def storage_class(head: bytes) -> str:
    """Return the SOP class a DICOM file's meta information names (PS3.10 7.1), '' if none."""
    start = head.find(_MEDIA_STORAGE_CLASS, 132, 132 + _META_BYTES)
    value = start + len(_MEDIA_STORAGE_CLASS) + 2
    if start < 0 or len(head) < value:
        return ""
    (length,) = struct.unpack_from("<H", head, value - 2)
    return head[value : value + length].rstrip(b"\0 ").decode("ascii", "replace")


def read_opt(data: bytes, limits: VolumeLimits, fundus: bytes | None = None) -> Draft:
    """Read an Ophthalmic Tomography object.

    Parameters
    ----------
    data : bytes
        The file.
    limits : VolumeLimits
        Checked on the header before pixels are decoded, one frame at a time.
    fundus : bytes or None
        An Ophthalmic Photography file: the localizer, if the frames are located on it.

    Returns
    -------
    Draft
        uint8 for up to 8 stored bits, uint16 for more; MONOCHROME1 inverted.

    Raises
    ------
    ImageRejected
        `WRONG_MODALITY` for other objects and colour, `BOTH_EYES`, `TRUNCATED` for fewer frames
        than announced, `INCONSISTENT` for more, and whatever else is wrong with the file.
    """
    dataset = parse_part10(data, limits.pictures, KEYWORDS)
    _check_class(dataset)
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The pixels of a tomography object are no real numbers.",
        )
    if not dataset.get("PixelData"):
        raise ImageRejected(RejectReason.NO_PIXELS, "The DICOM object holds no pixels.")
    limits.check_shape(*geometry(dataset))
    pixel = ImagePixel.of(dataset)
    if pixel.photometric not in GREY:
        raise ImageRejected(
            RejectReason.WRONG_MODALITY, "The pixels are in colour; B-scans of an OCT are grey."
        )
    if pixel.stored > 16:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING, "Samples of more than 16 bits are not read."
        )
    _check_frame_count(dataset, pixel)
    check_pixel_data(dataset, pixel)
    draft = Draft(bscans=np.empty(0, np.uint8), kind="dicom", sha256=hash_bytes(data))
    note_claims(dataset, pixel.frames, draft)
    if fundus is not None:
        draft.localizer = _localizer(dataset, fundus, limits)
    draft.bscans = _decode(dataset, pixel)
    return draft


def _localizer(dataset: Dataset, fundus: bytes, limits: VolumeLimits) -> Localizer | None:
    """Decode the picture on which the frames are located; None if it is another."""
    header = parse_part10(fundus, limits.pictures, ("SOPInstanceUID", "PixelSpacing"))
    lines = localizer_lines(dataset, str(header.get("SOPInstanceUID")))
    if lines is None:
        return None
    frames, _ = read_dicom(fundus, limits.pictures, photographs_only=False)
    luma = frames[0] @ np.array([0.299, 0.587, 0.114])  # Rec. 601
    return Localizer(np.rint(luma).astype(np.uint8), pixel_side(header), lines)


def _check_class(dataset: Dataset) -> None:
    """Refuse all but Ophthalmic Tomography, saying what was given instead."""
    sop_class = dataset.get("SOPClassUID")
    if sop_class == uid.OphthalmicTomographyImageStorage:
        return
    name = sop_class_name(dataset) or "Unknown SOP class"
    kind = "a picture of the fundus" if sop_class in FUNDUS_CLASSES else "no OCT volume"
    raise ImageRejected(
        RejectReason.WRONG_MODALITY,
        f"'{name}' is {kind}.",
        mend="Give the Ophthalmic Tomography Image object of the same examination.",
    )


def _check_frame_count(dataset: Dataset, pixel: ImagePixel) -> None:
    """Refuse more frames than the header announces; `check_pixel_data` finds fewer."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        surplus = len(dataset.PixelData) - pixel.native_bytes
        excess = surplus * 8 >= pixel.rows * pixel.columns * pixel.allocated
    else:
        excess = _encapsulated_count(dataset, pixel.frames) > pixel.frames
    if excess:
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            "The file holds more B-scans than its header announces.",
            mend="Export the scan again.",
        )


def _encapsulated_count(dataset: Dataset, announced: int) -> int:
    """Count frames by the offset table, or else by fragments that begin a frame (PS3.5 A.4)."""
    data = dataset.PixelData
    if offsets := parse_basic_offsets(data):
        return len(offsets)
    rle = dataset.file_meta.TransferSyntaxUID == uid.RLELossless
    # one fragment belongs to one frame; the first is the offset table itself
    fragments = islice(generate_fragments(data[8:]), 64 * (announced + 1))
    return sum(1 for fragment in fragments if rle or fragment.startswith(_STARTS))


def _decode(dataset: Dataset, pixel: ImagePixel) -> NDArray[np.uint8] | NDArray[np.uint16]:
    dtype = np.uint8 if pixel.stored <= 8 else np.uint16
    bscans = np.empty((pixel.frames, pixel.rows, pixel.columns), dtype)
    lowest = -(2 ** (pixel.stored - 1)) if pixel.signed else 0
    highest = 2**pixel.stored - 1
    for target, (stored, _) in zip(bscans, stored_frames(dataset, pixel), strict=True):
        values = np.clip(stored.astype(np.int64) - lowest, 0, highest)
        target[:] = highest - values if pixel.photometric == "MONOCHROME1" else values
    return bscans
