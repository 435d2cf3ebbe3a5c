"""The kinds of systems there are, by what they read and by their settings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from triage.systems.family import Family
from triage.systems.oct.family import OctFamily
from triage.systems.photographs.family import PhotographFamily
from triage.vocabulary.modality import Modality

FAMILIES: tuple[Family[Any, Any], ...] = (PhotographFamily(), OctFamily())
"""Every kind of system."""


def family_of(modality: Modality) -> Family[Any, Any]:
    """Return the kind of system that reads such cases."""
    return next(family for family in FAMILIES if modality in family.modalities)


def family_of_settings(settings: BaseModel) -> Family[Any, Any]:
    """Return the kind of system that has such settings, as those of a bundle."""
    return next(family for family in FAMILIES if isinstance(settings, family.settings_type))
