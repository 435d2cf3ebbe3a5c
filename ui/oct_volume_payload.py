"""An OCT volume for the viewer: B-scans, en-face projection, localizer; no output of the AI."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.measurements.en_face import projection
from triage.measurements.localizer import begins_above
from triage.measurements.signal import GradingLimits, bscan_signal
from triage.oct_imaging import Localizer, OctVolume
from ui.payload import Payload

_QUALITY = 90
_LARGEST = 1024  # pixels on the longer side of a B-scan as sent
_ASPECTS = (0.25, 4.0)  # of a map on the page, height to width

EYES = {"R": "Right eye (R)", "L": "Left eye (L)", None: "Eye unknown"}


def describe_volume(volume: OctVolume, payload: Payload) -> dict[str, Any]:
    """Add a volume's pictures to a payload and return the header that describes them.

    Parameters
    ----------
    volume : OctVolume
    payload : Payload
        To which JPEGs of the B-scans, the en-face projection and the localizer are added.
    """
    count, height, width = volume.bscans.shape
    spacing = volume.spacing.complete
    signal = bscan_signal(volume.bscans)
    return {
        "eye": EYES[volume.laterality],
        "facts": _facts(volume),
        "warnings": [flag.sentence for flag in volume.flags],
        "bscans": {
            "pictures": [payload.add(jpeg(_fitted(bscan))) for bscan in volume.bscans],
            "width": width,
            "height": height,
            # mm between rows and between columns.
            "spacing": spacing and [spacing[1], spacing[2]],
            # Height to width of a B-scan in tissue; None without a scale.
            "proportion": spacing and height * spacing[1] / (width * spacing[2]),
        },
        "enface": {
            "picture": payload.add(jpeg(Image.fromarray(en_face(volume.bscans)))),
            "aspect": spacing and _aspect(count * spacing[0] / (width * spacing[2])),
            "upwards": not begins_above(volume),
            "sides": _sides(volume),
        },
        "localizer": volume.localizer and _localizer(volume.localizer, payload),
        "signal": [round(float(value), 3) for value in signal],
        "weak": (signal < GradingLimits().signal).tolist(),
    }


def en_face(bscans: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean over depth with equalized B-scans, stretched between percentiles 1 and 99; uint8 [S, W].

    B-scans are averages of different numbers of frames and so differ in brightness. Each is scaled
    by up to a factor of two, so that vessels and fovea become visible. The quality of each B-scan
    is shown by the strip of signal values.
    """
    means = projection(bscans).astype(np.float32)
    levels = np.maximum(np.median(means, axis=1, keepdims=True), 1)
    means *= np.clip(np.median(levels) / levels, 0.5, 2)
    low, high = np.percentile(means, (1, 99))
    stretched = (means - low) / max(float(high - low), 1e-6)
    return np.asarray(np.clip(stretched, 0, 1) * 255, dtype=np.uint8)


def jpeg(image: Image.Image) -> bytes:
    """Return a grey picture as JPEG without metadata."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def _fitted(bscan: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(bscan)
    image.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    return image


def _aspect(height_to_width: float) -> float:
    return min(max(height_to_width, _ASPECTS[0]), _ASPECTS[1])


def _facts(volume: OctVolume) -> list[str]:
    count, height, width = volume.bscans.shape
    facts = [f"{count} B-scan{'s' if count > 1 else ''} of {width} by {height} pixels"]
    if spacing := volume.spacing.complete:
        facts.append(f"{width * spacing[2]:.1f} by {count * spacing[0]:.1f} mm")
    if volume.fixation:
        facts.append(f"fixation: {volume.fixation}")
    return [*facts, f"device: {volume.device}"]


def _sides(volume: OctVolume) -> list[str]:
    """Names of the left and right side of the maps.

    Empty unless the eye is known and the B-scans run from left to right.
    """
    lines = volume.localizer.lines if volume.localizer else None
    if volume.laterality is None or lines is None:
        return []
    across = lines[:, 1] - lines[:, 0]
    if not np.all(across[:, 0] > 2 * np.abs(across[:, 1])):
        return []
    # As the examiner sees the fundus, the disc of a right eye is on the right.
    sides = ["temporal", "nasal"]
    return sides if volume.laterality == "R" else sides[::-1]


def _localizer(localizer: Localizer, payload: Payload) -> dict[str, Any]:
    height, width = localizer.pixels.shape
    image = _fitted(localizer.pixels)
    lines = None
    if localizer.lines is not None:
        shares = localizer.lines / np.array([width, height], dtype=np.float32)
        lines = shares.reshape(-1, 4).astype(float).round(5).tolist()
    return {"picture": payload.add(jpeg(image)), "aspect": height / width, "lines": lines}
