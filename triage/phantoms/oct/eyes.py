"""Synthetic eyes, some two of one patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

BLOCK = 10
"""Cases come in blocks of this many; no patient's eyes lie in two blocks."""

_BOTH_EYES = 0.3
_PATIENT_STREAM = 1


@dataclass(frozen=True)
class Eye:
    """One eye and whose it is; anatomy differs a little between patients.

    Parameters
    ----------
    patient_id : str
        Derived from the patient's first case.
    laterality : {'R', 'L'}
    age : int
        Years.
    sex : str
        'female' or 'male'.
    thickness : float
        Of the retina, relative to the mean.
    pit : float
        Width of the foveal pit, relative to the mean.
    choroid : float
        Thickness of the choroid in mm.
    curvature : float
        mm by which the eye's wall is deeper at the fovea than 3 mm away.
    """

    patient_id: str
    laterality: Literal["R", "L"]
    age: int
    sex: str
    thickness: float
    pit: float
    choroid: float
    curvature: float


def eye_of(seed: int, index: int) -> Eye:
    """Return the eye of case `index` of `seed`; a patient's second eye is the other one."""
    block = index // BLOCK
    rng = np.random.default_rng(np.random.SeedSequence([seed, block, _PATIENT_STREAM]))
    both = rng.uniform(size=BLOCK) < _BOTH_EYES
    first = position = block * BLOCK
    while position <= index:
        first = position
        position += 2 if both[position % BLOCK] and position % BLOCK < BLOCK - 1 else 1
    return _draw(seed, first, second=index > first)


def _draw(seed: int, first: int, second: bool) -> Eye:
    rng = np.random.default_rng(np.random.SeedSequence([seed, first, _PATIENT_STREAM + 1]))
    right = bool(rng.uniform() < 0.5) != second
    return Eye(
        patient_id=f"oct-patient-{first:06d}",
        laterality="R" if right else "L",
        age=int(np.clip(rng.normal(68, 14), 20, 95)),
        sex=str(rng.choice(["female", "male"])),
        thickness=float(np.clip(rng.normal(1.0, 0.04), 0.9, 1.1)),
        pit=float(rng.uniform(0.85, 1.2)),
        choroid=float(rng.uniform(0.18, 0.34)),
        curvature=float(rng.uniform(0.02, 0.09)),
    )
