"""Synthetic patients, some with several cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.phantoms.skin.healthy_skin import SKIN_TYPES, draw_melanin

BLOCK = 10
"""Cases come in blocks of this many; no patient's cases lie in two blocks."""

_CASES_PER_PATIENT = (0.6, 0.28, 0.12)
_SKIN_TYPE_SHARES = (0.12, 0.22, 0.24, 0.18, 0.14, 0.10)
_UNKNOWN_SKIN_TYPE = 0.07
_PATIENT_STREAM = 1


@dataclass(frozen=True)
class Patient:
    """One patient.

    Parameters
    ----------
    patient_id : str
        Derived from the patient's first case.
    age : int
        Years.
    sex : str
        'female' or 'male'.
    skin_type : int
        True skin type, 1 to 6.
    skin_type_recorded : bool
        Whether the chart knows the skin type.
    melanin, blood : float
        Mean absorbances of the healthy skin.
    freckles : float
        Strength of freckles, 0 for none.
    hairiness : float
        Mean number of hairs in a picture.
    """

    patient_id: str
    age: int
    sex: str
    skin_type: int
    skin_type_recorded: bool
    melanin: float
    blood: float
    freckles: float
    hairiness: float


def patient_of(seed: int, index: int) -> Patient:
    """Return the patient to whom case `index` of `seed` belongs."""
    block = index // BLOCK
    rng = np.random.default_rng(np.random.SeedSequence([seed, block, _PATIENT_STREAM]))
    sizes = rng.choice(3, size=BLOCK, p=_CASES_PER_PATIENT) + 1
    firsts = np.concatenate([[0], np.cumsum(sizes)])
    first = block * BLOCK + int(firsts[firsts <= index % BLOCK].max())
    return _draw(seed, first)


def _draw(seed: int, first: int) -> Patient:
    rng = np.random.default_rng(np.random.SeedSequence([seed, first, _PATIENT_STREAM + 1]))
    skin_type = int(rng.choice(SKIN_TYPES, p=_SKIN_TYPE_SHARES))
    freckled = rng.uniform() < (0.3 if skin_type <= 3 else 0.08)
    return Patient(
        patient_id=f"phantom-patient-{first:06d}",
        age=int(np.clip(rng.normal(52, 19), 18, 95)),
        sex=str(rng.choice(["female", "male"])),
        skin_type=skin_type,
        skin_type_recorded=bool(rng.uniform() >= _UNKNOWN_SKIN_TYPE),
        melanin=draw_melanin(rng, skin_type),
        blood=float(rng.uniform(0.14, 0.38)),
        freckles=float(rng.uniform(0.2, 0.8)) if freckled else 0.0,
        hairiness=float(rng.exponential(7)) if rng.uniform() < 0.6 else 0.0,
    )
