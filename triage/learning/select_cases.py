"""`triage select`: which cases to label next, and the requests for their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.acquisition import STRATEGIES, Pool
from triage.decisions.policy import Policy
from triage.errors import NotEnoughEvidence, UsageError, unknown_name
from triage.heads import HeadKind
from triage.intake.score import score_cases
from triage.learning.waiting_pool import reading_minutes, waiting_pool
from triage.predictions import Predictions
from triage.progress import Progress
from triage.store import Store, WantedLabel, request_labels
from triage.systems.bundle import load_system
from triage.vocabulary.learning import RequestKind
from triage.vocabulary.modality import Modality

Doubles = NDArray[np.float64]
_NO_DATA_SET = (
    "No data set version is recorded in this database, so only planted cases are known to be kept "
    "for measurement: record one with `triage dataset snapshot`."
)


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Parameters
    ----------
    strategy : str
        Key of `triage.acquisition.STRATEGIES`.
    n : int
        Cases; of a smaller pool all.
    balance : str, optional
        Subgroup axis over whose levels the places are shared evenly.
    seed : int
        Of what is drawn.
    minutes : float, optional
        Reading time of every case; by default as measured in the database, else one minute.
    """

    strategy: str
    n: int
    balance: str | None = None
    seed: int = 0
    minutes: float | None = None

    def __post_init__(self) -> None:
        """Check the settings that need no pool."""
        STRATEGIES.lookup(self.strategy, where="--strategy")
        if self.n < 1:
            raise UsageError("is below 1", where="--n")
        if self.minutes is not None and not 0 < self.minutes < float("inf"):
            raise UsageError("is no number of minutes above 0", where="--minutes")


@dataclass(frozen=True)
class Chosen:
    """A case in the order in which it is to be labelled.

    Parameters
    ----------
    case_id : str
        Its identifier in its source.
    source : str or None
        None of a table of predictions.
    number : int or None
        In the database.
    group : str or None
        Its level on the axis that is balanced.
    value : float
        What the strategy chose it by.
    """

    case_id: str
    source: str | None
    number: int | None
    group: str | None
    value: float


@dataclass(frozen=True)
class Selection:
    """What was chosen.

    Parameters
    ----------
    strategy, unit, reason : str
        `unit` is that of the chosen values; `reason` is the sentence that a reader sees.
    asked : int
    pool : int
        Cases that could be chosen.
    chosen : tuple of Chosen
    left_out : dict of int
        Waiting cases that could not be chosen, by reason.
    requested : int
        Requests that were added to the database.
    notes : tuple of str
        What else has to be said, in sentences.
    """

    strategy: str
    unit: str
    reason: str
    asked: int
    pool: int
    chosen: tuple[Chosen, ...]
    left_out: dict[str, int]
    requested: int = 0
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the result as plain JSON types."""
        return {
            "strategy": self.strategy,
            "unit": self.unit,
            "reason": self.reason,
            "asked": self.asked,
            "pool": self.pool,
            "chosen": [vars(each) for each in self.chosen],
            "left_out": self.left_out,
            "requested": self.requested,
            "notes": list(self.notes),
        }


def select_from_table(
    predictions: Predictions, request: Request, bundle: Path | None = None
) -> Selection:
    """Choose from a table of predictions; nothing is stored.

    Cases with a label are left out, unless all have one: then the labels are not read.

    Parameters
    ----------
    predictions : Predictions
    request : Request
    bundle : Path, optional
        The system that made it, for what a table does not hold: costs, and the kind of head.

    Raises
    ------
    NotEnoughEvidence
        If it has no case.
    UsageError
        If the strategy needs what is not there, or the table is of another system.
    """
    notes, left_out = [], {}
    labelled = predictions.cases["label"].notna().to_numpy()
    rows = np.flatnonzero(~labelled)
    if labelled.all() and len(labelled):
        rows = np.arange(len(labelled))
        notes.append("Every case of the table has a label already; labels were not read.")
    elif labelled.any():
        left_out = {"labelled": int(labelled.sum())}
    if not len(rows):
        raise _empty(left_out)
    part = _rows(predictions, rows)
    policy, head = None, None
    if bundle is not None:
        system, manifest = load_system(bundle)
        policy, head = system.policy, manifest.head
        if system.classes != predictions.classes:
            raise UsageError(
                "the table of predictions is of other classes than the system",
                where=f"--bundle {bundle}",
                hint="Name the system that made it.",
            )
    minutes = np.full(len(part), request.minutes or 1.0)
    if request.strategy == "cost" and request.minutes is None:
        notes.append("No reading time is known: one minute is taken for every case.")
    names = tuple(part.cases["case_id"])
    pool = _pool(part, names, request, policy, head, minutes)
    facts = [(name, None, None) for name in names]
    return _choose(pool, facts, request, left_out, notes)


def select_from_store(
    store: Store,
    bundle: Path,
    request: Request,
    *,
    actor: str,
    dry_run: bool = False,
    cache_folder: Path | None = None,
    report: Progress = lambda *_: None,
) -> Selection:
    """Choose among the waiting cases of a database, and ask for their labels.

    The cases are scored again, from cached embeddings where these stand, since the database keeps
    decisions and not what every member said. Nothing of these scores is stored.

    Parameters
    ----------
    store : Store
    bundle : Path
    request : Request
    actor : str
        Who asks; stands in the event.
    dry_run : bool
        Choose only.

    Raises
    ------
    NotEnoughEvidence
        If no case may be chosen.
    UsageError
        If the strategy needs what the system has not, or an axis does not exist.
    """
    system, manifest = load_system(bundle)
    _refuse_early(request, manifest.head, len({*manifest.members}))
    with store.reading() as session:
        waiting = waiting_pool(session, manifest.modality)
        minutes, measured = reading_minutes(session, waiting.cases)
    if not waiting.cases:
        raise _empty(waiting.left_out)
    scored = score_cases(system, [each.case for each in waiting.cases], cache_folder, report)
    bad = {*scored.rejected, *scored.quality, *scored.other_kind, *scored.unseen}
    by_number = {str(each.number): place for place, each in enumerate(waiting.cases)}
    ids = [str(name) for name in scored.predictions.cases["case_id"]]
    rows = np.array([row for row, name in enumerate(ids) if name not in bad], dtype=np.int64)
    left_out = dict(waiting.left_out)
    if unusable := len(waiting.cases) - len(rows):
        left_out["pictures_not_usable"] = unusable
    if not len(rows):
        raise _empty(left_out)
    kept = [waiting.cases[by_number[ids[row]]] for row in rows]
    notes = []
    if request.strategy == "cost" and request.minutes is None and not measured:
        notes.append("Too few reads were timed: one minute is taken for every case.")
    given = [minutes[by_number[ids[row]]] for row in rows]
    pool = _pool(
        _rows(scored.predictions, rows),
        tuple(each.key for each in kept),
        request,
        system.policy,
        manifest.head,
        np.full(len(kept), request.minutes) if request.minutes else np.array(given),
    )
    facts = [(each.external_id, each.source, each.number) for each in kept]
    found = _choose(pool, facts, request, left_out, notes)
    if not waiting.knows_data_sets:
        found = replace(found, notes=(*found.notes, _NO_DATA_SET))
    if dry_run:
        return found
    return _ask(store, found, manifest.modality, actor)


def _ask(store: Store, found: Selection, modality: Modality, actor: str) -> Selection:
    """Ask for the labels of what may still be asked for, since scoring took time."""
    with store.transaction() as session:
        still = {each.number for each in waiting_pool(session, modality, check_files=False).cases}
        chosen = tuple(each for each in found.chosen if each.number in still)
        wanted = [WantedLabel(each.number, found.reason) for each in chosen if each.number]
        requested = request_labels(
            session, wanted, RequestKind.SELECTED, found.strategy, actor=actor
        )
    notes = found.notes
    if gone := len(found.chosen) - len(chosen):
        notes += (f"{gone} of the chosen cases were labelled or asked for meanwhile.",)
    return replace(found, chosen=chosen, requested=requested, notes=notes)


def _choose(
    pool: Pool,
    facts: Sequence[tuple[str, str | None, int | None]],
    request: Request,
    left_out: dict[str, int],
    notes: list[str],
) -> Selection:
    n = min(request.n, len(pool))
    if n < request.n:
        notes.append(f"{request.n} cases were asked for; all {n} that there are were chosen.")
    strategy = STRATEGIES[request.strategy]()
    choice = strategy.choose(pool, n, request.seed)
    chosen = tuple(
        Chosen(*facts[row], None if pool.groups is None else pool.groups[row], value)
        for row, value in zip(choice.rows, choice.values, strict=True)
    )
    return Selection(
        strategy=request.strategy,
        unit=choice.unit,
        reason=strategy.info.reason,
        asked=request.n,
        pool=len(pool),
        chosen=chosen,
        left_out=left_out,
        notes=(*notes, *choice.notes),
    )


def _pool(
    predictions: Predictions,
    names: tuple[str, ...],
    request: Request,
    policy: Policy | None,
    head: str | None,
    minutes: Doubles,
) -> Pool:
    members = predictions.probabilities.astype(np.float64)
    members /= members.sum(axis=2, keepdims=True)
    flag = None
    if head == HeadKind.INTROSPECTIVE:
        # The last class is no condition: members disagree about conditions, given a known one.
        known = members[:, :, : predictions.n_inliers]
        flag = 1.0 - known.sum(axis=2).mean(axis=1)
        members = known / known.sum(axis=2, keepdims=True).clip(np.finfo(float).tiny)
        flag = flag.clip(0.0)
    return Pool(
        names,
        members,
        flag=flag,
        saving=None if policy is None else expected_saving(predictions, policy),
        minutes=minutes,
        groups=_groups(predictions, request.balance),
    )


def expected_saving(predictions: Predictions, policy: Policy) -> Doubles:
    """Expected clinical cost of the decision on each case, less that after a perfect label.

    Parameters
    ----------
    predictions : Predictions
        With decisions.
    policy : Policy

    Returns
    -------
    float64 array [N]
        In units of the cost matrix, at least 0. After a label the condition is named and the
        cheapest urgency of it recommended, of an unknown one too.

    Raises
    ------
    UsageError
        If the predictions carry no decisions.
    """
    if predictions.decisions is None:
        raise UsageError(
            "the predictions carry no decisions, so their expected cost is not known",
            where="--strategy cost",
            hint="Score the cases with `triage score`.",
        )
    now = predictions.decisions["expected_cost"].to_numpy(dtype=np.float64)
    if policy.matrix is None:
        return now.clip(0.0)
    p_outlier = predictions.decisions["p_outlier"].to_numpy(dtype=np.float64)
    known = policy.matrix.rows([condition.name for condition in policy.conditions])
    least = policy.matrix.of_urgency.min(axis=1)
    unknown = float(least[policy.matrix.rows(policy.unknown)].mean())
    after = (1.0 - p_outlier) * (policy.calibrated(predictions) @ least[known])
    saved: Doubles = (now - after - p_outlier * unknown).clip(0.0)
    return saved


def _groups(predictions: Predictions, axis: str | None) -> tuple[str, ...] | None:
    if axis is None:
        return None
    if axis not in predictions.subgroup_columns:
        raise unknown_name("subgroup", axis, predictions.subgroup_columns, where="--balance")
    return tuple(str(level) for level in predictions.cases[axis])


def _rows(predictions: Predictions, rows: NDArray[np.int64]) -> Predictions:
    """Some cases of a table."""
    decisions = predictions.decisions
    return replace(
        predictions,
        cases=predictions.cases.iloc[rows].reset_index(drop=True),
        probabilities=predictions.probabilities[rows],
        embedding=predictions.embedding[rows],
        decisions=None if decisions is None else decisions.iloc[rows].reset_index(drop=True),
    )


def _refuse_early(request: Request, head: str, members: int) -> None:
    """Refuse before cases are scored what would be refused after."""
    even = np.full((2, members, 2), 0.5)
    flag = np.zeros(2) if head == HeadKind.INTROSPECTIVE else None
    probe = Pool(("a", "b"), even, flag=flag, saving=np.zeros(2), minutes=np.ones(2))
    STRATEGIES[request.strategy]().choose(probe, 1)


def _empty(left_out: dict[str, int]) -> NotEnoughEvidence:
    counts = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in left_out.items())
    return NotEnoughEvidence(
        "no case can be chosen" + (f"; left out: {counts}" if counts else ""),
        hint="Score new cases with `triage score --db`, or label those that were asked for.",
    )
