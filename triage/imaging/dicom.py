"""DICOM to RGB, by pydicom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.uid import UID

from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom_decode import check_pixel_data, decode
from triage.imaging.header import Header, device_name
from triage.imaging.image_pixel import ImagePixel, geometry
from triage.imaging.limits import Limits
from triage.imaging.part10 import parse_part10

PHOTOGRAPH_CLASSES: frozenset[UID] = frozenset(
    {
        uid.VLPhotographicImageStorage,
        uid.DermoscopicPhotographyImageStorage,
        uid.SecondaryCaptureImageStorage,
        uid.MultiFrameSingleBitSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)


def read_dicom(
    data: bytes, limits: Limits, *, photographs_only: bool
) -> tuple[NDArray[np.uint8], str | None]:
    """Decode a DICOM image.

    Parameters
    ----------
    data : bytes
        The file.
    limits : Limits
        Bounds checked on the header before decoding.
    photographs_only : bool
        Refuse SOP classes other than `PHOTOGRAPH_CLASSES`.

    Returns
    -------
    frames : uint8 array [F, H, W, 3]
        RGB. Greyscale is windowed (first window) and repeated; more than
        8 bits are scaled down.
    modality : str or None
        The SOP class's plain name, None if it is not in the standard.

    Raises
    ------
    ImageRejected
        For anything that cannot become such an array.
    """
    dataset = parse_part10(data, limits)
    modality = sop_class_name(dataset)
    if photographs_only and dataset.get("SOPClassUID") not in PHOTOGRAPH_CLASSES:
        raise ImageRejected(
            RejectReason.WRONG_MODALITY,
            f"'{modality or 'Unknown SOP class'}' is not taken as a photograph.",
            mend="Only VL Photographic, Dermoscopic Photography and Secondary Capture are.",
        )
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING, "The pixels are real numbers, not a picture."
        )
    if not dataset.get("PixelData"):
        raise ImageRejected(RejectReason.NO_PIXELS, "The DICOM object holds no pixels.")
    frames, rows, columns = geometry(dataset)
    limits.check_geometry(rows, columns, frames)
    pixel = ImagePixel.of(dataset)
    check_pixel_data(dataset, pixel)
    return decode(dataset, pixel), modality


def dicom_header(data: bytes, limits: Limits) -> Header:
    """Read what a DICOM file's header says of its picture and device.

    Raises
    ------
    ImageRejected
        If the file cannot be parsed.
    """
    dataset = parse_part10(data, limits)
    frames, height, width = geometry(dataset) if "Rows" in dataset else (None, None, None)
    channels, bits = (dataset.get(name) for name in ("SamplesPerPixel", "BitsStored"))
    return Header(
        width=width,
        height=height,
        frames=frames,
        channels=channels if isinstance(channels, int) else None,
        bits=bits if isinstance(bits, int) else None,
        transfer_syntax=dataset.file_meta.TransferSyntaxUID.name,
        sop_class=sop_class_name(dataset),
        device=device_name(dataset.get("Manufacturer"), dataset.get("ManufacturerModelName")),
    )


def sop_class_name(dataset: Dataset) -> str | None:
    """Return a name of the standard's only: any other UID may be anything."""
    sop_class = dataset.get("SOPClassUID")
    return sop_class.name if isinstance(sop_class, UID) and sop_class.type == "SOP Class" else None
