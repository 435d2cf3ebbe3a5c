"""The Image Pixel module (PS3.3 C.7.6.3) of a DICOM object, checked."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from triage.errors import ImageRejected, RejectReason

GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
LUMA_CHROMA = frozenset({"YBR_FULL", "YBR_FULL_422"})
PALETTE = "PALETTE COLOR"
_SAMPLES = {
    **dict.fromkeys(GREY | {PALETTE}, 1),
    **dict.fromkeys(LUMA_CHROMA | {"RGB", "YBR_ICT", "YBR_RCT"}, 3),
}


@dataclass(frozen=True)
class ImagePixel:
    """How pixels are stored.

    Parameters
    ----------
    frames, rows, columns : int
        Geometry.
    samples : int
        Samples per pixel, 1 or 3.
    photometric : str
        Photometric interpretation.
    allocated, stored : int
        Bits of a sample in the file, and those of them in use; 0 where the pixels are compressed
        and the header does not state it; then the codestream does.
    high : int
        Most significant of the bits in use.
    signed : bool
        Two's complement.
    planes : bool or None
        Whether each channel is a plane of its own; None if the header does not state it. It means
        nothing for compressed pixels.
    compressed : bool
        Whether a codestream states how samples are stored.

    Raises
    ------
    ImageRejected
        With `RejectReason.UNSUPPORTED_ENCODING`, if the values do not go together.
    """

    frames: int
    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    high: int
    signed: bool
    planes: bool | None = None
    compressed: bool = False

    def __post_init__(self) -> None:
        if self.photometric not in _SAMPLES:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "The DICOM file's colour space is not supported.",
                hint="Export the picture as RGB or greyscale.",
            )
        plausible = self.samples == _SAMPLES[self.photometric] and not (
            self.photometric == PALETTE and self.stored > 16
        )
        if not self.compressed:
            plausible = (
                plausible
                and self.allocated in (1, 8, 16, 32)
                and 1 <= self.stored <= self.allocated
                and not (self.signed and self.photometric not in GREY)
                and not (self.photometric in LUMA_CHROMA and self.allocated != 8)
            )
        if not plausible:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "The DICOM file's samples are of no known kind.",
                hint="Export the picture with 8 or 16 bits a sample.",
            )

    @classmethod
    def of(cls, dataset: Dataset) -> ImagePixel:
        """Read the module.

        Raises
        ------
        ImageRejected
            `UNREADABLE` if a value is missing or not a number,
            `UNSUPPORTED_ENCODING` if the values do not go together.
        """
        frames, rows, columns = geometry(dataset)
        compressed = dataset.file_meta.TransferSyntaxUID.is_encapsulated
        if compressed:
            allocated = max(0, _optional(dataset, "BitsAllocated"))
            stored = _optional(dataset, "BitsStored")
            stored = stored if 1 <= stored <= (allocated or 32) else 0
        else:
            allocated = _integer(dataset, "BitsAllocated")
            stored = _integer(dataset, "BitsStored")
        signed = _optional if compressed else _integer
        high = _optional(dataset, "HighBit")
        # One that is impossible, or that cannot hold the stored bits, is ignored as dcmtk does.
        possible = stored - 1 <= high < (allocated or 32)
        return cls(
            frames=frames,
            rows=rows,
            columns=columns,
            samples=_integer(dataset, "SamplesPerPixel"),
            photometric=str(dataset.get("PhotometricInterpretation")).strip(),
            allocated=allocated,
            stored=stored,
            high=high if possible else stored - 1,
            signed=signed(dataset, "PixelRepresentation") > 0,
            planes={0: False, 1: True}.get(_optional(dataset, "PlanarConfiguration")),
            compressed=compressed,
        )

    @property
    def native_bytes(self) -> int:
        """Bytes of all frames when not compressed."""
        bits = self.frames * self.rows * self.columns * self.samples * self.allocated
        if self.photometric == "YBR_FULL_422":
            bits = bits * 2 // 3
        return (bits + 7) // 8


def geometry(dataset: Dataset) -> tuple[int, int, int]:
    """Return frames, rows and columns; NumberOfFrames missing, empty or 0 means one frame.

    Raises
    ------
    ImageRejected
        With `RejectReason.UNREADABLE`, if one is missing or not a number.
    """
    given = dataset.get("NumberOfFrames")
    frames = _integer(dataset, "NumberOfFrames") if given not in (None, "") else 0
    return frames or 1, _integer(dataset, "Rows"), _integer(dataset, "Columns")


def require_integer_pixels(dataset: Dataset, content: str) -> None:
    """Check that a DICOM object holds pixel data of whole numbers.

    Parameters
    ----------
    dataset : Dataset
    content : str
        Expected content of the object, for messages, such as 'picture'.

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING` for real numbers, `NO_PIXELS` without pixel data.
    """
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The pixels are real numbers, not whole numbers.",
            hint=f"Export the {content} with 8 or 16 bits a sample.",
        )
    if not dataset.get("PixelData"):
        raise ImageRejected(
            RejectReason.NO_PIXELS,
            "The DICOM object holds no pixels.",
            hint=f"Give the object that holds the {content}.",
        )


def _integer(dataset: Dataset, keyword: str) -> int:
    value = dataset.get(keyword)
    if not isinstance(value, int):
        raise ImageRejected(
            RejectReason.UNREADABLE,
            f"The DICOM header gives no usable {keyword}.",
            hint="Export the picture again.",
        )
    return int(value)


def _optional(dataset: Dataset, keyword: str) -> int:
    """Return a number, -1 where there is none."""
    value = dataset.get(keyword)
    return int(value) if isinstance(value, int) else -1
