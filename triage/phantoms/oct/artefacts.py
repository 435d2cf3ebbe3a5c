"""Parameters of a scan's pose and artefacts; they are rendered by other modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from triage.phantoms.oct.devices import PhantomDevice

Quality = Literal["good", "fair", "ungradable"]

_UNGRADABLE = 0.03
_BLINK, _CLIPPING, _MIRROR, _LOW_SIGNAL, _MOTION = 0.05, 0.05, 0.06, 0.08, 0.08


@dataclass(frozen=True)
class Artefacts:
    """Pose of the eye and faults of the scan.

    Parameters
    ----------
    fovea_x, fovea_y : float
        mm from the middle of the field.
    tilt_x, tilt_y : float
        mm of depth a mm.
    height : float
        Where the retina lies in depth, from as high (0) to as low (1) as fits.
    signal : float
        Strength, 1 for a clear eye.
    motion_z, motion_x : float
        Standard deviation in mm of the shift between B-scans.
    blink : tuple of float
        First and last blinked B-scan, as shares of all; equal for none.
    clipping : float
        mm of the retina's edge cut off at one side of the field; 0 for none, negative for a
        blank wedge that stays clear of the retina.
    clipped_side : int
        -1 or 1.
    mirror : float
        mm by which the highest edge leaves through the top and is folded back; 0 for none.
    vessels : int
        Retinal vessels that cast shadows.
    quality : {'good', 'fair', 'ungradable'}
    """

    fovea_x: float
    fovea_y: float
    tilt_x: float
    tilt_y: float
    height: float
    signal: float
    motion_z: float
    motion_x: float
    blink: tuple[float, float]
    clipping: float
    clipped_side: int
    mirror: float
    vessels: int
    quality: Quality


def draw_artefacts(rng: np.random.Generator, device: PhantomDevice) -> Artefacts:
    """Draw the pose and the faults of one scan on a device."""
    ungradable = bool(rng.uniform() < _UNGRADABLE)
    worst = int(rng.integers(3)) if ungradable else -1
    has = rng.uniform(size=6) < (_BLINK, _CLIPPING, _MIRROR, _LOW_SIGNAL, _MOTION, device.wedges)
    blink_at = float(rng.choice([rng.uniform(0.0, 0.16), rng.uniform(0.76, 0.9)]))
    blink = (blink_at, blink_at + 0.1) if has[0] else (0.0, 0.0)
    cut = float(rng.uniform(0.08, 0.2)) if has[1] else float(-rng.uniform(0.06, 0.14)) * has[5]
    signal = float(rng.uniform(0.45, 0.65)) if has[3] else float(rng.uniform(0.85, 1.0))
    if worst == 0:
        blink = (0.1, float(rng.uniform(0.75, 0.95)))
    elif worst == 1:
        cut = float(rng.uniform(0.9, 1.3))
    elif worst == 2:
        signal = float(rng.uniform(0.12, 0.2))
    mirror = has[2] and cut <= 0 and not ungradable
    faulty = bool(has[:2].any() or has[3:5].any() or mirror)
    tilt = float(rng.uniform(0.05, 0.08) * rng.choice([-1, 1])) if mirror else rng.normal(0, 0.018)
    return Artefacts(
        fovea_x=float(np.clip(rng.normal(0, 0.2), -0.5, 0.5)),
        fovea_y=float(np.clip(rng.normal(0, 0.15), -0.4, 0.4)),
        tilt_x=float(tilt),
        tilt_y=float(rng.normal(0, 0.012)),
        height=float(rng.uniform(0.1, 0.75)),
        signal=signal,
        motion_z=float(rng.uniform(0.02, 0.04)) if has[4] else float(rng.uniform(0.001, 0.006)),
        motion_x=float(rng.uniform(0.04, 0.12)) if has[4] else float(rng.uniform(0.0, 0.02)),
        blink=blink,
        clipping=cut if not mirror else 0.0,
        clipped_side=int(rng.choice([-1, 1])),
        mirror=float(rng.uniform(0.05, 0.12)) if mirror else 0.0,
        vessels=int(rng.integers(5, 10)),
        quality="ungradable" if ungradable else "fair" if faulty else "good",
    )
