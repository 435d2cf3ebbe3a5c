"""DICOM files to RGB pictures."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import UID

from triage.errors import ImageRejected, RejectReason
from triage.imaging.colour import to_srgb
from triage.imaging.dicom.frames import decode
from triage.imaging.dicom.image_pixel import GREY, ImagePixel, geometry, require_integer_pixels
from triage.imaging.dicom.part10 import parse_part10
from triage.imaging.header import Header
from triage.imaging.limits import Limits
from triage.imaging.metadata_removal import device_name
from triage.imaging.picture import PictureFlag

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
_LARGEST_SPACING = 10.0
"""mm; no photograph of skin has larger pixels."""


def read_dicom(
    data: bytes, limits: Limits, *, photographs_only: bool
) -> tuple[NDArray[np.uint8], str | None, tuple[PictureFlag, ...], tuple[float, float] | None]:
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
        sRGB, where the object has a colour profile converted by it.
        Greyscale is windowed (first window) and repeated; more than 8 bits
        are scaled down.
    modality : str or None
        The SOP class's plain name, None if it is not in the standard.
    flags : tuple of PictureFlag
        Flags of the conversion by a colour profile, if there is one.
    mm_per_pixel : pair of float or None
        Between rows and between columns, in mm; see `pixel_spacing`.

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
            hint="Only VL Photographic, Dermoscopic Photography and Secondary Capture are.",
        )
    require_integer_pixels(dataset, "picture")
    frames, rows, columns = geometry(dataset)
    limits.check_geometry(rows, columns, frames)
    pixel = ImagePixel.of(dataset)
    pixels = decode(dataset, pixel)
    profile = None if pixel.photometric in GREY else _profile(dataset)
    if profile is None:
        return pixels, modality, (), pixel_spacing(dataset)
    pixels = pixels if pixels.flags.writeable else pixels.copy()
    found = {to_srgb(frame, profile, in_place=True)[1] for frame in pixels}
    flags = tuple(flag for flag in PictureFlag if flag in found)
    return pixels, modality, flags, pixel_spacing(dataset)


def pixel_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Return Pixel Spacing (0028,0030) in mm: between rows, between columns; None if unusable.

    Imager Pixel Spacing and Nominal Scanned Pixel Spacing are of the detector and of scanned film,
    not of the skin, and are not used.
    """
    try:
        found = dataset.get("PixelSpacing")  # converted now, which fails where it is no number
        if not isinstance(found, MultiValue) or len(found) != 2:
            return None
        rows, columns = (float(value) for value in found)
    except (TypeError, ValueError, OverflowError):
        return None
    usable = all(math.isfinite(value) and 0 < value < _LARGEST_SPACING for value in (rows, columns))
    return (rows, columns) if usable else None


def _profile(dataset: Dataset) -> bytes | None:
    """Return the ICC profile, of the image (PS3.3 C.11.15) or of its optical path (C.8.12.5)."""
    paths = dataset.get("OpticalPathSequence")
    items = [dataset, *(paths if isinstance(paths, Sequence) else [])]
    profiles = [item.get("ICCProfile") for item in items]
    return next((profile for profile in profiles if isinstance(profile, bytes) and profile), None)


def dicom_header(data: bytes, limits: Limits) -> Header:
    """Read the geometry, encoding and device from the header of a DICOM file.

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
    """Return the name of a standard SOP class; None for a private UID, which may hold any text."""
    sop_class = dataset.get("SOPClassUID")
    return sop_class.name if isinstance(sop_class, UID) and sop_class.type == "SOP Class" else None
