"""The manifest of a trained system: what it is and what it was made from."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version

from triage import __version__
from triage.data.dataset import Dataset
from triage.data.spec import DataSpec
from triage.decisions.policy import Policy
from triage.decisions.rule_summary import RuleSummary
from triage.errors import ImageRejected, count_by_reason
from triage.hashing import hash_json
from triage.heads import HEADS, HeadKind
from triage.modalities import MODALITIES
from triage.models.oct.settings import OctSettings
from triage.models.settings import HARD, TrainSettings
from triage.systems.fix_policy import few_outliers
from triage.systems.manifest import BundleManifest, MemberEntry, RolesEntry
from triage.uncertainty.combination import Combination
from triage.uncertainty.image_kind import ImageKindSummary

LIBRARIES = (
    "torch", "transformers", "monai", "numpy", "scipy", "scikit-image", "pydicom", "pillow",
)  # fmt: skip


def describe(
    name: str,
    dataset: Dataset,
    settings: TrainSettings | OctSettings,
    policy: Policy,
    metrics: dict[str, float],
    *,
    kind: HeadKind,
    members: tuple[MemberEntry, ...],
    backbones: dict[str, str],
    rejected: dict[str, ImageRejected],
    combination: Combination | None = None,
    image_kind: ImageKindSummary | None = None,
    notes: tuple[str, ...] = (),
) -> BundleManifest:
    """Write down what the system is and what it was made from.

    Parameters
    ----------
    members : tuple of MemberEntry
        The ensemble in order.
    backbones : dict of str
        Digest of the weights of each network that members share, by name.
    rejected : dict of ImageRejected
        Cases that could not be read.
    combination : Combination, optional
        Where it is the score.
    image_kind : ImageKindSummary, optional
        Of the guard against pictures of another kind, where there is one.
    notes : tuple of str
        What else to tell; empty ones are left out.
    """
    draw = dataset.draw
    warning = few_outliers(dataset, kind, policy.score)
    return BundleManifest(
        name=name,
        intended_use=MODALITIES[dataset.spec.modality].intended_use,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=__version__,
        library_versions={"python": platform.python_version()}
        | {library: version(library) for library in LIBRARIES},
        spec_name=dataset.spec.name,
        spec_hash=hash_json(dataset.spec.model_dump(mode="json")),
        data_hash=dataset.digest(votes=_votes_train(settings)),
        data_counts=dataset.counts(),
        rejected=count_by_reason(rejected.values()),
        roles=RolesEntry(
            seed=draw.seed,
            inliers=draw.inliers,
            train=draw.train,
            validation=draw.validation,
            test=draw.test,
        ),
        head=str(kind),
        score=policy.score,
        combination=None if combination is None else combination.summary,
        rules=RuleSummary.of(policy),
        image_kind=image_kind,
        classes=HEADS[kind].classes(draw),
        n_inliers=len(draw.inliers),
        members=members,
        backbones=backbones,
        settings=settings,
        settings_hash=hash_json(settings.model_dump(mode="json")),
        thresholds={
            "temperature": policy.temperature,
            "abstain_above": policy.saving_threshold,
        },
        metrics={key: round(value, 6) for key, value in metrics.items()},
        notes=tuple(
            filter(None, (dataset.spec.roles.note, warning, _completed(dataset.spec), *notes))
        ),
        files={},
    )


def _votes_train(settings: TrainSettings | OctSettings) -> bool:
    return isinstance(settings, TrainSettings) and settings.targets != HARD


def _completed(spec: DataSpec) -> str:
    """A note where costs were stated in part and the rest was taken from the defaults."""
    taken = spec.costs.completed()
    return f"Not stated in the data spec, so our default: {'; '.join(taken)}." if taken else ""
