"""The bundle's manifest: what a trained system is and what it was made from."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from triage.decisions.rule_summary import RuleSummary
from triage.hashing import hash_json
from triage.modalities import MODALITIES
from triage.models.oct.settings import OctSettings
from triage.models.settings import TrainSettings
from triage.uncertainty.combination import Summary
from triage.uncertainty.image_kind import ImageKindSummary
from triage.vocabulary.modality import Modality

FORMAT: Literal["triage-bundle-2"] = "triage-bundle-2"


def is_newer_format(name: str) -> bool:
    """Whether a format is one of this software, but of a later version."""
    kind, _, own = FORMAT.rpartition("-")
    number = re.fullmatch(rf"{kind}-([0-9]{{1,9}})", name)
    return number is not None and int(number[1]) > int(own)


class MemberEntry(BaseModel):
    """Where one member's parts lie."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    backbone: str
    weights: str
    validation_loss: float


class RolesEntry(BaseModel):
    """The draw of roles that the system was trained with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    inliers: tuple[str, ...]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


class BundleManifest(BaseModel):
    """Everything recorded of a trained system.

    Parameters
    ----------
    spec_hash, data_hash, settings_hash : str
        SHA-256 of the data spec, of the cases with labels and splits, of the settings.
    combination : Summary, optional
        What the score is made of, where it is a combination.
    rules : RuleSummary, optional
        Calibrator, prediction sets, guarantee and abstention rule in sentences.
    image_kind : ImageKindSummary, optional
        The guard against pictures of another kind; none in bundles of earlier releases, of
        volumes, and of too few cases.
    members : tuple of MemberEntry
        The ensemble in order; a member selected twice is listed twice.
    thresholds : dict
        `temperature`, and `abstain_above`: the expected saving, in cost units, above which a case
        abstains; as in `policy.json`.
    metrics : dict
        Validation metrics; test metrics are `triage evaluate`'s business.
    files : dict of str
        SHA-256 of every other file of the bundle.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["triage-bundle-2"] = FORMAT
    name: str
    intended_use: str = MODALITIES[Modality.PHOTOGRAPHS].intended_use
    created_at: str
    code_version: str
    library_versions: dict[str, str]
    spec_name: str
    spec_hash: str
    data_hash: str
    data_counts: dict[str, dict[str, int]]
    rejected: dict[str, int]
    roles: RolesEntry
    head: str
    score: str
    combination: Summary | None = None
    rules: RuleSummary | None = None
    image_kind: ImageKindSummary | None = None
    classes: tuple[str, ...]
    n_inliers: int
    members: tuple[MemberEntry, ...]
    backbones: dict[str, str]
    settings: TrainSettings | OctSettings
    settings_hash: str
    thresholds: dict[str, float]
    metrics: dict[str, float]
    notes: tuple[str, ...] = ()
    promotion: dict[str, Any] | None = None
    files: dict[str, str]

    @property
    def modality(self) -> Modality:
        """What the system reads; of pictures the intended use tells photographs from B-scans."""
        if isinstance(self.settings, OctSettings):
            return Modality.OCT_VOLUMES
        stated = (m for m, kind in MODALITIES.items() if kind.intended_use == self.intended_use)
        return next(stated, Modality.PHOTOGRAPHS)

    @property
    def lacks_image_kind(self) -> bool:
        """Whether it reads pictures and has no guard against those of another kind."""
        return self.image_kind is None and not MODALITIES[self.modality].volumes

    def resolved(self) -> BundleManifest:
        """Return the same manifest with every default written out."""
        return BundleManifest.model_validate(self.model_dump())

    def digest(self) -> str:
        """Hash of the manifest, which covers every file by its hash: the bundle's identity."""
        return hash_json(self._written())

    def to_text(self) -> str:
        """Return the exact content of `manifest.json`."""
        content = {"digest": self.digest(), **self._written()}
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    @staticmethod
    def stated_format(text: str) -> str:
        """Return the format that a manifest of any version states; '' if it states none.

        Raises
        ------
        ValueError
            If the text is no JSON.
        """
        content = json.loads(text)
        name = content.get("format") if isinstance(content, dict) else None
        return name if isinstance(name, str) else ""

    @staticmethod
    def is_sealed(text: str) -> bool:
        """Whether a manifest of any version has the digest that it was written with."""
        try:
            content = json.loads(text)
            return bool(content.pop("digest") == hash_json(content))
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
            return False

    @classmethod
    def of_text(cls, text: str) -> BundleManifest:
        """Parse `manifest.json`.

        Raises
        ------
        ValueError
            If it is malformed or altered.
        """
        content = dict(json.loads(text))
        content.pop("digest", None)
        manifest = cls.model_validate(content)
        if manifest.to_text() != text:
            raise ValueError("altered")
        return manifest

    def _written(self) -> dict[str, Any]:
        # What the file holds and no more: fields that a later version of the software adds
        # must not change the identity of an older bundle.
        return self.model_dump(mode="json", exclude_unset=True)
