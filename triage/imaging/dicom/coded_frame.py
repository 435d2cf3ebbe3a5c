"""Decoder output for one DICOM frame, and the stored values computed from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.imaging.dicom.image_pixel import GREY, ImagePixel

_Words = NDArray[np.integer]


@dataclass(frozen=True)
class CodedFrame:
    """A decoded frame.

    Parameters
    ----------
    words : integer array [H, W] or [H, W, 3]
    precision : int
        Bits of a word that the codestream codes; of native pixels those allocated.
    whole_cells : bool
        Whether a word is what was in the allocated bits, exactly: then bits beside the stored ones
        may be set and mean something else.
    fixed_precision : bool
        Whether the coding has one precision for all data, as the discrete cosine transform has 8
        or 12 bits, so that the header can only state how much of it is in use.
    rgb : bool
        Whether the decoder has already converted colours to RGB.
    """

    words: _Words
    precision: int
    whole_cells: bool = False
    fixed_precision: bool = False
    rgb: bool = False


@dataclass(frozen=True)
class StoredFrame:
    """The stored values of a frame.

    Parameters
    ----------
    values : integer array [H, W] or [H, W, 3]
        Right-aligned. Of lossy coding some may lie beyond the range of `bits`.
    photometric : str
        Photometric interpretation of the values.
    bits : int
        Stored bits.
    signed : bool
        Whether values are two's complement.
    """

    values: _Words
    photometric: str
    bits: int
    signed: bool


def stored_frame(coded: CodedFrame, pixel: ImagePixel) -> StoredFrame:
    """Extract the stored values from the words of a frame.

    The value is (word >> (HighBit + 1 - BitsStored)) & (2 ** BitsStored - 1) (PS3.5 8.1.1). A
    codestream of fewer bits than HighBit states codes the values without the other bits.

    Parameters
    ----------
    coded : CodedFrame
    pixel : ImagePixel
    """
    photometric = "RGB" if coded.rgb else pixel.photometric
    signed = pixel.signed and photometric in GREY
    words, precision = coded.words, coded.precision
    # A header whose samples are narrower than those of the codestream describes other pixels.
    fits = pixel.stored > 0 and (pixel.allocated == 0 or pixel.allocated >= precision)
    bits = pixel.stored if fits else precision
    if coded.fixed_precision:
        bits = min(bits, precision)
    shift = 0
    if bits <= pixel.high < precision and not coded.fixed_precision:
        shift = pixel.high + 1 - bits
    if coded.whole_cells:
        words = words >> shift if shift else words
        if bits < precision:
            words = words & words.dtype.type(2**bits - 1)
        shift = 0
    # Two's complement of the coded bits, whether or not the codestream knew of signs.
    coded_bits = min(bits, precision) if coded.whole_cells or coded.fixed_precision else precision
    if signed:
        words = _as_signed(words, coded_bits)
    elif words.dtype.kind == "i":
        words = _as_unsigned(words, precision)
    return StoredFrame(words >> shift if shift else words, photometric, bits, signed)


def _as_signed(words: _Words, bits: int) -> _Words:
    """Interpret the lowest bits of words as two's complement."""
    width = 8 * words.dtype.itemsize
    if words.dtype.kind == "i":
        return words
    signed: _Words = words.view(words.dtype.str.replace("u", "i"))
    return signed if bits >= width else (signed << (width - bits)) >> (width - bits)


def _as_unsigned(words: _Words, bits: int) -> _Words:
    """Interpret the lowest bits of signed words as unsigned numbers."""
    unsigned: _Words = words.view(words.dtype.str.replace("i", "u"))
    return unsigned & unsigned.dtype.type(2**bits - 1)
