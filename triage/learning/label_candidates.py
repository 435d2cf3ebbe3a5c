"""`triage label errors`: labels of the training data that may be wrong, asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.data.dataset import Dataset, load_dataset
from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.labels.confident_learning import Method, label_errors
from triage.labels.label_precedence import cases_of_labels
from triage.labels.label_rule import LabelRule
from triage.labels.reviewed_cases import check_files
from triage.labels.usable import usable_labels
from triage.learning.out_of_fold import FOLDS, OutOfFold, out_of_fold
from triage.models.settings import TrainSettings
from triage.progress import Progress
from triage.store import Store, WantedLabel, request_labels
from triage.store.tables import Case as CaseRow
from triage.systems.bundle import load_system
from triage.vocabulary.learning import RequestKind

STRATEGY = "confident_learning"
REASON = "The label of this case may be wrong: read it again without looking at the earlier one."
"""For the reader; it names neither the label nor what it may be instead."""


@dataclass(frozen=True)
class LabelCandidate:
    """A label that may be wrong.

    Parameters
    ----------
    case, source : str
    label, suggested : str
        Conditions; the second is what the heads that did not see the case find.
    self_confidence, margin : float
        See `triage.labels.confident_learning.LabelErrors`.
    reviewed : bool
        Whether the label comes from the case database.
    number : int or None
        Row of the case in the database; None where it is not there.
    """

    case: str
    source: str
    label: str
    suggested: str
    self_confidence: float
    margin: float
    reviewed: bool
    number: int | None = None


@dataclass(frozen=True)
class LabelSearch:
    """What a search found.

    Parameters
    ----------
    candidates : tuple of LabelCandidate
        The most suspect first.
    n_cases : int
        Cases whose labels were looked at.
    n_reviewed : int
        Of these, how many come from the database.
    unreadable : int
    accuracy : float
        Share of the cases whose label is the most probable class out of fold; labels that may be
        wrong included.
    noise : float
        Estimated share of labels that are wrong.
    temperature : float
    requested : int
        Requests that were added to the labelling list.
    """

    candidates: tuple[LabelCandidate, ...]
    n_cases: int
    n_reviewed: int
    unreadable: int
    accuracy: float
    noise: float
    temperature: float
    requested: int = 0


def search_label_errors(
    bundle: str | Path,
    spec: DataSpec,
    root: str | Path,
    *,
    store: Store | None = None,
    request: int = 0,
    actor: str = "system",
    method: Method = "prune_by_noise_rate",
    n_folds: int = FOLDS,
    cache_folder: str | Path | None = None,
    progress: Progress = lambda *_: None,
) -> LabelSearch:
    """Rank the labels that may be wrong, and ask for the first of them to be read again.

    Labels of the spec's training and validation splits are looked at, and those of reviews that
    may train. The splits by which a bundle is measured are left alone.

    Parameters
    ----------
    bundle : str or Path
        Whose recipe the heads are trained with.
    spec, root, store
    request : int
        How many of the candidates that are in the database are asked for.
    actor : str
        Who asks.
    method : {'prune_by_noise_rate', 'off_diagonal'}
    n_folds : int
    cache_folder : str or Path, optional
        Of embeddings.
    progress : callable

    Raises
    ------
    UsageError
        If the bundle is no ensemble of heads on frozen embeddings, or requests are wanted without a
        database.
    """
    if request and store is None:
        raise UsageError("requests need the case database", where="--request", hint="Add --db.")
    _, manifest = load_system(Path(bundle))
    if not isinstance(manifest.settings, TrainSettings):
        raise UsageError(
            "label errors are searched in photographs; the bundle is for volumes",
            where=str(bundle),
        )
    dataset = load_dataset(spec, Path(root), manifest.roles.seed)
    extended, sources = _with_reviews(dataset, store)
    predicted = out_of_fold(
        extended,
        manifest.settings,
        cache_folder=cache_folder,
        n_folds=n_folds,
        progress=progress,
    )
    found = label_errors(
        predicted.probabilities, predicted.labels, votes=_votes(predicted), method=method
    )
    suspects = [
        _candidate(predicted, sources, spec, *values)
        for values in zip(
            found.cases, found.suggested, found.self_confidence, found.margin, strict=True
        )
    ]
    suspects, requested = _asked(store, suspects, request, actor)
    right = predicted.probabilities.argmax(1) == predicted.labels
    total = int(found.joint.sum())
    return LabelSearch(
        tuple(suspects),
        len(predicted.cases),
        sum(case.case_id in sources for case in predicted.cases),
        predicted.unreadable,
        float(right.mean()),
        float(1 - np.trace(found.joint) / total) if total else 0.0,
        predicted.temperature,
        requested,
    )


def _with_reviews(dataset: Dataset, store: Store | None) -> tuple[Dataset, dict[str, str]]:
    """The data set with reviewed cases, and where each of those comes from."""
    if store is None:
        return dataset, {}
    with store.reading() as session:
        labels, _ = usable_labels(session, LabelRule())
    reviewed, _ = cases_of_labels(labels, dataset.spec)
    same, _ = check_files(reviewed)
    extended = dataset.with_training_cases([each.case for each in same])
    entered = {case.case_id for case in extended.cases[len(dataset.cases) :]}
    return extended, {
        each.case.case_id: each.source for each in same if each.case.case_id in entered
    }


def _votes(predicted: OutOfFold) -> NDArray[np.float64]:
    numbers = {name: number for number, name in enumerate(predicted.classes)}
    votes = np.zeros(predicted.probabilities.shape)
    for row, case in enumerate(predicted.cases):
        for name, count in case.votes.items():
            if name in numbers:
                votes[row, numbers[name]] += count
    return votes


def _candidate(
    predicted: OutOfFold,
    sources: dict[str, str],
    spec: DataSpec,
    row: int,
    suggested: int,
    confidence: float,
    margin: float,
) -> LabelCandidate:
    case: Case = predicted.cases[row]
    return LabelCandidate(
        case.case_id,
        sources.get(case.case_id, spec.case_source),
        str(case.condition),
        predicted.classes[suggested],
        float(confidence),
        float(margin),
        case.case_id in sources,
    )


def _asked(
    store: Store | None, suspects: list[LabelCandidate], request: int, actor: str
) -> tuple[list[LabelCandidate], int]:
    """The candidates with their rows in the database, and how many were asked for."""
    if store is None:
        return suspects, 0
    with store.reading() as session:
        located = _located(session, suspects)
    return located, _request(store, located, request, actor) if request else 0


def _located(session: Session, suspects: Sequence[LabelCandidate]) -> list[LabelCandidate]:
    """The candidates with their rows in the database."""
    wanted = {(one.source, one.case) for one in suspects}
    query = select(CaseRow.id, CaseRow.source, CaseRow.external_id).where(
        CaseRow.source.in_({source for source, _ in wanted})
    )
    numbers = {
        (source, name): number
        for number, source, name in session.execute(query)
        if (source, name) in wanted
    }
    fields = [(one, numbers.get((one.source, one.case))) for one in suspects]
    return [LabelCandidate(**(vars(one) | {"number": number})) for one, number in fields]


def _request(store: Store, suspects: Sequence[LabelCandidate], most: int, actor: str) -> int:
    known = [one.number for one in suspects if one.number is not None][:most]
    wanted = [WantedLabel(number, REASON) for number in known]

    def work(session: Session) -> int:
        return request_labels(session, wanted, RequestKind.LABEL_ERROR, STRATEGY, actor=actor)

    return store.write(work)
