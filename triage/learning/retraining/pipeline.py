"""`triage retrain`: from reviews and data to a challenger that the gate has judged.

The steps are snapshot, train, calibrate, evaluate, compare, evidence, gate and register. A run that
was interrupted, at whatever moment, goes on when it is called again; one that is finished reports
its result again. No step brings a bundle into use.
"""

from __future__ import annotations

from dataclasses import dataclass

from triage.data.dataset import load_dataset
from triage.dataset_versions.file_content import hash_annotations
from triage.dataset_versions.leaks import check_leaks
from triage.dataset_versions.snapshot import consents_of_store
from triage.dataset_versions.stored_versions import frozen_keys, latest_version, trained_keys
from triage.errors import BundleError, NotEnoughEvidence, UsageError
from triage.hashing import hash_json
from triage.learning.retraining.annotated_data import with_annotated
from triage.learning.retraining.challenger import Run
from triage.learning.retraining.first_data import first_dataset
from triage.learning.retraining.only_one import only_one
from triage.learning.retraining.register import finished_result
from triage.learning.retraining.request import Champion, RetrainRequest, load_champion
from triage.learning.retraining.result import RetrainResult
from triage.learning.retraining.reviewed_labels import reviewed_labels
from triage.learning.retraining.run_row import begin_run
from triage.learning.retraining.run_state import RunState
from triage.learning.retraining.training_data import TrainingData, data_of_reviews, join_reviews
from triage.learning.train import Settings
from triage.progress import Progress
from triage.store import Store
from triage.systems.bundle import check_free, read_manifest


def retrain(
    request: RetrainRequest, store: Store, *, report: Progress = lambda *_: None
) -> RetrainResult:
    """Train a challenger on the spec's data and the reviewed labels, and have it judged.

    The challenger is written to `request.out` whatever the gate answers, registered and given the
    alias `challenger`; the champion stays in use.

    Parameters
    ----------
    request : RetrainRequest
    store : Store
    report : callable

    Raises
    ------
    RetrainInProgress
        If another retraining writes the same bundle or uses the same database.
    NotEnoughEvidence
        If fewer labels may train than the policy asks for.
    LeakError, FrozenSetError
        If the data leak between the splits, or the frozen set is not what it was.
    RunStateError
        If what an earlier part of the run wrote is missing or altered.
    TrainingError
        If a reviewed file changes while it trains, or the disk is full.
    UsageError
        If the bundle is not the champion, or the place is taken.
    """
    with only_one(request.out, store):
        state = RunState.open(request.folder, request.digest())
        if state.finished:
            return finished_result(request, state, store)
        _check_place(request, state)
        ready = prepare(request, store, report)
        champion, data = ready.champion, ready.data
        state.begin(ready.key)
        with store.transaction() as session:
            row = begin_run(
                session,
                ready.key,
                data.version,
                None if champion is None else champion.record(),
                policy_hash=request.policy.hash,
                settings_hash=ready.settings_hash,
                actor=request.actor,
            )
        return Run(request, store, state, champion, data, row, report).result()


@dataclass(frozen=True)
class Prepared:
    """What is known before training: champion, data, settings with their hash, name of the run."""

    champion: Champion | None
    data: TrainingData
    settings: Settings
    settings_hash: str
    key: str


def prepare(request: RetrainRequest, store: Store, report: Progress) -> Prepared:
    """Do everything that comes before training; nothing is written.

    Raises
    ------
    TriageError
        As `retrain` before it trains.
    """
    champion = load_champion(request, store)
    data = _collect(request, champion, store, report)
    settings = request.settings if champion is None else champion.manifest.settings
    assert settings is not None, "a request without a champion has settings"
    settings_hash = hash_json(settings.model_dump(mode="json"))
    key = _run_key(request, champion, data, settings_hash)
    return Prepared(champion, data, settings, settings_hash, key)


def _run_key(
    request: RetrainRequest,
    champion: Champion | None,
    data: TrainingData,
    settings_hash: str,
) -> str:
    """Return the name of a run: the hash of everything that decides what it makes.

    Annotations are no part of the version of a data set, so their files count here.
    """
    annotations = hash_annotations(data.dataset.of_split("train", "validation"))
    return hash_json(
        {
            "name": request.out.name,
            "dataset_version": data.version.root,
            "spec": data.version.spec_hash,
            "champion": None if champion is None else champion.manifest.digest(),
            "policy": request.policy.hash,
            "settings": settings_hash,
        }
        | ({"annotations": annotations} if annotations else {})
    )


def _collect(
    request: RetrainRequest, champion: Champion | None, store: Store, report: Progress
) -> TrainingData:
    """Read labels and data, check them, and take the snapshot; nothing is written."""
    spec, policy = request.spec, request.policy.policy
    with store.reading() as session:
        labels = reviewed_labels(session, spec, policy.labels)
        frozen = frozen_keys(session, spec.name)
        consents = consents_of_store(session)
        before = latest_version(session, spec.name)
        trained = (
            frozenset[str]()
            if champion is None
            else trained_keys(session, champion.manifest.digest())
        )
    parent = None if before is None else before.root
    if champion is None:
        dataset, same, left_out = first_dataset(spec, request.root, labels, request.roles_seed)
        data = data_of_reviews(
            dataset, same, left_out, labels, policy.hold_out,
            frozen_keys=frozen, consents=consents, parent=parent, progress=report,
        )  # fmt: skip
    else:
        base = load_dataset(spec, request.root, champion.manifest.roles.seed)
        if request.annotated is not None:
            base = with_annotated(base, request.annotated)
        data = join_reviews(
            base, labels, policy.hold_out,
            frozen_keys=frozen, consents=consents, parent=parent, progress=report,
        )  # fmt: skip
    check_leaks(data.version, trained)
    _check_enough(data, policy.labels.min_labels)
    return data


def _check_enough(data: TrainingData, wanted: int) -> None:
    added = data.counts["trained_on"]
    if added < wanted:
        left_out = len(data.left_out)
        without = f", without {left_out} whose files are not those received" * bool(left_out)
        raise NotEnoughEvidence(
            f"{added} usable labels from reviews{without}, the policy asks for {wanted}",
            hint="Review more cases, or lower labels.min_labels.",
        )


def _check_place(request: RetrainRequest, state: RunState) -> None:
    """Refuse a place that is taken, unless by the bundle of this run."""
    if not request.out.exists():
        check_free(request.out)
        return
    try:
        made_by = (read_manifest(request.out).promotion or {}).get("run")
    except BundleError:
        made_by = None
    if not state.key or made_by != state.key:
        raise UsageError(
            "exists already", where=str(request.out), hint="Choose another --out, or remove it."
        )
