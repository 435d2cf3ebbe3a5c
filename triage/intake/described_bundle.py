"""What the case database stores of a bundle, as a value that tasks can carry.

A manifest holds the settings of a training, whose classes import torch. Processes that only store
cases start several times as fast without it, so they get this.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from triage.modalities import MODALITIES
from triage.store import BundleRecord
from triage.vocabulary.modality import Modality

if TYPE_CHECKING:
    from triage.systems.manifest import BundleManifest


@dataclass(frozen=True)
class DescribedBundle:
    """A bundle, without what only scoring needs.

    Parameters
    ----------
    digest : str
    name : str
    modality : Modality
        What it reads.
    conditions : tuple of str
        Every condition that a reader may want to name.
    """

    digest: str
    name: str
    modality: Modality
    conditions: tuple[str, ...]

    @classmethod
    def of(cls, manifest: BundleManifest) -> Self:
        """Describe the bundle of a manifest.

        Where a modality has diagnoses a reader names these: the inlier classes are referrals then.
        """
        roles = manifest.roles
        known = tuple(MODALITIES[manifest.modality].diagnoses.values()) or roles.inliers
        return cls(
            digest=manifest.digest(),
            name=manifest.name,
            modality=manifest.modality,
            conditions=(*known, *roles.train, *roles.validation, *roles.test),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {**asdict(self), "modality": str(self.modality), "conditions": [*self.conditions]}

    @classmethod
    def of_json(cls, described: dict[str, Any]) -> Self:
        """Return what `to_json` described."""
        return cls(
            digest=described["digest"],
            name=described["name"],
            modality=Modality(described["modality"]),
            conditions=tuple(described["conditions"]),
        )

    def record(self, bundle: Path) -> BundleRecord:
        """Return what the database keeps of it; `bundle` is where it lies."""
        return BundleRecord(
            digest=self.digest,
            name=self.name,
            path=str(bundle.resolve()),
            conditions=self.conditions,
        )


def bundle_record(manifest: BundleManifest, bundle: Path) -> BundleRecord:
    """Describe the bundle of a manifest, which lies at `bundle`, to the store."""
    return DescribedBundle.of(manifest).record(bundle)
