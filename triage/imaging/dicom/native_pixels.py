"""Uncompressed DICOM pixel data (PS3.5 8.1, 8.2), one frame at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom.image_pixel import ImagePixel

_SUBSAMPLED = "YBR_FULL_422"
_BLOCK = 4096


@dataclass(frozen=True)
class NativePixels:
    """Uncompressed pixel data.

    Parameters
    ----------
    data : memoryview
        The value of the element.
    pixel : ImagePixel
        How it is stored.
    big_endian : bool
    words : bool
        Whether the element's VR is OW: then big-endian data are swapped in units of 16 bits even
        where a sample has 8 or 1 (PS3.5 annex A.3).

    Raises
    ------
    ImageRejected
        `TRUNCATED` for less data than announced, `INCONSISTENT` for a row, column or frame more
        that is not a block's padding of zeros, `UNREADABLE` if nothing states how colours are
        ordered, `UNSUPPORTED_ENCODING` for subsampled rows of odd length.
    """

    data: memoryview
    pixel: ImagePixel
    big_endian: bool = False
    words: bool = False

    def __post_init__(self) -> None:
        pixel = self.pixel
        if pixel.samples == 3 and pixel.planes is None and not self.subsampled:
            raise ImageRejected(
                RejectReason.UNREADABLE,
                "The DICOM header gives no usable PlanarConfiguration.",
                hint="Export the picture again.",
            )
        if len(self.data) < self._bytes:
            raise ImageRejected(
                RejectReason.TRUNCATED,
                "There is less pixel data than the header announces.",
                hint="Copy or export the file again.",
            )
        line = min(pixel.rows, pixel.columns) * pixel.samples * pixel.allocated // 8
        surplus = len(self.data) - self._bytes
        # Some programs fill up to a block with zeros.
        padding = surplus <= min(_BLOCK, self._bytes // pixel.frames - 1) and not any(
            self.data[self._bytes :]
        )
        if surplus >= max(2, line) and not padding:
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                "There is more pixel data than the header announces.",
                hint="Export the picture again.",
            )
        if self.subsampled and pixel.columns % 2:
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "Colours of half the resolution need an even number of columns.",
                hint="Export the picture as RGB.",
            )

    @property
    def subsampled(self) -> bool:
        """Whether two pixels of a row share their colour.

        A header that was not updated when colours were brought to full resolution is detected
        by the length of the data, which is 1.5 times as large.
        """
        pixel = self.pixel
        whole = pixel.frames * pixel.rows * pixel.columns * 3
        return pixel.photometric == _SUBSAMPLED and not 0 <= len(self.data) - whole <= 1

    @property
    def _bytes(self) -> int:
        pixel = self.pixel
        if pixel.photometric == _SUBSAMPLED and not self.subsampled:
            return pixel.frames * pixel.rows * pixel.columns * 3
        return pixel.native_bytes

    def frame(self, index: int) -> NDArray[np.integer]:
        """Read one frame.

        Returns
        -------
        uint8, uint16 or uint32 array [H, W] or [H, W, 3]
            Cells as they are in the file, with all allocated bits; subsampled colours repeated.
        """
        pixel = self.pixel
        shape = (pixel.rows, pixel.columns)
        if pixel.allocated == 1:
            return self._bits(index).reshape(shape)
        size = self._bytes // pixel.frames
        samples = self._samples(index * size, size)
        if self.subsampled:
            return _repeated(samples).reshape(*shape, 3)
        if pixel.samples == 1:
            return samples.reshape(shape)
        if pixel.planes and pixel.photometric != _SUBSAMPLED:
            return np.moveaxis(samples.reshape(3, *shape), 0, 2)
        return samples.reshape(*shape, 3)

    def _samples(self, start: int, size: int) -> NDArray[np.integer]:
        itemsize = self.pixel.allocated // 8
        if itemsize == 1:
            return self._octets(start, start + size)
        order = ">" if self.big_endian else "<"
        samples = np.frombuffer(self.data[start : start + size], f"{order}u{itemsize}")
        return samples.astype(samples.dtype.newbyteorder("="), copy=False)

    def _octets(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return bytes in the order of little-endian data."""
        if not (self.big_endian and self.words):
            return np.frombuffer(self.data[start:stop], np.uint8)
        first = start // 2 * 2
        # an odd last byte has its partner behind it, which may be missing
        pairs = np.frombuffer(bytes(self.data[first : stop + stop % 2]).ljust(2, b"\0"), np.uint8)
        swapped = np.append(pairs, np.uint8(0)) if len(pairs) % 2 else pairs
        return np.ascontiguousarray(swapped.view(np.uint16).byteswap().view(np.uint8))[
            start - first : stop - first
        ]

    def _bits(self, index: int) -> NDArray[np.uint8]:
        """Unpack a frame of single bits, which need not begin with a byte (PS3.5 8.1.1)."""
        count = self.pixel.rows * self.pixel.columns
        first, last = index * count, (index + 1) * count
        octets = self._octets(first // 8, (last + 7) // 8)
        return np.unpackbits(octets, bitorder="little")[first % 8 : first % 8 + count]


def _repeated(samples: NDArray[np.integer]) -> NDArray[np.integer]:
    """Expand Y1 Y2 Cb Cr (PS3.3 C.7.6.3.1.2) to two pixels."""
    pairs = samples.reshape(-1, 4)
    full = np.empty((len(pairs), 2, 3), samples.dtype)
    full[:, 0, 0], full[:, 1, 0] = pairs[:, 0], pairs[:, 1]
    full[..., 1:] = pairs[:, None, 2:]
    return full
