"""Tables from stored DICOM values to 8-bit values.

The displayed value depends on the stored value alone, so the whole chain (modality, window,
photometric interpretation) is computed once for each of at most 65,536 values, and a frame is
decoded by a table look-up. Memory stays small for any frame. Of samples with more than 16 bits the
highest 16 are used.

Without a window the full range of the stored bits is displayed, so that a value has the same
brightness in every picture. A 12-bit scan stored in 16 bits then has low contrast; photographs are
not affected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi


def grey_table(dataset: Dataset, bits: int, signed: bool) -> NDArray[np.uint8]:
    """Compute the brightness of a greyscale picture for all its stored values.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Gives the photometric interpretation and, if there is one, the first
        window or VOI LUT with the modality transformation before it.
    bits : int
        Stored bits, 1 to 32. Of more than 16, the table is of the highest 16,
        and windows are not applied: no photograph has them.
    signed : bool
        Whether values are two's complement.

    Returns
    -------
    uint8 array [2 ** min(bits, 16)]
        The first entry belongs to the smallest value; 0 is shown black.

    """
    values = _stored_values(min(bits, 16), signed)
    window = _window_of(dataset) if bits <= 16 else None
    if bits <= 16 and dataset.get("VOILUTSequence"):
        shown = apply_modality_lut(values, dataset)
        lut_bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        scaled = apply_voi(np.rint(shown).astype(np.int64), dataset) / (2.0**lut_bits - 1)
    elif window is not None:
        shown = apply_modality_lut(values, dataset)
        scaled = _window(shown.astype(np.float64), *window)
    else:
        scaled = _full_range(values, dataset, bits)
    scaled = np.clip(scaled, 0, 1)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        scaled = 1 - scaled
    if dataset.get("PresentationLUTShape") == "INVERSE":  # PS3.3 C.11.6
        scaled = 1 - scaled
    return _to_bytes(scaled)


def _full_range(values: NDArray[np.int64], dataset: Dataset, bits: int) -> NDArray[np.float64]:
    """Scale the whole range of stored values to 0 to 1, after the modality transformation.

    A rescaling (PS3.3 C.11.1) changes nothing but the direction; a look-up table is scaled by the
    bits of its entries.
    """
    if bits <= 16 and dataset.get("ModalityLUTSequence"):
        lut_bits = int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])
        return np.asarray(apply_modality_lut(values, dataset) / (2.0**lut_bits - 1))
    scaled = (values - values[0]) / (len(values) - 1)
    slope = dataset.get("RescaleSlope")
    return np.asarray(1 - scaled if slope is not None and float(slope) < 0 else scaled)


def colour_table(bits: int) -> NDArray[np.uint8]:
    """Compute the linear scaling of unsigned colour samples, 1 to 32 bits.

    Returns
    -------
    uint8 array [2 ** min(bits, 16)]
    """
    levels = 2 ** min(bits, 16)
    return _to_bytes(np.arange(levels) / (levels - 1))


def _to_bytes(scaled: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(255 * scaled).astype(np.uint8)


def _stored_values(bits: int, signed: bool) -> NDArray[np.int64]:
    first = -(2 ** (bits - 1)) if signed else 0
    return np.arange(first, first + 2**bits)


def _window_of(dataset: Dataset) -> tuple[float, float, str] | None:
    """Return centre, width and function of the first window; None if there is none.

    One without a width, which PS3.3 C.11.2.1.2 does not allow, is none.
    """
    if None in (dataset.get("WindowCenter"), dataset.get("WindowWidth")):
        return None
    center, width = (_first(dataset[name].value) for name in ("WindowCenter", "WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    smallest = 1.0 if function == "LINEAR" else float(np.finfo(np.float32).tiny)
    usable = np.isfinite(center) and np.isfinite(width) and width >= smallest
    return (center, width, function) if usable else None


def _window(
    values: NDArray[np.float64], center: float, width: float, function: str
) -> NDArray[np.float64]:
    """Apply a window; 0 to 1 (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if function == "SIGMOID":
        exponent = np.clip(-4 * (values - center) / width, -700, 700)
        return 1 / (1 + np.exp(exponent))
    if function == "LINEAR_EXACT":
        return (values - center) / width + 0.5
    if width == 1:
        return np.where(values <= center - 0.5, 0.0, 1.0)
    return (values - (center - 0.5)) / (width - 1) + 0.5


def _first(value: object) -> float:
    """Return a number, or the first of several."""
    return float(np.atleast_1d(np.asarray(value, np.float64))[0])
