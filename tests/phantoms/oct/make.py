"""Plans to test with: a chosen phenotype, without faults unless asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from triage.phantoms.oct import PHENOTYPES, OctPhantom, VolumePlan, generate_volume, plan_volume
from triage.phantoms.oct.artefacts import Artefacts

NAMES = [phenotype.name for phenotype in PHENOTYPES]
RARE = [phenotype.name for phenotype in PHENOTYPES if phenotype.rare]


def planned(name: str, index: int = 0, device: str = "A") -> VolumePlan:
    """A plan of that phenotype, drawn from its own row of the table."""
    plan = plan_volume(4, index, device)
    phenotype = next(each for each in PHENOTYPES if each.name == name)
    lesions, findings = phenotype.draw(plan.stream(9))
    clear = replace(
        plan.artefacts,
        blink=(0.0, 0.0), clipping=0.0, mirror=0.0, signal=1.0, tilt_x=0.0, quality="good",
        motion_z=0.0, motion_x=0.0,
    )  # fmt: skip
    return replace(plan, phenotype=phenotype, lesions=lesions, findings=findings, artefacts=clear)


@lru_cache(maxsize=256)
def clean(name: str, index: int = 0, device: str = "A") -> OctPhantom:
    """A volume of that phenotype without faults."""
    return generate_volume(planned(name, index, device))


def faulty(**faults: object) -> OctPhantom:
    """A healthy volume with chosen faults."""
    plan = planned("healthy")
    artefacts: Artefacts = replace(plan.artefacts, **faults)  # type: ignore[arg-type]
    return generate_volume(replace(plan, artefacts=artefacts))
