"""Scoring of live cases by the bundle in shadow, which no reader is shown.

It runs after the opinions that readers are shown have been stored. Whatever goes wrong in it leaves
them as they are and is told to whoever scores, not raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor
from triage.data.manifest import Case
from triage.errors import BundleError, TriageError, UsageError
from triage.intake.case_records import decisions_of
from triage.intake.described_bundle import bundle_record
from triage.intake.ingest import CHUNK
from triage.intake.score import score_cases
from triage.model_registry.people import require_any
from triage.model_registry.shadow_predictions import (
    add_shadow_prediction,
    cases_since,
    shadow_bundle,
    shadow_since,
    without_shadow_prediction,
)
from triage.progress import Progress
from triage.store import Store, get_case, register_bundle
from triage.store.bundle_manifest import manifest_in
from triage.store.records import StoredCase
from triage.store.tables import Bundle
from triage.systems.bundle import load_system, verify_bundle
from triage.systems.scored import Scored
from triage.systems.trained_system import TrainedSystem
from triage.vocabulary.modality import Modality

MOST_ADDED = 1000
"""Cases added since the last run that are scored beside a batch; others follow with the next."""


@dataclass(frozen=True)
class ShadowOutcome:
    """What the bundle in shadow did.

    Parameters
    ----------
    bundle : str
        Its digest.
    scored : int
        Cases on which it has an opinion now and had none before.
    changed_files : int
        Cases left out because a file is not the one that was received.
    failure : str
        Why it did not go on, in a sentence; '' where nothing failed.
    """

    bundle: str
    scored: int = 0
    changed_files: int = 0
    failure: str = ""

    def line(self) -> str:
        """Say it in one line; it tells no opinion on any case."""
        said = f"shadow {self.bundle[:12]}: {self.scored} cases scored"
        if self.changed_files:
            said += f", {self.changed_files} left out because a file has changed"
        return f"{said}; it failed: {self.failure}" if self.failure else said


def require_not_in_shadow(store: Store, bundle: Path) -> None:
    """Refuse to store opinions of the bundle in shadow where readers would be shown them.

    Raises
    ------
    UsageError
    """
    with store.reading() as session:
        shadow = shadow_bundle(session)
    if shadow is None:
        return
    try:
        digest = manifest_in(Path(bundle))[1]
    except BundleError:
        return  # loading it says what is wrong with it
    if digest == shadow.digest:
        raise UsageError(
            "the bundle is in shadow: readers would be shown what it says of these cases",
            where="--bundle",
            hint="Score with the bundle in use, and this one scores along; or end its shadow with "
            "triage registry shadow --clear.",
        )


def register_folder(store: Store, folder: Path, actor: Actor) -> str:
    """Register a bundle by its folder, without letting it score, and return its digest.

    Raises
    ------
    BundleError
        If it does not verify.
    PermissionDenied
        If it is new and the actor may not change models.
    """
    manifest = verify_bundle(folder)

    def work(session: Session) -> None:
        known = select(Bundle.id).where(Bundle.digest == manifest.digest())
        if session.scalar(known) is None:
            require_any(session, actor, Action.CHANGE_MODELS)
            register_bundle(session, bundle_record(manifest, folder), actor=actor.name)

    store.write(work)
    return manifest.digest()


def score_in_shadow(
    store: Store,
    cases: Sequence[int] = (),
    *,
    cache_folder: Path | None = None,
    report: Progress = lambda *_: None,
) -> ShadowOutcome | None:
    """Score cases with the bundle in shadow; None where no bundle is.

    Parameters
    ----------
    store : Store
    cases : sequence of int
        Rows of `case`. Cases that were received since the bundle is in shadow, in the pages or by
        another run, are scored along.
    cache_folder : Path, optional
    report : callable

    Returns
    -------
    ShadowOutcome
        Never an error: the opinions that readers are shown do not depend on this.
    """
    done = _Done()
    try:
        with store.reading() as session:
            shadow = shadow_bundle(session)
        if shadow is None:
            return None
        done.bundle = shadow.digest
        _score(store, Path(shadow.path), shadow.digest, cases, cache_folder, report, done)
    except Exception as error:
        what = error.what if isinstance(error, TriageError) else type(error).__name__
        return ShadowOutcome(done.bundle, done.scored, done.changed, what)
    return ShadowOutcome(done.bundle, done.scored, done.changed)


@dataclass
class _Done:
    bundle: str = ""
    scored: int = 0
    changed: int = 0


def _score(
    store: Store,
    folder: Path,
    digest: str,
    cases: Sequence[int],
    cache_folder: Path | None,
    report: Progress,
    done: _Done,
) -> None:
    system, manifest = load_system(folder)
    if manifest.digest() != digest:
        raise BundleError("another bundle lies in the folder of the one in shadow")
    bundle, wanted = _wanted(store, digest, cases, manifest.modality)
    for start in range(0, len(wanted), CHUNK):
        with store.reading() as session:
            chunk = [get_case(session, number) for number in wanted[start : start + CHUNK]]
            stored = [one for one in chunk if one.images]
        _score_chunk(store, system, bundle, stored, cache_folder, report, done)


def _wanted(
    store: Store, digest: str, cases: Sequence[int], modality: Modality
) -> tuple[int, list[int]]:
    """Row of the bundle, and the cases that it has not scored."""
    with store.reading() as session:
        bundle = session.scalar(select(Bundle.id).where(Bundle.digest == digest))
        assert bundle is not None, "a registered bundle has a row"
        wanted = without_shadow_prediction(session, bundle, cases)
        wanted = [one for one in wanted if get_case(session, one).modality is modality]
        since = shadow_since(session, digest)
        if since is not None:
            added = cases_since(session, bundle, modality, since, MOST_ADDED)
            wanted = list(dict.fromkeys([*wanted, *added]))
    return bundle, wanted


def _score_chunk(
    store: Store,
    system: TrainedSystem,
    bundle: int,
    stored: Sequence[StoredCase],
    cache_folder: Path | None,
    report: Progress,
    done: _Done,
) -> None:
    cases = [_case(one) for one in stored]
    scored = score_cases(system, cases, cache_folder, report)
    decisions = decisions_of(cases, scored)
    same = [one for one in stored if _same_files(one, scored)]
    done.changed += len(stored) - len(same)
    done.scored += store.write(
        lambda session: sum(
            add_shadow_prediction(session, one.id, bundle, decisions[str(one.id)]) for one in same
        )
    )


def _case(stored: StoredCase) -> Case:
    """A stored case as one to score; its name is that of its row."""
    name = str(stored.id)
    return Case(
        case_id=name,
        patient_id=name,
        cluster=name,
        images=tuple(Path(image.root) / image.path for image in stored.images),
        condition=None,
        root=Path(stored.images[0].root),
        visit=stored.visit,
        laterality=None if stored.laterality is None else str(stored.laterality),
        age=stored.age,
    )


def _same_files(stored: StoredCase, scored: Scored) -> bool:
    """Whether the files are those that were received, as far as their hashes are known."""
    for image in stored.images:
        found = scored.files.get(Path(image.root) / image.path)
        if image.sha256 and found is not None and found.sha256 not in (None, image.sha256):
            return False
    return True
