"""The rubric of an adjudication: for each kind of case the features that readers look for.

The lists are our own, short on purpose: what can be seen on the images and bears on the urgency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from triage.review.refusals import RefusalCode, StepRefused
from triage.vocabulary.modality import Modality


class RubricAnswer(StrEnum):
    """Whether a feature is there."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature that can be seen on images.

    Parameters
    ----------
    key : str
        As it stands in reads and events.
    title : str
    """

    key: str
    title: str


_RETINA = (
    Feature("intraretinal_fluid", "Intraretinal fluid"),
    Feature("subretinal_fluid", "Subretinal fluid"),
    Feature("pigment_epithelial_detachment", "Pigment epithelial detachment"),
    Feature("hyperreflective_material", "Subretinal hyperreflective material"),
    Feature("drusen", "Drusen"),
    Feature("vitreomacular_traction", "Vitreomacular traction or epiretinal membrane"),
    Feature("full_thickness_defect", "Full-thickness defect of the retina"),
    Feature("outer_retinal_atrophy", "Atrophy of the outer retina"),
    Feature("quality_sufficient", "Image quality is sufficient"),
)

RUBRICS: Mapping[Modality, tuple[Feature, ...]] = {
    Modality.PHOTOGRAPHS: (
        Feature("asymmetry", "Asymmetry"),
        Feature("irregular_border", "Irregular border"),
        Feature("several_colours", "Several colours"),
        Feature("ulceration", "Ulceration or bleeding"),
        Feature("scale_or_crust", "Scale or crust"),
        Feature("blisters_or_pustules", "Blisters or pustules"),
        Feature("signs_of_infection", "Spreading redness, swelling or pus"),
        Feature("widespread", "More than one region of the body"),
        Feature("quality_sufficient", "Image quality is sufficient"),
    ),
    Modality.OCT_BSCANS: _RETINA,
    Modality.OCT_VOLUMES: _RETINA,
}
"""The features of each kind of case, in the order in which they are asked for."""


def check_rubric(modality: Modality, answers: Mapping[str, str]) -> None:
    """Check that every feature of a rubric, and nothing else, is answered.

    Raises
    ------
    StepRefused
        If an answer is missing, is none of `RubricAnswer`, or is of an unknown feature.
    """
    known = [feature.key for feature in RUBRICS[modality]]
    unknown = len(set(answers) - set(known))
    if unknown:
        raise StepRefused(
            RefusalCode.BAD_RUBRIC,
            f"{unknown} of the features answered are not in the rubric of such cases.",
            hint=f"Answer these: {', '.join(known)}.",
        )
    if missing := [key for key in known if key not in answers]:
        raise StepRefused(
            RefusalCode.BAD_RUBRIC,
            f"Features of the rubric are not answered: {', '.join(missing)}.",
            hint="Answer each with yes, no or cannot_tell.",
        )
    if wrong := [key for key in known if answers[key] not in tuple(RubricAnswer)]:
        raise StepRefused(
            RefusalCode.BAD_RUBRIC,
            f"These answers are neither yes, no nor cannot_tell: {', '.join(wrong)}.",
            hint="Answer each with yes, no or cannot_tell.",
        )
