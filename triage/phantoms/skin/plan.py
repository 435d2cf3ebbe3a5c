"""Plan of a case: every number behind its pictures, drawn before any pixel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from triage.phantoms.skin.camera import DEVICES, Device, Exposure
from triage.phantoms.skin.conditions import CONDITIONS, PhantomCondition
from triage.phantoms.skin.lighting import Light
from triage.phantoms.skin.parameters import LesionParameters
from triage.phantoms.skin.patients import Patient, patient_of

SITES = ("head and neck", "trunk", "upper limb", "lower limb", "hand or foot")
"""Body sites."""
_SITE_SHARES = (0.24, 0.32, 0.18, 0.18, 0.08)
_VIEW_SHARES = (0.45, 0.35, 0.20)
_RULER_SHARE = 0.12


@dataclass(frozen=True)
class View:
    """How one picture of a case was taken.

    Parameters
    ----------
    rotation : float
        Radians.
    zoom : float
        Magnification.
    shift_x, shift_y : float
        Place of the lesion's centre in image widths from the picture's centre.
    hairs : int
        Number of hairs.
    ruler : bool
        Whether a ruler lies on the skin.
    light : Light
    exposure : Exposure
    """

    rotation: float
    zoom: float
    shift_x: float
    shift_y: float
    hairs: int
    ruler: bool
    light: Light
    exposure: Exposure


@dataclass(frozen=True)
class CasePlan:
    """All parameters of a case, without its pixels.

    Parameters
    ----------
    seed, index : int
        The case's name in the endless series of a seed.
    patient : Patient
    condition : PhantomCondition
    lesion : LesionParameters
    site : str
    device : Device
    views : tuple of View
        One per picture, one to three.
    """

    seed: int
    index: int
    patient: Patient
    condition: PhantomCondition
    lesion: LesionParameters
    site: str
    device: Device
    views: tuple[View, ...]

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return f"phantom-{self.index:06d}"

    def stream(self, number: int) -> np.random.Generator:
        """Return the case's random stream of that number; streams are independent."""
        return _stream(self.seed, self.index, number)

    def truth(self) -> dict[str, Any]:
        """Return all drawn numbers as plain JSON types."""
        return {
            "seed": self.seed,
            "index": self.index,
            "condition": self.condition.name,
            "lesion": asdict(self.lesion),
            "patient": asdict(self.patient),
            "device": self.device.name,
            "views": [asdict(view) for view in self.views],
        }


def plan_case(seed: int, index: int, rare_fraction: float) -> CasePlan:
    """Draw the plan of case `index` of `seed`; it depends on no other case.

    Parameters
    ----------
    seed, index : int
        Not negative.
    rare_fraction : float
        Probability that the condition is a rare one, 0 to 1.
    """
    rng = _stream(seed, index, 0)
    patient = patient_of(seed, index)
    rare = rng.uniform() < rare_fraction
    candidates = [condition for condition in CONDITIONS if condition.rare == rare]
    weights = np.array([condition.weight for condition in candidates])
    condition = candidates[rng.choice(len(candidates), p=weights / weights.sum())]
    lesion = condition.draw(rng)
    device = DEVICES[rng.choice(len(DEVICES), p=[device.share for device in DEVICES])]
    site = SITES[rng.choice(len(SITES), p=_SITE_SHARES)]
    count = 1 + int(rng.choice(3, p=_VIEW_SHARES))
    views = tuple(_draw_view(rng, patient, device) for _ in range(count))
    return CasePlan(seed, index, patient, condition, lesion, site, device, views)


def _draw_view(rng: np.random.Generator, patient: Patient, device: Device) -> View:
    return View(
        rotation=float(rng.uniform(0, 2 * np.pi)),
        zoom=float(device.zoom * rng.uniform(0.8, 1.2)),
        shift_x=float(np.clip(rng.normal(0, 0.05), -0.12, 0.12)),
        shift_y=float(np.clip(rng.normal(0, 0.05), -0.12, 0.12)),
        hairs=int(min(rng.poisson(patient.hairiness), 40)),
        ruler=bool(rng.uniform() < _RULER_SHARE),
        light=Light.draw(rng),
        exposure=Exposure.draw(rng, device),
    )


def _stream(seed: int, index: int, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, index], spawn_key=(number,)))
