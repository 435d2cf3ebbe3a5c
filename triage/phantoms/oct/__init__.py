"""OCT phantoms: synthetic volumes of the macula whose tissue map is known voxel by voxel.

A phantom is no patient and no diagnosis. It consists of anatomy described by smooth surfaces in mm,
lesions from a declared table (`PHENOTYPES`), a scanner from another (`DEVICES`), and a referral
that follows from the drawn findings by stated rules (`REFERRAL_RULES`). The tissue map, the
surfaces and the B-scans come from the same geometry, so the truth is exact. Every number is drawn
from a seed: the same case always has the same bytes.
"""

from triage.phantoms.oct.devices import DEVICES, PhantomDevice
from triage.phantoms.oct.phenotypes import PHENOTYPES, Phenotype
from triage.phantoms.oct.plan import VolumePlan, plan_volume
from triage.phantoms.oct.referral import REFERRAL_RULES, Finding, referral_of
from triage.phantoms.oct.volume import OctPhantom, generate_volume, generate_volumes
from triage.phantoms.oct.write import write_oct_phantoms

__all__ = [
    "DEVICES",
    "PHENOTYPES",
    "REFERRAL_RULES",
    "Finding",
    "OctPhantom",
    "PhantomDevice",
    "Phenotype",
    "VolumePlan",
    "generate_volume",
    "generate_volumes",
    "plan_volume",
    "referral_of",
    "write_oct_phantoms",
]
