"""The model card of a bundle: what its manifest states, by topic, and what it does not state.

The topics are those that model cards of ONC HTI-1, of CHAI and of the FDA ask for, in our words and
as far as they were known to us; a field without a source in the manifest reads "not stated".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.reports.document import Block, Cell, Column, Facts, Heading, Paragraph, Table
from triage.reports.system import file_hashes, written
from triage.uncertainty.image_kind import ImageKindSummary
from triage.vocabulary.readiness import LEVEL_WORDS, level_of_verdict

_NOWHERE = ""
"""Place of a field that a manifest has no source for."""
_FIELDS: dict[str, dict[str, str]] = {
    "Identity": {
        "Name": "name",
        "Made at": "created_at",
        "Code version": "code_version",
        "Format": "format",
        "Developer and contact": _NOWHERE,
        "Funding of the development": _NOWHERE,
        "Regulatory status": _NOWHERE,
    },
    "Use": {
        "Intended use": "intended_use",
        "Intended patients": _NOWHERE,
        "Care setting": _NOWHERE,
        "Cautioned or out-of-scope use": _NOWHERE,
        "Known risks and limitations": _NOWHERE,
        "Notes of its making": "notes",
    },
    "Inputs and outputs": {
        "Conditions it knows": "roles.inliers",
        "Classes of its head": "classes",
        "Patient attributes among the inputs": _NOWHERE,
    },
    "Development data": {
        "Data spec": "spec_name",
        "Data spec hash": "spec_hash",
        "Training data hash": "data_hash",
        "Cases by condition and split": "data_counts",
        "Cases left out, by reason": "rejected",
        "Outliers it trained with": "roles.train",
        "Outliers that set its threshold": "roles.validation",
        "Outliers it is tested on": "roles.test",
        "Draw of roles, seed": "roles.seed",
        "Demographic representativeness": _NOWHERE,
        "Dates of the data": _NOWHERE,
    },
    "Method": {
        "Head": "head",
        "OOD score": "score",
        "What the score combines": "combination.reason",
        "Members": "members",
        "Networks": "backbones",
        "Settings hash": "settings_hash",
    },
    "How it decides": {
        "Thresholds": "thresholds",
        "Calibrator": "rules.calibrator",
        "Abstention rule": "rules.abstention",
        "Prediction set": "rules.prediction_set",
        "Guaranteed threshold": "rules.guaranteed",
    },
    "Performance and fairness": {
        "On validation data (optimistic: thresholds were set on them)": "metrics",
        "External validation": _NOWHERE,
        "Fairness in development": _NOWHERE,
    },
    "Maintenance": {
        "Promotion": "promotion",
        "Schedule of monitoring": _NOWHERE,
        "Schedule of updates": _NOWHERE,
        "Library versions": "library_versions",
    },
}
_READINESS = "Readiness, from the manifest alone"
_GUARD = "Guard against pictures of another kind (A1)"


def model_card_facts(manifest: Mapping[str, Any]) -> list[tuple[str, str, str | None]]:
    """Return what a manifest states, as a model card.

    Parameters
    ----------
    manifest : mapping
        Content of `manifest.json`, or `BundleManifest.model_dump(mode="json")`.

    Returns
    -------
    list of (group, label, value)
        Groups in order, without gaps; the value is None where nothing was stated.
    """
    found = []
    for group, fields in _FIELDS.items():
        found += [(group, label, _stated(manifest, place)) for label, place in fields.items()]
        if group == "Maintenance":
            found.append((group, _READINESS, _readiness(manifest)))
        if group == "How it decides":
            found.append((group, _GUARD, _guard(manifest.get("image_kind"))))
    return found


def model_card_blocks(manifest: Mapping[str, Any]) -> tuple[Block, ...]:
    """Return the model card for the section of the system: facts by group, then the files."""
    facts = model_card_facts(manifest)
    blocks: list[Block] = []
    for name in dict.fromkeys(group for group, *_ in facts):
        rows = tuple((label, value) for group, label, value in facts if group == name)
        blocks += [Heading(name), Facts(rows)]
    files = file_hashes(manifest)
    if not files:
        return (*blocks, Paragraph("The manifest lists no files.", "missing"))
    table = Table(
        title=f"{len(files)} files of the bundle, as its manifest lists them",
        columns=(Column("File"), Column("SHA-256")),
        rows=tuple((Cell(name), Cell(digest)) for name, digest in files.items()),
    )
    return (*blocks, Heading("Files"), table)


def _stated(manifest: Mapping[str, Any], place: str) -> str | None:
    """Write the value at a dotted place; "none" where it is empty, None where it is absent."""
    value: Any = manifest
    for key in place.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        return None
    if place == "members" and isinstance(value, list):
        value = [each.get("name", each) if isinstance(each, Mapping) else each for each in value]
    return written(value) or "none"


def _readiness(manifest: Mapping[str, Any]) -> str:
    """The level that the gate result in the manifest allows, none higher."""
    promotion = manifest.get("promotion")
    verdict = promotion.get("verdict") if isinstance(promotion, Mapping) else None
    return LEVEL_WORDS[level_of_verdict(verdict if isinstance(verdict, str) else None)]


def _guard(summary: Any) -> str:
    """The guard in words; bundles of earlier releases and of volumes have none."""
    if not isinstance(summary, Mapping):
        return "none"
    return ImageKindSummary.model_validate(summary).text
