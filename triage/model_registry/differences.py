"""What is different between two bundles: data, settings, metrics, and flips of single cases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.data.spec import DataSpec
from triage.dataset_versions.diff import diff_versions
from triage.dataset_versions.stored_versions import version_of_root
from triage.errors import BundleError, UsageError
from triage.gating.gate_table import GateTable, read_gate_table
from triage.gating.result import CheckResult
from triage.model_registry.bundle_rows import bundle_row, dataset_versions, digest_of
from triage.model_registry.shares import Share, share_of_cases
from triage.named_file import MAX_JSON_BYTES, read_named_text
from triage.store.bundle_manifest import manifest_in
from triage.store.learning_tables import GateRunRow
from triage.store.tables import Bundle
from triage.vocabulary.clinical import Urgency

Change = tuple[Any, Any]
"""The value of the first bundle and that of the second; None where there is none."""
_OF_DATA = ("spec_name", "spec_hash", "data_hash", "data_counts", "rejected", "roles")
_NOT_SETTINGS = (*_OF_DATA, "settings", "metrics", "files", "promotion", "settings_hash")


class Side(BaseModel):
    """One of the two bundles; `dataset_version` is a Merkle root, where the database knows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    digest: str
    folder: str
    dataset_version: str | None = None


class DataDifference(BaseModel):
    """How the data differ.

    Parameters
    ----------
    same : bool
        Whether both were trained on the same cases, labels and splits.
    fields : dict of pair
        What the manifests say of the data and is not the same, such as counts by condition.
    members : dict of int, optional
        Cases of the second data set version that were added, removed, relabelled, moved and so on;
        where the database has both versions.
    by_condition : dict of dict of int
        The same by condition.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    same: bool
    fields: dict[str, Change]
    members: dict[str, int] | None = None
    by_condition: dict[str, dict[str, int]] = {}


class Flips(BaseModel):
    """Cases on which the two bundles differ, of two predictions tables of the same cases.

    Parameters
    ----------
    negative, positive : Share
        Cases of known conditions that the first names rightly and the second wrongly, and the
        other way round.
    urgent_lost, urgent_found : Share
        Urgent cases that the first recommends as urgent and the second does not, and the other way
        round.
    recommendation : Share
        Cases that get another recommendation, of all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    negative: Share
    positive: Share
    urgent_lost: Share
    urgent_found: Share
    recommendation: Share


class GateComparison(BaseModel):
    """A stored gate run of the two bundles: which was the challenger, the verdict, the checks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate_run: int
    challenger: str
    verdict: str
    checks: tuple[CheckResult, ...]


class BundleDifference(BaseModel):
    """What is different; settings and metrics that are the same are not listed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    a: Side
    b: Side
    data: DataDifference
    settings: dict[str, Change]
    made: dict[str, Change]
    metrics: dict[str, Change]
    gate_runs: tuple[GateComparison, ...] = ()
    flips: Flips | None = None


def diff_bundles(
    a: str,
    b: str,
    *,
    session: Session | None = None,
    predictions: tuple[Path, Path] | None = None,
    seed: int = 0,
) -> BundleDifference:
    """Compare two bundles.

    Parameters
    ----------
    a, b : str
        Folders of bundles, or aliases or digests of registered ones.
    session : Session, optional
        Without a database, folders are compared, and by their manifests alone.
    predictions : pair of Path, optional
        Predictions tables of both on the same labelled cases, as the gate reads them.
    seed : int
        Of the intervals' random weights.

    Raises
    ------
    BundleError
        If a manifest is missing or altered; it names the file.
    StoreError
        If no registered bundle is so named.
    UsageError
        If the tables are not of the same cases, or cannot be used.
    """
    (first, one), (second, other) = (_side(named, session) for named in (a, b))
    of_a, of_b = _flat(one), _flat(other)
    return BundleDifference(
        a=first,
        b=second,
        data=_data(one, other, first, second, session),
        settings=_changes(_flat(one.get("settings")), _flat(other.get("settings"))),
        made=_changes(*({k: v for k, v in each.items() if _is_made(k)} for each in (of_a, of_b))),
        metrics=_changes(_flat(one.get("metrics")), _flat(other.get("metrics"))),
        gate_runs=() if session is None else _gate_runs(session, first, second),
        flips=None if predictions is None else _flips(Path(first.folder), predictions, seed),
    )


def _side(named: str, session: Session | None) -> tuple[Side, dict[str, Any]]:
    folder, digest, version = Path(named), None, None
    if session is not None and not os.path.isfile(folder / "manifest.json"):
        row = bundle_row(session, digest_of(session, named))
        folder, digest = Path(row.path), row.digest
    manifest, digest = manifest_in(folder, digest)
    if session is not None:
        version = dataset_versions(session).get(digest)
    name = str(manifest.get("name", folder.name))
    return Side(name=name, digest=digest, folder=str(folder), dataset_version=version), manifest


def _data(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    a: Side,
    b: Side,
    session: Session | None,
) -> DataDifference:
    fields = _changes(*(_flat({key: each.get(key) for key in _OF_DATA}) for each in (one, other)))
    members, by_condition = None, {}
    if session is not None and a.dataset_version and b.dataset_version:
        found = diff_versions(
            version_of_root(session, a.dataset_version), version_of_root(session, b.dataset_version)
        )
        members, by_condition = found.counts(), found.by_condition
    return DataDifference(
        same="data_hash" not in fields and not any((members or {}).values()),
        fields=fields,
        members=members,
        by_condition=by_condition,
    )


def _is_made(key: str) -> bool:
    return key.split(".")[0] not in (*_NOT_SETTINGS, "name", "created_at", "notes")


def _flat(value: Any, above: str = "") -> dict[str, Any]:
    """The leaves of nested objects by their dotted names; a list is one value."""
    if not isinstance(value, Mapping):
        return {above: value} if above else {}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found |= _flat(inner, f"{above}.{name}" if above else str(name))
    return found


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Change]:
    return {
        name: (one.get(name), other.get(name))
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    }


def _gate_runs(session: Session, a: Side, b: Side) -> tuple[GateComparison, ...]:
    rows = {
        row.id: row.digest
        for row in session.scalars(select(Bundle).where(Bundle.digest.in_((a.digest, b.digest))))
    }
    found = session.scalars(
        select(GateRunRow)
        .where(GateRunRow.champion_id.in_(rows), GateRunRow.challenger_id.in_(rows))
        .order_by(GateRunRow.id)
    )
    return tuple(
        GateComparison(
            gate_run=row.id,
            challenger=rows[row.challenger_id],
            verdict=row.verdict,
            checks=tuple(CheckResult.model_validate(one) for one in row.result.get("checks", ())),
        )
        for row in found
        if row.challenger_id is not None and row.challenger_id != row.champion_id
    )


def _flips(folder: Path, predictions: tuple[Path, Path], seed: int) -> Flips:
    spec = _spec(folder)
    before, after = (read_gate_table(path, spec) for path in predictions)
    if before.cases_hash != after.cases_hash:
        raise UsageError(
            "the two tables are not of the same cases, patients and labels",
            where=str(predictions[1]),
            hint="Score the same labelled cases with both bundles.",
        )
    return flips(before, after, seed=seed)


def flips(before: GateTable, after: GateTable, *, seed: int = 0) -> Flips:
    """Count the cases on which two systems differ.

    Parameters
    ----------
    before, after : GateTable
        Of the same cases, with conditions and recommendations.
    seed : int

    Raises
    ------
    UsageError
        If a table has no column `condition` or `recommendation`.
    """
    a, b = before.cases, after.cases
    (named_a, said_a), (named_b, said_b) = _said(before), _said(after)
    patients = a.cluster.astype(str)
    everyone, known = np.ones(len(a), dtype=bool), ~a.is_outlier
    right = [each == a.truth for each in (named_a, named_b)]
    top = Urgency.URGENT.rank
    urgent = [each == top for each in (said_a, said_b)]
    is_urgent = everyone & (a.true_urgency == top)
    said = [said_a, said_b]
    assert len(a) == len(b), "the tables are of the same cases"
    return Flips(
        negative=share_of_cases(right[0] & ~right[1], known, patients, seed),
        positive=share_of_cases(right[1] & ~right[0], known, patients, seed),
        urgent_lost=share_of_cases(urgent[0] & ~urgent[1], is_urgent, patients, seed),
        urgent_found=share_of_cases(urgent[1] & ~urgent[0], is_urgent, patients, seed),
        recommendation=share_of_cases(said[0] != said[1], everyone, patients, seed),
    )


def _said(table: GateTable) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """The condition that is named, and the rank of the recommended urgency; -1 of none."""
    cases = table.cases
    if cases.predicted is None or cases.abstained is None or cases.queue_urgency is None:
        raise UsageError("the tables need the columns condition and recommendation")
    return cases.predicted, np.where(cases.abstained, -1, cases.queue_urgency).astype(np.int64)


def _spec(folder: Path) -> DataSpec:
    """The data spec that a bundle was trained with, by which its tables are read."""
    path = folder / "spec.json"
    text = read_named_text(path, "part of the bundle", BundleError, MAX_JSON_BYTES)
    try:
        return DataSpec.model_validate_json(text)
    except ValueError as error:
        raise BundleError("is malformed", where=str(path)) from error
