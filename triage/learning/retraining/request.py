"""What is asked of a retraining, and the champion that it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from triage.data.spec import DataSpec
from triage.engine import EngineSettings
from triage.errors import UsageError
from triage.gating.policy import LoadedPolicy
from triage.hashing import hash_json
from triage.intake.described_bundle import bundle_record
from triage.learning.evaluate import check_placement
from triage.learning.train import Settings
from triage.store import BundleRecord, Store
from triage.store import champion as find_champion
from triage.store.ledger import SYSTEM
from triage.systems.bundle import load_bundle_spec, load_system, read_manifest
from triage.systems.manifest import BundleManifest
from triage.systems.trained_system import TrainedSystem


@dataclass(frozen=True)
class RetrainRequest:
    """What is asked for.

    Parameters
    ----------
    spec : DataSpec
    root : Path
        Folder of the data.
    policy : LoadedPolicy
    out : Path
        Where the challenger is written; names it.
    bundle : Path, optional
        The champion; None for the first training.
    settings : TrainSettings or OctSettings, optional
        Of the first training; with a champion its own settings are used.
    roles_seed : int, optional
        Of the draw of roles of the first training.
    annotated : Path, optional
        Folder of further annotated volumes, with a table as the spec describes it.
    actor : str
        Who asks; stands in the events.
    cache_folder : Path, optional
        Of embeddings.
    engine : EngineSettings, optional
        Where the candidates of the challenger's ensemble are trained; by default in this process.
    """

    spec: DataSpec
    root: Path
    policy: LoadedPolicy
    out: Path
    bundle: Path | None = None
    settings: Settings | None = None
    roles_seed: int | None = None
    annotated: Path | None = None
    actor: str = SYSTEM
    cache_folder: Path | None = None
    engine: EngineSettings | None = None

    def __post_init__(self) -> None:
        """Take paths as text too; refuse a request that names no settings, or the wrong ones."""
        for name in ("root", "out", "bundle", "annotated", "cache_folder"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(path))
        if (self.bundle is None) is (self.settings is None):
            raise UsageError(
                "a retraining takes its settings from the champion, a first training needs some",
                where="bundle",
            )

    @property
    def folder(self) -> Path:
        """Where the state of the run is kept."""
        return self.out.with_name(f".{self.out.name}.retrain")

    def digest(self) -> str:
        """Return the hash of the request: the same call again has the same."""
        return hash_json(
            {
                "spec": self.spec.model_dump(mode="json"),
                "root": str(self.root.absolute()),
                "policy": self.policy.hash,
                "out": str(self.out.absolute()),
                "champion": None if self.bundle is None else read_manifest(self.bundle).digest(),
                "settings": None
                if self.settings is None
                else self.settings.model_dump(mode="json"),
                "roles_seed": self.roles_seed,
            }
            | ({} if self.annotated is None else {"annotated": str(self.annotated.absolute())})
        )


@dataclass(frozen=True)
class Champion:
    """The bundle in use."""

    folder: Path
    system: TrainedSystem
    manifest: BundleManifest

    def record(self) -> BundleRecord:
        """Return what the case database keeps of it."""
        return bundle_record(self.manifest, self.folder)


def load_champion(request: RetrainRequest, store: Store) -> Champion | None:
    """Load the champion of a request; None for the first training.

    Raises
    ------
    UsageError
        If it is not the champion of the case database, the database has one although none is
        given, or the spec places cases otherwise than the bundle's.
    BundleError
        If it cannot be loaded.
    """
    with store.reading() as session:
        in_use = find_champion(session)
    if request.bundle is None:
        if in_use is not None:
            raise UsageError(
                f"is not given, and the case database has a champion, {in_use.name}",
                where="--bundle",
                hint=f"Give it: --bundle {in_use.path}.",
            )
        return None
    system, manifest = load_system(request.bundle)
    if in_use is not None and in_use.digest != manifest.digest():
        raise UsageError(
            f"is not the champion of the case database, which is {in_use.name}",
            where=str(request.bundle),
            hint="Give the bundle in use.",
        )
    check_placement(request.spec, manifest, load_bundle_spec(request.bundle))
    return Champion(request.bundle, system, manifest)
