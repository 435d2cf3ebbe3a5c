"""Table of phantom conditions: appearances as ranges of parameters.

A name describes what is drawn; it is not a diagnosis. Ranges overlap on purpose, so that no
classifier can be perfect. Risk and urgency are defaults of this project, chosen by similarity to
real appearances; they have no clinical source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from triage.phantoms.skin.parameters import PARAMETER_NAMES, LesionParameters
from triage.vocabulary.clinical import Risk, Urgency

Range = tuple[float, float]


@dataclass(frozen=True)
class PhantomCondition:
    """One row of the table.

    Parameters
    ----------
    name : str
        Unique name.
    description : str
        Description of the picture, in a sentence.
    risk : Risk
    urgency : Urgency
    rare : bool
        Whether it belongs to the long tail, from which outliers are taken.
    weight : float
        Relative frequency among the conditions that are equally rare or not; positive.
    ranges : mapping of str to (float, float)
        Lowest and highest value of each parameter that differs from its default.

    Raises
    ------
    ValueError
        If a parameter is unknown, a range is upside down or the weight is not positive.
    """

    name: str
    description: str
    risk: Risk
    urgency: Urgency
    rare: bool
    weight: float
    ranges: Mapping[str, Range]

    def __post_init__(self) -> None:
        unknown = set(self.ranges) - set(PARAMETER_NAMES)
        if unknown:
            raise ValueError(f"{self.name}: unknown parameters {sorted(unknown)}")
        if any(low > high for low, high in self.ranges.values()):
            raise ValueError(f"{self.name}: a range runs from high to low")
        if self.weight <= 0:
            raise ValueError(f"{self.name}: the weight must be positive")

    def draw(self, rng: np.random.Generator) -> LesionParameters:
        """Draw one lesion's parameters, uniform within the ranges."""
        drawn = {name: float(rng.uniform(*span)) for name, span in self.ranges.items()}
        return LesionParameters(**drawn)


CONDITIONS: tuple[PhantomCondition, ...] = (
    PhantomCondition(
        name="round brown macule",
        description="A flat, evenly brown, round spot with a clear border.",
        risk=Risk.LOW,
        urgency=Urgency.OBSERVATION,
        rare=False,
        weight=1.5,
        ranges={
            "radius": (0.10, 0.22),
            "elongation": (1.0, 1.35),
            "irregularity": (0.03, 0.13),
            "edge": (0.10, 0.35),
            "melanin": (0.6, 1.7),
            "blood": (0.0, 0.2),
            "mottle": (0.05, 0.3),
            "dome": (0.0, 0.12),
        },
    ),
    PhantomCondition(
        name="irregular dark patch",
        description="A large, unevenly dark patch with a ragged outline and blue-grey parts.",
        risk=Risk.HIGH,
        urgency=Urgency.URGENT,
        rare=False,
        weight=1.0,
        ranges={
            "radius": (0.15, 0.30),
            "elongation": (1.05, 1.7),
            "irregularity": (0.12, 0.32),
            "edge": (0.08, 0.35),
            "melanin": (0.9, 2.3),
            "blood": (0.0, 0.4),
            "blue": (0.0, 0.5),
            "mottle": (0.2, 0.7),
            "dome": (0.0, 0.12),
        },
    ),
    PhantomCondition(
        name="pearly nodule",
        description="A shiny, pale pink dome crossed by fine vessels, sometimes dimpled.",
        risk=Risk.MEDIUM,
        urgency=Urgency.SEMI_URGENT,
        rare=False,
        weight=1.0,
        ranges={
            "radius": (0.10, 0.22),
            "elongation": (1.0, 1.3),
            "irregularity": (0.02, 0.10),
            "edge": (0.15, 0.4),
            "melanin": (0.0, 0.3),
            "blood": (0.1, 0.55),
            "bleach": (0.1, 0.5),
            "mottle": (0.0, 0.3),
            "dome": (0.25, 0.7),
            "gloss": (0.2, 0.8),
            "vessels": (0.1, 0.9),
            "core": (0.0, 0.4),
            "core_crust": (0.0, 0.5),
            "core_depth": (0.0, 0.15),
        },
    ),
    PhantomCondition(
        name="scaly red plaque",
        description="A red plaque under white scale.",
        risk=Risk.LOW,
        urgency=Urgency.ROUTINE,
        rare=False,
        weight=1.3,
        ranges={
            "radius": (0.16, 0.32),
            "elongation": (1.0, 1.6),
            "irregularity": (0.08, 0.25),
            "edge": (0.10, 0.45),
            "ring": (0.0, 0.28),
            "melanin": (0.0, 0.3),
            "blood": (0.35, 1.2),
            "mottle": (0.1, 0.4),
            "scale": (0.15, 0.75),
            "dome": (0.02, 0.12),
            "rough": (0.0, 0.03),
        },
    ),
    PhantomCondition(
        name="pustular cluster",
        description="Several small red bumps, some with a yellow head.",
        risk=Risk.LOW,
        urgency=Urgency.ROUTINE,
        rare=False,
        weight=1.3,
        ranges={
            "radius": (0.18, 0.34),
            "irregularity": (0.05, 0.15),
            "edge": (0.3, 0.7),
            "bodies": (3.0, 10.0),
            "melanin": (0.0, 0.3),
            "blood": (0.35, 1.1),
            "mottle": (0.0, 0.3),
            "dome": (0.05, 0.2),
            "gloss": (0.0, 0.3),
            "clods": (2.0, 9.0),
            "clod_size": (0.07, 0.13),
            "clod_pus": (0.2, 0.9),
            "clod_dome": (0.1, 0.5),
        },
    ),
    PhantomCondition(
        name="warty brown plaque",
        description="A raised, rough brown plaque with a sharp border, as if stuck on.",
        risk=Risk.LOW,
        urgency=Urgency.OBSERVATION,
        rare=False,
        weight=1.2,
        ranges={
            "radius": (0.12, 0.26),
            "elongation": (1.0, 1.6),
            "irregularity": (0.05, 0.18),
            "edge": (0.04, 0.2),
            "melanin": (0.4, 1.6),
            "blood": (0.0, 0.25),
            "mottle": (0.15, 0.5),
            "scale": (0.0, 0.3),
            "dome": (0.05, 0.25),
            "rough": (0.03, 0.10),
            "clods": (0.0, 12.0),
            "clod_size": (0.04, 0.10),
            "clod_melanin": (0.0, 0.9),
        },
    ),
    PhantomCondition(
        name="ring-shaped red patch",
        description="A red ring, slightly scaly, around a clearing centre.",
        risk=Risk.LOW,
        urgency=Urgency.ROUTINE,
        rare=False,
        weight=0.9,
        ranges={
            "radius": (0.18, 0.34),
            "elongation": (1.0, 1.4),
            "irregularity": (0.05, 0.18),
            "edge": (0.12, 0.4),
            "ring": (0.38, 0.95),
            "melanin": (0.0, 0.25),
            "blood": (0.35, 1.1),
            "mottle": (0.05, 0.35),
            "scale": (0.0, 0.28),
            "dome": (0.02, 0.10),
        },
    ),
    PhantomCondition(
        name="crusted ulcer",
        description="A sunken sore under a dark crust within a raised red rim.",
        risk=Risk.HIGH,
        urgency=Urgency.URGENT,
        rare=True,
        weight=1.0,
        ranges={
            "radius": (0.14, 0.28),
            "elongation": (1.0, 1.5),
            "irregularity": (0.08, 0.22),
            "edge": (0.15, 0.4),
            "melanin": (0.0, 0.3),
            "blood": (0.4, 1.1),
            "mottle": (0.1, 0.5),
            "scale": (0.0, 0.4),
            "dome": (0.1, 0.35),
            "rough": (0.0, 0.05),
            "core": (0.4, 0.75),
            "core_crust": (0.6, 1.8),
            "core_depth": (0.1, 0.4),
        },
    ),
    PhantomCondition(
        name="purple vascular nodule",
        description="A smooth dome packed with red to purple clods.",
        risk=Risk.MEDIUM,
        urgency=Urgency.ROUTINE,
        rare=True,
        weight=1.0,
        ranges={
            "radius": (0.10, 0.22),
            "elongation": (1.0, 1.3),
            "irregularity": (0.02, 0.10),
            "edge": (0.06, 0.3),
            "blood": (0.6, 1.5),
            "blue": (0.1, 0.7),
            "mottle": (0.0, 0.3),
            "dome": (0.15, 0.6),
            "gloss": (0.1, 0.6),
            "clods": (4.0, 16.0),
            "clod_size": (0.10, 0.22),
            "clod_blood": (0.3, 1.2),
            "clod_dome": (0.0, 0.3),
        },
    ),
    PhantomCondition(
        name="pale depigmented patch",
        description="A flat patch without pigment, most visible on dark skin.",
        risk=Risk.LOW,
        urgency=Urgency.ROUTINE,
        rare=True,
        weight=1.0,
        ranges={
            "radius": (0.16, 0.34),
            "elongation": (1.0, 1.7),
            "irregularity": (0.12, 0.32),
            "edge": (0.08, 0.35),
            "blood": (-0.34, -0.06),
            "bleach": (0.5, 0.98),
            "mottle": (0.0, 0.3),
            "scale": (0.0, 0.2),
        },
    ),
    PhantomCondition(
        name="blue-grey nodule",
        description="An evenly blue-grey, smooth, round dome.",
        risk=Risk.HIGH,
        urgency=Urgency.URGENT,
        rare=True,
        weight=1.0,
        ranges={
            "radius": (0.09, 0.21),
            "elongation": (1.0, 1.3),
            "irregularity": (0.02, 0.10),
            "edge": (0.10, 0.4),
            "melanin": (0.1, 0.8),
            "blood": (0.0, 0.3),
            "blue": (0.6, 1.8),
            "mottle": (0.0, 0.25),
            "dome": (0.15, 0.55),
            "gloss": (0.1, 0.5),
        },
    ),
    PhantomCondition(
        name="blistering patch",
        description="A red patch bearing clear, tense blisters.",
        risk=Risk.HIGH,
        urgency=Urgency.URGENT,
        rare=True,
        weight=1.0,
        ranges={
            "radius": (0.18, 0.32),
            "elongation": (1.0, 1.5),
            "irregularity": (0.08, 0.22),
            "edge": (0.2, 0.5),
            "blood": (0.3, 0.9),
            "mottle": (0.1, 0.4),
            "dome": (0.0, 0.08),
            "gloss": (0.4, 1.0),
            "clods": (3.0, 9.0),
            "clod_size": (0.16, 0.34),
            "clod_blood": (-0.4, 0.1),
            "clod_pus": (0.05, 0.35),
            "clod_dome": (0.5, 1.0),
        },
    ),
    PhantomCondition(
        name="keratotic crater",
        description="A firm dome whose crater is filled with yellow-white horn.",
        risk=Risk.MEDIUM,
        urgency=Urgency.SEMI_URGENT,
        rare=True,
        weight=1.0,
        ranges={
            "radius": (0.12, 0.23),
            "elongation": (1.0, 1.25),
            "irregularity": (0.03, 0.12),
            "edge": (0.1, 0.3),
            "melanin": (0.0, 0.4),
            "blood": (0.3, 0.9),
            "mottle": (0.05, 0.3),
            "dome": (0.3, 0.8),
            "rough": (0.0, 0.04),
            "gloss": (0.0, 0.4),
            "core": (0.35, 0.6),
            "core_crust": (0.0, 0.5),
            "core_keratin": (0.5, 0.95),
            "core_depth": (0.05, 0.3),
        },
    ),
)
"""Every phantom condition: seven frequent ones, then six rare ones."""
