"""ICC profiles of colours that HEIF, AVIF and PNG state by code points (ITU-T H.273)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# H.273 table 2: x and y of red, green, blue and white.
_D65 = (0.3127, 0.3290)
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),  # BT.709, sRGB
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),  # BT.470 M
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),  # BT.470 B, G
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),  # BT.601, 525 lines
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
}
_UNSPECIFIED = 2
# H.273 table 3. Pictures that name a television curve are shown as sRGB everywhere: the curve of
# BT.709 describes the camera, and screens invert another.
_AS_SRGB = frozenset({1, 6, 13, 14, 15, _UNSPECIFIED})
_GAMMA = {4: 2.2, 5: 2.8, 8: 1.0}
# ICC.1:2022 annex E: Bradford cone responses; 7.2.16: the white of the connection space.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50 = np.array([0.9642, 1.0, 0.8249])
# IEC 61966-2-1 as parameters g, a, b, c, d of ICC.1:2022 10.18, function type 3.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def coded_profile(coding: Sequence[int] | None) -> bytes | None:
    """Build the ICC profile of colours given by code points.

    Parameters
    ----------
    coding : sequence of int or None
        Colour primaries and transfer function by H.273; what follows (matrix, range) is left to
        the decoder.

    Returns
    -------
    bytes or None
        None for sRGB and unspecified colours; b'', which is no usable profile, for curves of high
        dynamic range and code points unknown.
    """
    if coding is None:
        return None
    primaries, transfer = coding[0], coding[1]
    if primaries == _UNSPECIFIED:
        primaries = 1
    if primaries == 1 and transfer in _AS_SRGB:
        return None
    if primaries not in _PRIMARIES or (transfer not in _AS_SRGB and transfer not in _GAMMA):
        return b""
    if transfer in _AS_SRGB:
        curve = _parametric(3, _SRGB_CURVE)
    else:
        curve = _parametric(0, (_GAMMA[transfer],))
    columns = _matrix(*_PRIMARIES[primaries]).T
    tags = [(b"wtpt", _xyz(_D50))]
    for name, column in zip(b"rgb", columns, strict=True):
        tags += [(bytes([name]) + b"XYZ", _xyz(column)), (bytes([name]) + b"TRC", curve)]
    return _profile(tags)


def _matrix(*chromaticities: tuple[float, float]) -> NDArray[np.float64]:
    """Matrix from linear RGB to XYZ relative to D50 (SMPTE RP 177, then Bradford adaptation)."""
    *columns, white = [np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in chromaticities]
    primaries = np.stack(columns, axis=1)
    scaled = primaries * np.linalg.solve(primaries, white)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    return np.linalg.solve(_BRADFORD, gains[:, None] * (_BRADFORD @ scaled))


def _fixed(values: Sequence[float] | NDArray[np.float64]) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _parametric(function: int, parameters: Sequence[float]) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", function, 0) + _fixed(parameters)


def _profile(tags: list[tuple[bytes, bytes]]) -> bytes:
    """Assemble an ICC profile of a display (ICC.1:2022 7.2, 7.3)."""
    start = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags:
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x", start + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp"
    )
    return (header + _fixed(_D50)).ljust(128, b"\0") + table + body
