"""An OCT volume as pictures for the page: B-scans, en-face, localizer. Nothing of the AI."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.measurements.en_face import projection
from triage.measurements.localizer import superior_first
from triage.measurements.signal import GradingLimits, bscan_signal
from triage.oct_imaging import Localizer, OctVolume
from ui.parcel import Parcel

_QUALITY = 90
_LARGEST = 1024  # pixels on the longer side of a B-scan as sent
_ASPECTS = (0.25, 4.0)  # of a map on the page, height to width

EYES = {"R": "Right eye (R)", "L": "Left eye (L)", None: "Eye unknown"}


def describe_volume(volume: OctVolume, parcel: Parcel) -> dict[str, Any]:
    """Put a volume's pictures into a parcel and return what the viewer needs to know of them.

    Parameters
    ----------
    volume : OctVolume
    parcel : Parcel
        Takes JPEGs of the B-scans, of the en-face projection and of the localizer.
    """
    count, height, width = volume.bscans.shape
    spacing = volume.spacing.complete
    signal = bscan_signal(volume.bscans)
    return {
        "eye": EYES[volume.laterality],
        "facts": _facts(volume),
        "warnings": [flag.sentence for flag in volume.flags],
        "bscans": {
            "pictures": [parcel.add(jpeg(_fitted(bscan))) for bscan in volume.bscans],
            "width": width,
            # Height to width of a B-scan in tissue; None without a scale.
            "proportion": spacing and height * spacing[1] / (width * spacing[2]),
        },
        "enface": {
            "picture": parcel.add(jpeg(Image.fromarray(en_face(volume.bscans)))),
            "aspect": spacing and _aspect(count * spacing[0] / (width * spacing[2])),
            "upwards": not begins_above(volume),
            "sides": _sides(volume),
        },
        "localizer": volume.localizer and _localizer(volume.localizer, parcel),
        "signal": [round(float(value), 3) for value in signal],
        "weak": (signal < GradingLimits().signal).tolist(),
    }


def en_face(bscans: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean over depth, evened and stretched to the middle 98 % of its values; uint8 [S, W].

    B-scans are averaged from differently many frames and so differ in brightness; evened by up
    to a factor of two they show vessels and fovea. How good each is, the signal strip tells.
    """
    means = projection(bscans).astype(np.float32)
    levels = np.maximum(np.median(means, axis=1, keepdims=True), 1)
    means *= np.clip(np.median(levels) / levels, 0.5, 2)
    low, high = np.percentile(means, (1, 99))
    stretched = (means - low) / max(float(high - low), 1e-6)
    return np.asarray(np.clip(stretched, 0, 1) * 255, dtype=np.uint8)


def begins_above(volume: OctVolume) -> bool:
    """Whether the first B-scan is the uppermost, as is taken where nothing says so."""
    lines = volume.localizer.lines if volume.localizer else None
    return lines is None or superior_first(lines) is not False


def jpeg(image: Image.Image) -> bytes:
    """Return a grey picture as JPEG, without anything else."""
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
    """Which side of the maps is nasal; known only with the eye and lines from left to right."""
    lines = volume.localizer.lines if volume.localizer else None
    if volume.laterality is None or lines is None:
        return []
    across = lines[:, 1] - lines[:, 0]
    if not np.all(across[:, 0] > 2 * np.abs(across[:, 1])):
        return []
    # As the examiner sees the fundus, the disc of a right eye is on the right.
    sides = ["temporal", "nasal"]
    return sides if volume.laterality == "R" else sides[::-1]


def _localizer(localizer: Localizer, parcel: Parcel) -> dict[str, Any]:
    height, width = localizer.pixels.shape
    image = _fitted(localizer.pixels)
    lines = None
    if localizer.lines is not None:
        shares = localizer.lines / np.array([width, height], dtype=np.float32)
        lines = shares.reshape(-1, 4).astype(float).round(5).tolist()
    return {"picture": parcel.add(jpeg(image)), "aspect": height / width, "lines": lines}
