"""The ten diagnoses of a retinal OCT reading; several may be true of one volume."""

from __future__ import annotations

DIAGNOSES = {
    "normal": "normal",
    "cnv": "choroidal neovascularisation",
    "mro": "macular retinal oedema",
    "full_macular_hole": "full macular hole",
    "partial_macular_hole": "partial macular hole",
    "csr": "central serous retinopathy",
    "vmt": "vitreomacular traction",
    "geographic_atrophy": "geographic atrophy",
    "drusen": "drusen",
    "erm": "epiretinal membrane",
}
"""Column name and title of each, in the order of De Fauw et al. 2018."""
