"""Detection of raster formats by the first bytes of a file."""

from __future__ import annotations

HEAD_BYTES = 64
"""How many bytes of a file `raster_kind` looks at."""

READERS = {
    "jpeg": ("triage.imaging.raster.jpeg_page", "read_jpeg"),
    "png": ("triage.imaging.raster.png", "read_png"),
    "tiff": ("triage.imaging.raster.tiff", "read_tiff"),
    "webp": ("triage.imaging.raster.webp", "read_webp"),
    "bmp": ("triage.imaging.raster.bmp", "read_bmp"),
    "heif": ("triage.imaging.raster.heif", "read_heif"),
    "avif": ("triage.imaging.raster.heif", "read_avif"),
}
"""Module and function that read the header of each kind; imported when such a file comes."""

_MAGIC = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"II+\x00": "tiff",
    b"MM\x00+": "tiff",
}

# Brands of ISO/IEC 14496-12 files, from ISO/IEC 23008-12 (HEIF) annex B and AVIF section 6.
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_GENERAL_BRANDS = frozenset({b"mif1", b"mif2", b"miaf", b"msf1"})
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # sizes of the header that follows


def raster_kind(head: bytes) -> str | None:
    """Identify the format of a picture that is not a DICOM file.

    Parameters
    ----------
    head : bytes
        At least the first `HEAD_BYTES` bytes of the file, or all of it.

    Returns
    -------
    str or None
        'jpeg', 'png', 'tiff', 'webp', 'bmp', 'heif' or 'avif'; None for anything else.
    """
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    # The size of the second header has zero bytes, which no text has.
    if head[:2] == b"BM" and _number(head[14:18]) in _BMP_HEADERS:
        return "bmp"
    if head[4:8] == b"ftyp":
        return _brand_kind(head)
    return None


def brands(head: bytes) -> list[bytes]:
    """Brands of an ISO file: the major one, then the compatible ones within `head`."""
    end = min(int.from_bytes(head[:4], "big"), len(head), HEAD_BYTES)
    compatible = [head[start : start + 4] for start in range(16, end - 3, 4)]
    return [head[8:12], *compatible]


def _brand_kind(head: bytes) -> str | None:
    major, *compatible = brands(head)
    if major in _AVIF_BRANDS:
        return "avif"
    if major in _HEIF_BRANDS:
        return "heif"
    if major not in _GENERAL_BRANDS:
        return None
    return "avif" if _AVIF_BRANDS.intersection(compatible) else "heif"


def _number(four: bytes) -> int:
    return int.from_bytes(four, "little")
