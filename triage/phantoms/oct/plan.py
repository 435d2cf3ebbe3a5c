"""Plan of a volume: every number behind it, drawn before any voxel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from triage.errors import UsageError
from triage.phantoms.oct.artefacts import Artefacts, draw_artefacts
from triage.phantoms.oct.devices import DEVICES, PhantomDevice
from triage.phantoms.oct.eyes import Eye, eye_of
from triage.phantoms.oct.lesions import Lesions
from triage.phantoms.oct.phenotypes import PHENOTYPES, Phenotype
from triage.phantoms.oct.referral import Finding, diagnoses_of, referral_of
from triage.vocabulary.clinical import Urgency


@dataclass(frozen=True)
class VolumePlan:
    """All parameters of a volume, without its voxels; independent of its size.

    Parameters
    ----------
    seed, index : int
        The case's name in the endless series of a seed.
    device : PhantomDevice
    eye : Eye
    phenotype : Phenotype
    lesions : Lesions
    findings : frozenset of Finding
        None for a healthy macula and for a rare condition.
    artefacts : Artefacts
    """

    seed: int
    index: int
    device: PhantomDevice
    eye: Eye
    phenotype: Phenotype
    lesions: Lesions
    findings: frozenset[Finding]
    artefacts: Artefacts

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return f"oct-{self.device.name.lower()}-{self.index:06d}"

    @property
    def urgency(self) -> Urgency | None:
        """Referral by the rules; None for a rare condition."""
        return None if self.phenotype.rare else referral_of(self.findings)

    @property
    def condition(self) -> str:
        """Referral class, or the name of the rare condition."""
        return self.urgency.value if self.urgency else self.phenotype.name

    @property
    def diagnoses(self) -> dict[str, bool]:
        """The ten diagnoses; none is known of a rare condition."""
        return {} if self.phenotype.rare else diagnoses_of(self.findings)

    def stream(self, number: int) -> np.random.Generator:
        """Return the case's random stream of that number; streams are independent."""
        return _stream(self.seed, self.index, self.device, number)

    def truth(self) -> dict[str, Any]:
        """Return all drawn numbers as plain JSON types."""
        return {
            "seed": self.seed,
            "index": self.index,
            "device": self.device.name,
            "phenotype": self.phenotype.name,
            "condition": self.condition,
            "findings": sorted(finding.name.lower() for finding in self.findings),
            "diagnoses": self.diagnoses,
            "quality": self.artefacts.quality,
            "eye": asdict(self.eye),
            "lesions": asdict(self.lesions),
            "artefacts": asdict(self.artefacts),
        }


def plan_volume(seed: int, index: int, device: str = "A", rare_fraction: float = 0.2) -> VolumePlan:
    """Draw the plan of case `index` of `seed` on a device; it depends on no other case.

    Parameters
    ----------
    seed, index : int
        Not negative.
    device : {'A', 'B'}
    rare_fraction : float
        Probability that the condition is a rare one, 0 to 1.

    Raises
    ------
    UsageError
        If an argument is out of range.
    """
    if seed < 0 or index < 0:
        raise UsageError("must not be negative.", where="seed or index")
    if device not in DEVICES:
        raise UsageError(f"must be one of {', '.join(DEVICES)}.", where="device")
    # written so that NaN fails
    if not 0 <= rare_fraction <= 1:
        raise UsageError("must be between 0 and 1.", where="rare_fraction")
    scanner = DEVICES[device]
    rng = _stream(seed, index, scanner, 0)
    rare = bool(rng.uniform() < rare_fraction)
    candidates = [phenotype for phenotype in PHENOTYPES if phenotype.rare == rare]
    weights = np.array([phenotype.weight for phenotype in candidates])
    phenotype = candidates[rng.choice(len(candidates), p=weights / weights.sum())]
    lesions, findings = phenotype.draw(rng)
    eye = eye_of(seed, index)
    artefacts = draw_artefacts(rng, scanner)
    return VolumePlan(seed, index, scanner, eye, phenotype, lesions, findings, artefacts)


def _stream(seed: int, index: int, device: PhantomDevice, number: int) -> np.random.Generator:
    key = (ord(device.name), number)
    # SFC64 draws normal numbers faster than the default generator.
    return np.random.Generator(
        np.random.SFC64(np.random.SeedSequence([seed, index], spawn_key=key))
    )
