"""EXIF data and colour profile, read by Pillow from a file's header without decoding it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image
from PIL.ExifTags import Base as Exif

from triage.errors import ImageRejected, RejectReason
from triage.imaging.metadata_removal import device_name

# What Pillow warns of (damaged EXIF) may quote the file.
warnings.filterwarnings("ignore", module=r"PIL(\.|$)")
# Every reader checks the size of a picture against `Limits` before Pillow sees the file, so that
# Pillow's own bound would only contradict limits that were raised.
Image.MAX_IMAGE_PIXELS = None

_ICC = b"ICC_PROFILE\0"  # begins the APP2 segments of a JPEG that hold a profile


@dataclass(frozen=True)
class Metadata:
    """Header fields that affect how a picture is displayed.

    Parameters
    ----------
    orientation : int
        EXIF orientation, 1 to 8; 1 where it is missing or damaged.
    device : str or None
        Manufacturer and model.
    profile : bytes or None
        ICC profile; empty where a JPEG contains parts of one that make no whole.
    """

    orientation: int = 1
    device: str | None = None
    profile: bytes | None = field(default=None, repr=False)


def metadata_of(image: Image.Image) -> Metadata:
    """Return the metadata of an opened image; a damaged block is ignored."""
    try:
        exif = image.getexif()
        orientation = exif.get(Exif.Orientation, 1)
        device = device_name(exif.get(Exif.Make), exif.get(Exif.Model))
    except Exception:  # Pillow's parser raises nearly anything, and the pixels may still be whole
        orientation, device = 1, None
    known = isinstance(orientation, int) and 1 <= orientation <= 8
    profile = image.info.get("icc_profile") or None
    if profile is None and any(body.startswith(_ICC) for _, body in getattr(image, "applist", ())):
        profile = b""
    return Metadata(orientation if known else 1, device, profile)


def header_metadata(data: bytes, plugin: str, *, optional: bool = False) -> Metadata:
    """Read the metadata of a file by one Pillow plugin.

    Parameters
    ----------
    data : bytes
    plugin : str
        Pillow's name of the format, such as 'JPEG'.
    optional : bool
        Take a header that Pillow cannot read as one without metadata.

    Raises
    ------
    ImageRejected
        `UNREADABLE` where Pillow finds no valid header, unless that is `optional`.
    """
    try:
        with Image.open(BytesIO(data), formats=(plugin,)) as image:
            return metadata_of(image)
    except Exception:
        if optional:
            return Metadata()
        raise ImageRejected(
            RejectReason.UNREADABLE,
            f"The header of the {plugin} file is damaged or too large.",
            hint="Copy or export the file again.",
        ) from None
