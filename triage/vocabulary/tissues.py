"""The tissue classes of a retinal OCT map: anatomy, pathology and artefacts.

Fifteen classes as De Fauw et al. 2018 count them; the names are our reading of what is published
about the list, and their order is ours.
"""

from __future__ import annotations

from enum import IntEnum


class Tissue(IntEnum):
    """Index of each class in a tissue map (uint8)."""

    VITREOUS = 0
    POSTERIOR_HYALOID = 1
    EPIRETINAL_MEMBRANE = 2
    NEUROSENSORY_RETINA = 3
    INTRARETINAL_FLUID = 4
    SUBRETINAL_FLUID = 5
    SUBRETINAL_HYPERREFLECTIVE = 6
    RPE = 7
    DRUSENOID_PED = 8
    SEROUS_PED = 9
    FIBROVASCULAR_PED = 10
    CHOROID = 11
    MIRROR_ARTEFACT = 12
    CLIPPING_ARTEFACT = 13
    BLINK_ARTEFACT = 14

    @property
    def title(self) -> str:
        """Plain name."""
        return _TITLES[self]

    @property
    def colour(self) -> str:
        """Colour of overlays and charts, '#rrggbb'; fifteen that can be told apart."""
        return _COLOURS[self]


FLUIDS = (Tissue.INTRARETINAL_FLUID, Tissue.SUBRETINAL_FLUID)
PIGMENT_EPITHELIAL_DETACHMENTS = (
    Tissue.DRUSENOID_PED,
    Tissue.SEROUS_PED,
    Tissue.FIBROVASCULAR_PED,
)
ARTEFACTS = (Tissue.MIRROR_ARTEFACT, Tissue.CLIPPING_ARTEFACT, Tissue.BLINK_ARTEFACT)
RETINA = (Tissue.EPIRETINAL_MEMBRANE, Tissue.NEUROSENSORY_RETINA, Tissue.INTRARETINAL_FLUID)
"""What lies within the neurosensory retina or on it."""

_TITLES = {
    Tissue.VITREOUS: "vitreous and subhyaloid space",
    Tissue.POSTERIOR_HYALOID: "posterior hyaloid",
    Tissue.EPIRETINAL_MEMBRANE: "epiretinal membrane",
    Tissue.NEUROSENSORY_RETINA: "neurosensory retina",
    Tissue.INTRARETINAL_FLUID: "intraretinal fluid",
    Tissue.SUBRETINAL_FLUID: "subretinal fluid",
    Tissue.SUBRETINAL_HYPERREFLECTIVE: "subretinal hyperreflective material",
    Tissue.RPE: "retinal pigment epithelium",
    Tissue.DRUSENOID_PED: "drusenoid PED",
    Tissue.SEROUS_PED: "serous PED",
    Tissue.FIBROVASCULAR_PED: "fibrovascular PED",
    Tissue.CHOROID: "choroid and outer layers",
    Tissue.MIRROR_ARTEFACT: "mirror artefact",
    Tissue.CLIPPING_ARTEFACT: "clipping artefact",
    Tissue.BLINK_ARTEFACT: "blink artefact",
}

_COLOURS = {
    Tissue.VITREOUS: "#1b2530",
    Tissue.POSTERIOR_HYALOID: "#7fc8e8",
    Tissue.EPIRETINAL_MEMBRANE: "#f2e205",
    Tissue.NEUROSENSORY_RETINA: "#8a9ba8",
    Tissue.INTRARETINAL_FLUID: "#1f77ff",
    Tissue.SUBRETINAL_FLUID: "#00d5c8",
    Tissue.SUBRETINAL_HYPERREFLECTIVE: "#ff7f0e",
    Tissue.RPE: "#d62728",
    Tissue.DRUSENOID_PED: "#b5e550",
    Tissue.SEROUS_PED: "#2ca02c",
    Tissue.FIBROVASCULAR_PED: "#e377c2",
    Tissue.CHOROID: "#5b3a29",
    Tissue.MIRROR_ARTEFACT: "#9467bd",
    Tissue.CLIPPING_ARTEFACT: "#c5b0d5",
    Tissue.BLINK_ARTEFACT: "#f7f7f7",
}
