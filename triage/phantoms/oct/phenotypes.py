"""Table of phenotypes: frequency, lesions and findings of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triage.phantoms.oct import common_lesions as common
from triage.phantoms.oct import rare_lesions as rare
from triage.phantoms.oct.lesions import Lesions
from triage.phantoms.oct.referral import Finding

Drawn = tuple[Lesions, frozenset[Finding]]
Draw = Callable[[np.random.Generator], Drawn]


@dataclass(frozen=True)
class Phenotype:
    """One row of the table.

    Parameters
    ----------
    name : str
        As clinicians know it.
    weight : float
        How often it is drawn among the known, or among the rare.
    draw : callable
        Draws lesions and findings; the findings of a rare condition are none.
    rare : bool
        Whether it is unknown to a system: never an inlier, without diagnoses or referral.
    """

    name: str
    weight: float
    draw: Draw
    rare: bool = False


def _mixed(*draws: Draw) -> Draw:
    def draw(rng: np.random.Generator) -> Drawn:
        lesions, findings = Lesions(), frozenset[Finding]()
        for each in draws:
            more_lesions, more_findings = each(rng)
            lesions, findings = lesions + more_lesions, findings | more_findings
        return lesions, findings

    return draw


def _rare(draw: Callable[[np.random.Generator], Lesions]) -> Draw:
    return lambda rng: (draw(rng), frozenset())


PHENOTYPES: tuple[Phenotype, ...] = (
    Phenotype("healthy", 10, common.healthy),
    Phenotype("early dry AMD", 8, common.small_drusen),
    Phenotype("flat epiretinal membrane", 5, common.flat_membrane),
    Phenotype("intermediate dry AMD", 4, common.confluent_drusen),
    Phenotype("geographic atrophy", 5, common.atrophy),
    Phenotype("geographic atrophy with drusen", 2, _mixed(common.atrophy, common.small_drusen)),
    Phenotype("epiretinal membrane", 4, common.distorting_membrane),
    Phenotype("vitreomacular traction", 4, common.traction),
    Phenotype("partial macular hole", 4, common.partial_hole),
    Phenotype("full macular hole", 5, common.full_hole),
    Phenotype("diabetic macular oedema, centre spared", 3, common.oedema_off_centre),
    Phenotype("diabetic macular oedema", 9, common.central_oedema),
    Phenotype(
        "diabetic macular oedema with epiretinal membrane",
        2,
        _mixed(common.central_oedema, common.flat_membrane),
    ),
    Phenotype("central serous retinopathy", 3, common.central_serous_small),
    Phenotype("chronic central serous retinopathy", 4, common.central_serous_large),
    Phenotype("neovascular AMD", 16, common.active_cnv),
    Phenotype("neovascular AMD with drusen", 6, _mixed(common.active_cnv, common.small_drusen)),
    Phenotype(
        "neovascular AMD with epiretinal membrane",
        1.5,
        _mixed(common.active_cnv, common.flat_membrane),
    ),
    Phenotype("quiet neovascular AMD", 2, common.quiet_cnv),
    Phenotype("retinal detachment", 1, _rare(rare.detachment), rare=True),
    Phenotype("choroidal tumour", 1, _rare(rare.choroidal_tumour), rare=True),
    Phenotype("posterior staphyloma", 1, _rare(rare.staphyloma), rare=True),
    Phenotype("retinoschisis", 1, _rare(rare.schisis), rare=True),
    Phenotype("macular telangiectasia", 1, _rare(rare.telangiectasia), rare=True),
    Phenotype("preretinal haemorrhage", 1, _rare(rare.preretinal_haemorrhage), rare=True),
    Phenotype("retinitis pigmentosa", 1, _rare(rare.retinitis_pigmentosa), rare=True),
    Phenotype("retinal artery occlusion", 1, _rare(rare.artery_occlusion), rare=True),
)
"""Known phenotypes by rising urgency, then the rare ones; weights make the four referral classes
about equally frequent, as in De Fauw et al. 2018."""
