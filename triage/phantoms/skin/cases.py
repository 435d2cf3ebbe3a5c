"""Phantom cases: pictures with their complete ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from triage.errors import UsageError
from triage.phantoms.skin.patients import BLOCK
from triage.phantoms.skin.plan import CasePlan, plan_case
from triage.phantoms.skin.render import Mask, Picture, render_plan

DEFAULT_SIZE = 128
"""Side of a picture in pixels."""
DEFAULT_RARE_FRACTION = 0.25
"""Share of cases with a rare condition."""


@dataclass(frozen=True, eq=False)
class PhantomCase:
    """One case.

    Parameters
    ----------
    case_id, patient_id, condition : str
    skin_type : int or None
        As recorded, 1 to 6; none where the chart does not know it.
    age : int
        Years.
    sex, site, device : str
    images : list of ndarray, uint8 [size, size, 3]
        One to three pictures of the same lesion, RGB.
    masks : list of ndarray, bool [size, size]
        Where the lesion is in each picture.
    truth : dict
        Every drawn number, in plain JSON types.
    """

    case_id: str
    patient_id: str
    condition: str
    skin_type: int | None
    age: int
    sex: str
    site: str
    device: str
    images: list[Picture]
    masks: list[Mask]
    truth: dict[str, Any]


def generate_cases(
    n_cases: int,
    seed: int,
    *,
    size: int = DEFAULT_SIZE,
    rare_fraction: float = DEFAULT_RARE_FRACTION,
    start: int = 0,
) -> Iterator[PhantomCase]:
    """Generate cases `start` to `start + n_cases` of a seed's unlimited series.

    A case depends on the seed, its index, the size and the rare fraction alone: not on
    which cases were made before it.

    Parameters
    ----------
    n_cases : int
    seed : int
        Not negative.
    size : int
        Side in pixels, a multiple of 8, from 32 to 1024.
    rare_fraction : float
        Share of rare conditions, 0 to 1.
    start : int
        Index of the first case, a multiple of `BLOCK` (10): series that share no index
        then share no patient.

    Returns
    -------
    iterator of PhantomCase

    Raises
    ------
    UsageError
        At once, if an argument is out of range.
    """
    plans = plan_cases(n_cases, seed, size=size, rare_fraction=rare_fraction, start=start)
    return (render_case(plan, size=size) for plan in plans)


def plan_cases(
    n_cases: int, seed: int, *, size: int, rare_fraction: float, start: int
) -> Iterator[CasePlan]:
    """Check the arguments of `generate_cases` and draw the plans without the pictures."""
    _check(n_cases >= 1, "n_cases", "must be at least 1.")
    _check(seed >= 0, "seed", "must not be negative.")
    _check(32 <= size <= 1024 and size % 8 == 0, "size", "must be a multiple of 8, 32 to 1024.")
    _check(0 <= rare_fraction <= 1, "rare_fraction", "must be between 0 and 1.")
    _check(
        start >= 0 and start % BLOCK == 0,
        "start",
        f"must be a multiple of {BLOCK} and not negative, so that no patient is cut in two.",
    )
    return (plan_case(seed, index, rare_fraction) for index in range(start, start + n_cases))


def render_case(
    plan: CasePlan, *, size: int = DEFAULT_SIZE, lesion: bool = True, nuisances: bool = True
) -> PhantomCase:
    """Draw the pictures of a planned case; see `triage.phantoms.skin.render.render_plan`."""
    images, masks = render_plan(plan, size, lesion=lesion, nuisances=nuisances)
    patient = plan.patient
    return PhantomCase(
        case_id=plan.case_id,
        patient_id=patient.patient_id,
        condition=plan.condition.name,
        skin_type=patient.skin_type if patient.skin_type_recorded else None,
        age=patient.age,
        sex=patient.sex,
        site=plan.site,
        device=plan.device.name,
        images=images,
        masks=masks,
        truth=plan.truth(),
    )


def _check(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise UsageError(what, where=where)
