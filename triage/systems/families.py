"""The kinds of systems there are, by what they read and by their settings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from triage.backbones.runtime.execution import Precision, RuntimeName
from triage.systems.family import Family
from triage.systems.manifest import BundleManifest
from triage.systems.oct.family import OctFamily
from triage.systems.photographs.family import PhotographFamily
from triage.systems.trained_system import TrainedSystem
from triage.vocabulary.modality import Modality

FAMILIES: tuple[Family[Any, Any], ...] = (PhotographFamily(), OctFamily())
"""Every kind of system."""


def family_of(modality: Modality) -> Family[Any, Any]:
    """Return the kind of system that reads such cases."""
    return next(family for family in FAMILIES if modality in family.modalities)


def run_system_with(
    system: TrainedSystem,
    manifest: BundleManifest,
    runtime: RuntimeName | None,
    precision: Precision | None,
) -> str:
    """Run a bundle's system by a runtime and in a precision that the user names.

    Parameters
    ----------
    system : TrainedSystem
    manifest : BundleManifest
    runtime, precision : str, optional
        None leaves what the bundle records.

    Returns
    -------
    str
        A sentence where that is not what its thresholds were fitted with, else ''.

    Raises
    ------
    UsageError
        If the system embeds no pictures, or the runtime is not installed.
    TrainingError
        If the processor lacks the precision.
    """
    if runtime is None and precision is None:
        return ""
    return family_of_settings(manifest.settings).run_with(system, runtime, precision)


def family_of_settings(settings: BaseModel) -> Family[Any, Any]:
    """Return the kind of system that has such settings, as those of a bundle."""
    return next(family for family in FAMILIES if isinstance(settings, family.settings_type))
