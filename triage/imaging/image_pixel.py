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
        Bits of a sample in the file, and those of them in use.
    signed : bool
        Two's complement.

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
    signed: bool

    def __post_init__(self) -> None:
        if self.photometric not in _SAMPLES:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING, "The DICOM file's colour space is not supported."
            )
        plausible = (
            self.samples == _SAMPLES[self.photometric]
            and self.allocated in (1, 8, 16, 32)
            and 1 <= self.stored <= self.allocated
            and not (self.signed and self.photometric not in GREY)
            and not (self.photometric in LUMA_CHROMA and self.allocated != 8)
            and not (self.photometric == PALETTE and self.stored > 16)
        )
        if not plausible:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING, "The DICOM file's samples are of no known kind."
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
        return cls(
            frames=frames,
            rows=rows,
            columns=columns,
            samples=_integer(dataset, "SamplesPerPixel"),
            photometric=str(dataset.get("PhotometricInterpretation")),
            allocated=_integer(dataset, "BitsAllocated"),
            stored=_integer(dataset, "BitsStored"),
            signed=_integer(dataset, "PixelRepresentation") != 0,
        )

    @property
    def native_bytes(self) -> int:
        """Bytes of all frames when not compressed."""
        bits = self.frames * self.rows * self.columns * self.samples * self.allocated
        if self.photometric == "YBR_FULL_422":
            bits = bits * 2 // 3
        return (bits + 7) // 8


def geometry(dataset: Dataset) -> tuple[int, int, int]:
    """Return frames (1 unless given), rows and columns.

    Raises
    ------
    ImageRejected
        With `RejectReason.UNREADABLE`, if one is missing or not a number.
    """
    frames = 1 if dataset.get("NumberOfFrames") is None else _integer(dataset, "NumberOfFrames")
    return frames, _integer(dataset, "Rows"), _integer(dataset, "Columns")


def _integer(dataset: Dataset, keyword: str) -> int:
    value = dataset.get(keyword)
    if not isinstance(value, int):
        raise ImageRejected(RejectReason.UNREADABLE, f"The DICOM header gives no usable {keyword}.")
    return int(value)
