"""Statistics of a picture's colour, texture and gradients, which tell what kind it is of.

They are of the whole picture at one small size, without a network, so that they tell a page of
text or a landscape from a photograph of skin however good the network is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 128
"""Side in pixels of the square that a picture is resized to before it is described."""
VERSION = "statistics-1"
"""Changes when a number changes, so that what was kept is computed again."""
NAMES = (
    "lightness mean", "a mean", "b mean",
    "lightness deviation", "a deviation", "b deviation",
    "chroma 10 %", "chroma 90 %", "hue concentration",
    "lightness from centre to border", "chroma from centre to border",
    "equal neighbours", "white", "black", "distinct colours", "entropy",
    "gradient 25 %", "gradient 50 %", "gradient 75 %", "gradient 90 %", "gradient 99 %",
    "gradient of a", "gradient of b", "orientation entropy", "corner share",
    "spectrum slope", "spectrum residual",
    "binary pattern flat", "binary pattern spot", "binary pattern edge",
    "binary pattern corner", "binary pattern mixed",
    "contrast at 1", "homogeneity at 1", "correlation at 1",
    "contrast at 8", "homogeneity at 8", "correlation at 8",
)  # fmt: skip
"""What each number is, in order."""

_BINS = 16
_LEVELS = 32
_SHARE = 1e-3  # least share told apart from none
_Doubles = NDArray[np.float64]


def picture_statistics(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe one picture.

    Parameters
    ----------
    frame : uint8 array [S, S, 3]
        RGB, resized to `SIDE`.

    Returns
    -------
    float32 array [len(NAMES)]
        Finite. Quantities that are ratios by nature (deviations, gradients, contrasts, shares) are
        logarithms, so that distances between pictures are of about the same size everywhere.

    Notes
    -----
    Colours are CIE L*a*b* (D65). Binary patterns are uniform and rotation invariant with 8
    neighbours (Ojala et al. 2002); contrast, homogeneity and correlation are of the grey-level
    co-occurrence matrix over four directions (Haralick et al. 1973), of 32 levels. The slope is
    that of log power over log frequency, averaged over directions (Field 1987).
    """
    from skimage.color import rgb2lab  # late: slow to import

    lab = rgb2lab(frame)
    grey = np.rint(frame @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    found = np.concatenate(
        [
            _colour(lab),
            _levels(frame, grey),
            _gradients(lab),
            _spectrum(lab[..., 0]),
            _binary_patterns(grey),
            _co_occurrence(grey),
        ]
    )
    return found.astype(np.float32)


def _colour(lab: _Doubles) -> _Doubles:
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    coloured = lab[..., 1:].mean(axis=(0, 1))
    inside = np.zeros(chroma.shape, bool)
    quarter = len(chroma) // 4
    inside[quarter:-quarter, quarter:-quarter] = True
    return np.array(
        [
            *(lab.mean(axis=(0, 1)) / 10),
            *np.log1p(lab.std(axis=(0, 1))),
            *np.log1p(np.quantile(chroma, [0.1, 0.9])),
            np.hypot(*coloured) / (chroma.mean() + 1),
            *((part[inside].mean() - part[~inside].mean()) / 10 for part in (lab[..., 0], chroma)),
        ]
    )


def _levels(frame: NDArray[np.uint8], grey: NDArray[np.uint8]) -> _Doubles:
    from skimage.measure import shannon_entropy

    equal = np.mean(
        [(np.diff(frame.astype(np.int16), axis=axis) == 0).all(axis=2).mean() for axis in (0, 1)]
    )
    codes = (frame >> 3).astype(np.int64) @ np.array([1, 32, 1024])
    return np.array(
        [
            _log_share(float(equal)),
            _log_share(float((grey >= 250).mean())),
            _log_share(float((grey <= 5).mean())),
            np.log(len(np.unique(codes))),
            shannon_entropy(grey),
        ]
    )


def _gradients(lab: _Doubles) -> _Doubles:
    from skimage.filters import scharr_h, scharr_v

    down, across = scharr_h(lab[..., 0]), scharr_v(lab[..., 0])
    size = np.hypot(down, across)
    angle = np.arctan2(down, across) % np.pi
    shares, _ = np.histogram(angle, _BINS, (0, np.pi), weights=size)
    shares = (shares + 1e-3) / (shares + 1e-3).sum()
    steep = size > 3 * np.median(size) + 1
    tints = [np.median(np.hypot(scharr_h(lab[..., n]), scharr_v(lab[..., n]))) for n in (1, 2)]
    return np.array(
        [
            *np.log(np.quantile(size, [0.25, 0.5, 0.75, 0.9, 0.99]) + 0.1),
            *np.log(np.array(tints) + 0.05),
            np.log(1.02 + (shares * np.log(shares)).sum() / np.log(_BINS)),
            _log_share(float(steep.mean())),
        ]
    )


def _spectrum(lightness: _Doubles) -> _Doubles:
    side = len(lightness)
    window = np.hanning(side)
    tapered = (lightness - lightness.mean()) * np.outer(window, window)
    power = np.abs(np.fft.rfft2(tapered)) ** 2
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) * side
    ring = np.rint(radius).astype(np.int64)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    x = np.log(np.arange(2, side // 2))
    y = np.log(mean[2 : side // 2] + 1)
    slope, start = np.polyfit(x, y, 1)
    return np.array([slope, np.log(np.std(y - slope * x - start) + 0.05)])


def _binary_patterns(grey: NDArray[np.uint8]) -> _Doubles:
    from skimage.feature import local_binary_pattern

    codes = local_binary_pattern(grey, 8, 1.0, "uniform").astype(np.int64)
    share = np.bincount(codes.ravel(), minlength=10) / codes.size
    parts = [share[8], share[0], share[3:6].sum(), share[[1, 2, 6, 7]].sum(), share[9]]
    return np.array([_log_share(float(part)) for part in parts])


def _co_occurrence(grey: NDArray[np.uint8]) -> _Doubles:
    from skimage.feature import graycomatrix, graycoprops

    angles = np.arange(4) * np.pi / 4
    matrix = graycomatrix(
        grey // (256 // _LEVELS), [1, 8], angles, _LEVELS, symmetric=True, normed=True
    )
    contrast, homogeneity, correlation = (
        graycoprops(matrix, name).mean(axis=1)
        for name in ("contrast", "homogeneity", "correlation")
    )
    columns = [np.log(contrast + 0.01), homogeneity * 5, np.log(1.02 - correlation)]
    return np.stack(columns, axis=1).ravel()


def _log_share(share: float) -> float:
    return float(np.log(share + _SHARE))
