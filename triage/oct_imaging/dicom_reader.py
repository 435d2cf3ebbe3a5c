"""Reader of DICOM Ophthalmic Tomography objects (PS3.3 A.52).

The device's optical resolution (0022,0035), (0022,0037) and (0022,0048) is not read: it is the
resolving power of the optics, not the distance between samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes
from triage.imaging.colour import row_blocks
from triage.imaging.dicom.coded_frame import StoredFrame
from triage.imaging.dicom.frames import stored_frames
from triage.imaging.dicom.image_pixel import GREY, ImagePixel, geometry, require_integer_pixels
from triage.imaging.dicom.part10 import parse_part10
from triage.imaging.dicom.read import read_dicom, sop_class_name
from triage.oct_imaging.dicom_claims import KEYWORDS, localizer_lines, note_claims, pixel_side
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.volume import Localizer

FUNDUS_CLASSES = (
    uid.OphthalmicPhotography8BitImageStorage,
    uid.OphthalmicPhotography16BitImageStorage,
    uid.WideFieldOphthalmicPhotographyStereographicProjectionImageStorage,
    uid.WideFieldOphthalmicPhotography3DCoordinatesImageStorage,
)
_REC_601 = np.array([0.299, 0.587, 0.114])


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
    require_integer_pixels(dataset, "scan")
    limits.check_shape(*geometry(dataset))
    pixel = ImagePixel.of(dataset)
    if pixel.photometric not in GREY:
        raise ImageRejected(
            RejectReason.WRONG_MODALITY,
            "The pixels are in colour; B-scans of an OCT are grey.",
            hint="Give the Ophthalmic Tomography Image object of the same examination.",
        )
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
    frames, *_ = read_dicom(fundus, limits.pictures, photographs_only=False)
    luma = np.empty(frames.shape[1:3], np.uint8)
    for rows in row_blocks(frames.shape[1], frames.shape[2]):
        luma[rows] = np.rint(frames[0, rows] @ _REC_601)
    return Localizer(luma, pixel_side(header), lines)


def _check_class(dataset: Dataset) -> None:
    """Refuse all other SOP classes and report the class of the file."""
    sop_class = dataset.get("SOPClassUID")
    if sop_class == uid.OphthalmicTomographyImageStorage:
        return
    name = sop_class_name(dataset) or "Unknown SOP class"
    kind = "a picture of the fundus" if sop_class in FUNDUS_CLASSES else "no OCT volume"
    raise ImageRejected(
        RejectReason.WRONG_MODALITY,
        f"'{name}' is {kind}.",
        hint="Give the Ophthalmic Tomography Image object of the same examination.",
    )


def _decode(dataset: Dataset, pixel: ImagePixel) -> NDArray[np.uint8] | NDArray[np.uint16]:
    bscans: NDArray[np.uint8] | NDArray[np.uint16] = np.empty(0, np.uint8)
    bits = 0
    for index, frame in enumerate(stored_frames(dataset, pixel)):
        if not index:
            bits = _checked_bits(frame)
            shape = (pixel.frames, pixel.rows, pixel.columns)
            bscans = np.empty(shape, np.uint8) if bits <= 8 else np.empty(shape, np.uint16)
        if frame.bits != bits:
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                "The B-scans differ in their number of bits.",
                hint="Export the scan again.",
            )
        lowest = -(2 ** (bits - 1)) if frame.signed else 0
        highest = 2**bits - 1
        for rows in row_blocks(pixel.rows, pixel.columns):
            values = np.clip(frame.values[rows].astype(np.int32) - lowest, 0, highest)
            inverted = pixel.photometric == "MONOCHROME1"
            bscans[index, rows] = highest - values if inverted else values
    return bscans


def _checked_bits(frame: StoredFrame) -> int:
    if frame.bits > 16:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "Samples of more than 16 bits are not read.",
            hint="Export the scan with 8 or 16 bits a sample.",
        )
    return frame.bits
