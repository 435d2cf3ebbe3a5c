"""The interface of a kind of system: its settings, and how it is fitted, written, loaded, measured.

The other half of a modality, which needs no torch, is in `triage.modalities`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from triage.backbones.runtime.execution import Precision, RuntimeName
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec import Costs
from triage.decisions.policy import Policy
from triage.engine import Executor
from triage.errors import UsageError
from triage.evaluation.referral import ReferralResult
from triage.evaluation.segmentation import SegmentationResult
from triage.progress import Progress
from triage.systems.manifest import BundleManifest
from triage.systems.scored import Scored
from triage.systems.trained_system import TrainedSystem
from triage.vocabulary.modality import Modality

SettingsT = TypeVar("SettingsT", bound=BaseModel)
SystemT = TypeVar("SystemT", bound=TrainedSystem)
UNSAVED = "unsaved"
"""The bundle that predictions name as their origin while the system is not on disk."""


@dataclass(frozen=True)
class Fitted(Generic[SystemT]):
    """A system that was fitted and is not on disk yet.

    Parameters
    ----------
    manifest : BundleManifest
        Without the hashes of files.
    system : TrainedSystem
    write_networks : callable
        Writes the weights into a bundle's folder, under the names that the manifest lists.
    """

    manifest: BundleManifest
    system: SystemT
    write_networks: Callable[[Path], None]


@dataclass(frozen=True)
class ExtraResults:
    """What is measured of some systems beyond what is measured of all.

    Parameters
    ----------
    referral : ReferralResult, optional
        Referrals against those of the known conditions.
    tissue : SegmentationResult, optional
        Tissue maps against annotated ones.
    """

    referral: ReferralResult | None = None
    tissue: SegmentationResult | None = None


class Family(ABC, Generic[SettingsT, SystemT]):
    """A kind of system."""

    modalities: ClassVar[tuple[Modality, ...]]
    """The kinds of cases that such systems read."""
    needs: ClassVar[str]
    """What its settings describe, in words."""
    settings_type: type[SettingsT]

    @abstractmethod
    def default_settings(self, backbones: Sequence[str], given: Mapping[str, Any]) -> SettingsT:
        """Return the settings of a training that states none.

        Parameters
        ----------
        backbones : sequence of str
            References of backbones, where such systems have some.
        given : mapping
            Settings that the user states; some defaults depend on them.
        """

    def renamed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a user states under the names of `settings_type`."""
        return dict(given)

    @abstractmethod
    def check_config(self, content: Mapping[str, Any]) -> None:
        """Check the content of a settings file.

        Raises
        ------
        ValidationError
            If it holds what is no setting of this kind, or values out of range.
        """

    @abstractmethod
    def check_machine(self, settings: SettingsT) -> None:
        """Check that this machine can work with the settings.

        Raises
        ------
        UsageError
            If it cannot.
        """

    @abstractmethod
    def fit(
        self,
        dataset: Dataset,
        settings: SettingsT,
        name: str,
        *,
        cache_folder: Path | None,
        checkpoints: Path,
        progress: Progress,
        executor: Executor | None = None,
    ) -> Fitted[SystemT]:
        """Train the networks and fix the policy on the validation split.

        Parameters
        ----------
        dataset : Dataset
        settings : BaseModel
        name : str
            Of the bundle.
        cache_folder : Path, optional
            Of embeddings.
        checkpoints : Path
            Folder from which a later call with the same arguments resumes.
        progress : callable
        executor : Executor, optional
            Where networks are trained that do not depend on each other; by default in this
            process.

        Raises
        ------
        UsageError
            If such systems are trained in this process only, and another engine is given.
        """

    def has_new_annotations(self, system: SystemT, dataset: Dataset) -> bool:
        """Whether the training split has annotations that a system did not learn from.

        Parameters
        ----------
        system : TrainedSystem
            The champion.
        dataset : Dataset
            With the cases that a retraining adds.

        Returns
        -------
        bool
            False for kinds of systems that learn from no annotations, and for systems of earlier
            releases, which do not state what they learned from.
        """
        return False

    def refit(
        self,
        system: SystemT,
        manifest: BundleManifest,
        dataset: Dataset,
        name: str,
        *,
        annotated: bool,
        cache_folder: Path | None,
        checkpoints: Path,
        progress: Progress,
        executor: Executor | None = None,
    ) -> Fitted[SystemT]:
        """Train again with a system's own settings, on other data; by default from the start.

        Parameters
        ----------
        system : TrainedSystem
            The champion, of which a kind of system may keep a part.
        manifest : BundleManifest
            Of the champion; holds its settings.
        dataset : Dataset
            With the reviewed cases in its training split.
        name : str
            Of the new bundle.
        annotated : bool
            Whether the training split has annotated volumes that the champion did not train on.
        cache_folder, checkpoints, progress, executor
            As for `fit`.

        Returns
        -------
        Fitted
            Whose manifest has the champion's settings.
        """
        settings = self.settings_type.model_validate(manifest.settings.model_dump())
        return self.fit(
            dataset,
            settings,
            name,
            cache_folder=cache_folder,
            checkpoints=checkpoints,
            progress=progress,
            executor=executor,
        )

    @abstractmethod
    def load(
        self, folder: Path, manifest: BundleManifest, policy: Policy, provenance: dict[str, str]
    ) -> SystemT:
        """Build the system of a verified bundle."""

    def run_with(
        self, system: SystemT, runtime: RuntimeName | None, precision: Precision | None
    ) -> str:
        """Run the backbones of a system by another runtime or in another precision.

        Returns
        -------
        str
            What that means for its decisions, in a sentence; '' where nothing changes.

        Raises
        ------
        UsageError
            If such systems have no backbones, or this machine does not offer what is asked for.
        """
        raise UsageError(
            "is for systems that embed pictures",
            where="--runtime" if runtime else "--embedding-precision",
            hint="Leave it out.",
        )

    def measure(
        self,
        system: SystemT,
        scored: Scored,
        cases: Sequence[Case],
        dataset: Dataset,
        costs: Costs,
        *,
        report: Progress,
        n_resamples: int,
    ) -> ExtraResults:
        """Measure what is measured of such systems alone.

        Parameters
        ----------
        system : TrainedSystem
        scored : Scored
            What it found of the cases.
        cases : sequence of Case
            The test split.
        dataset : Dataset
        costs : Costs
            Those of the spec that is evaluated on.
        report : callable
        n_resamples : int
        """
        return ExtraResults()

    @abstractmethod
    def networks_section(self, manifest: BundleManifest) -> str:
        """Return the section of the model card on what computes, as Markdown."""
