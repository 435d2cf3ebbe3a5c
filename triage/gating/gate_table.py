"""Predictions tables of the gate: ours, or anybody's CSV or Parquet, checked and aligned."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import MISSING, OUTLIER, AuditTable, LevelCodes
from triage.auditing.frame_columns import MAX_LEVELS
from triage.data.case_facts import band_names, most_frequent_spellings, word_names
from triage.data.identifiers import is_missing
from triage.data.spec import DataSpec, Subgroup, level_key
from triage.decisions.cost_matrix import case_costs, cost_matrix, subgroup_factors
from triage.decisions.policy import Policy
from triage.errors import UsageError
from triage.evaluation.results import level_order
from triage.gating import table_columns as columns
from triage.gating.table_columns import RawColumns
from triage.predictions import Predictions
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, NO_AI_OPINION, Urgency
from triage.vocabulary.subgroup_levels import UNKNOWN


@dataclass(frozen=True)
class GateTable:
    """Predictions on the N cases of a gate split.

    Parameters
    ----------
    cases : AuditTable
        In the order of their identifiers, which `case_names` holds; never in a result.
    plan : AuditPlan
        What the spec says of its columns.
    cases_hash : str
        Hash of the cases: identifiers, patients and labels.
    content_hash : str
        Hash of the cases and of what the system said of them.
    missing : tuple of str
        Columns that the table does not have.
    """

    cases: AuditTable
    plan: AuditPlan
    cases_hash: str
    content_hash: str
    missing: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def ids(self) -> tuple[str, ...]:
        """Case identifiers, increasing."""
        assert self.cases.case_names is not None
        return tuple(self.cases.case_names.to_pylist())


def read_gate_table(path: str | Path, spec: DataSpec) -> GateTable:
    """Read a predictions table: ours, or a CSV or Parquet table with the gate's columns.

    `case_id` and `label` are needed; of `patient_id` (or `cluster`), `condition`,
    `recommendation`, `queue_urgency`, `ood_score`, the columns of the spec's subgroups and one
    column of probability for each known condition it takes what is there. A case without a patient
    is its own. A label of a condition that the spec gives another role than inlier is an outlier.

    Parameters
    ----------
    path : str or Path
    spec : DataSpec

    Raises
    ------
    UsageError
        If a column or a value cannot be used; it names the column and counts the rows.
    """
    return _gate_table(columns.columns_of_file(Path(path), spec), spec)


def gate_table(predictions: Predictions, spec: DataSpec, policy: Policy | None = None) -> GateTable:
    """Return the gate's table of predictions with decisions.

    Parameters
    ----------
    predictions : Predictions
        Labelled and decided.
    spec : DataSpec
    policy : Policy, optional
        The one that decided: calibrates the probabilities. Without it, calibration is not checked.
    """
    given = None if policy is None else policy.calibrated(predictions)
    if given is not None and predictions.inliers != columns.known_conditions(spec):
        place = {name: at for at, name in enumerate(predictions.inliers)}
        known = columns.known_conditions(spec)
        given = given[:, [place[name] for name in known]] if {*known} <= {*place} else None
    return _gate_table(columns.columns_of_predictions(predictions, spec, given), spec)


def gate_table_of_frame(frame: pd.DataFrame, spec: DataSpec, where: str = "table") -> GateTable:
    """Return the gate's table of a data frame with the columns of `read_gate_table`."""
    return _gate_table(columns.columns_of_frame(frame, spec, where), spec)


def _gate_table(raw: RawColumns, spec: DataSpec) -> GateTable:
    names, order = _case_names(raw)
    known = columns.known_conditions(spec)
    labels, label_names = _conditions(raw, columns.LABEL, spec)
    place = {name: at for at, name in enumerate(known)}
    to_class = np.array([place.get(name, OUTLIER) for name in label_names], dtype=np.int16)
    truth = to_class[labels]
    predicted = None
    if raw.has(columns.CONDITION):
        named, words = _conditions(raw, columns.CONDITION, spec, missing=True)
        outside = np.array([place.get(word, MISSING) for word in words], dtype=np.int16)
        predicted = outside[named]
    abstained, queue = _recommended(raw)
    ranks = np.array([spec.by_name[name].urgency.rank for name in label_names], dtype=np.int8)
    axes = {axis.column: _levels(raw, axis) for axis in spec.subgroups if raw.has(axis.column)}
    table = AuditTable(
        classes=known,
        truth=truth,
        cluster=_patients(raw),
        patients_known=raw.has(columns.CLUSTER) or raw.has(columns.PATIENT),
        axes=axes,
        predicted=predicted,
        probabilities=raw.probabilities,
        ood_score=_scores(raw),
        abstained=abstained,
        cost=None,
        true_urgency=ranks[labels],
        queue_urgency=queue,
        label_names=tuple(label_names),
        label_codes=labels.astype(np.int16),
        case_names=names,
    ).take(order)
    table = replace(table, cluster=pd.factorize(table.cluster)[0].astype(np.int32))
    table = replace(table, cost=_costs(table, spec))
    cases_hash = _cases_hash(table)
    return GateTable(
        table,
        columns.plan_of(spec),
        cases_hash,
        _content_hash(table, cases_hash),
        _missing(raw, spec),
    )


def _case_names(raw: RawColumns) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the identifiers as they stand, and the order that sorts them."""
    codes, words = raw.words(columns.CASE)
    counts = np.bincount(codes, minlength=len(words))
    empty = int(sum(count for word, count in zip(words, counts, strict=True) if not word))
    if empty:
        raise _rows(raw, columns.CASE, empty, "have no identifier")
    texts = pa.array(words, pa.large_string()).take(pa.array(codes))
    distinct = len({*words})
    if distinct < len(raw):
        raise _rows(
            raw, columns.CASE, len(raw) - distinct, "repeat the identifier of another row",
            "Give each case once; several cases of one patient share patient_id.",
        )  # fmt: skip
    return texts, pc.sort_indices(texts).to_numpy().astype(np.int64)


def _patients(raw: RawColumns) -> NDArray[np.int32]:
    name = columns.CLUSTER if raw.has(columns.CLUSTER) else columns.PATIENT
    if not raw.has(name):
        return np.arange(len(raw), dtype=np.int32)
    codes, words = raw.words(name)
    place = {word: at for at, word in enumerate(dict.fromkeys(words))}
    known = np.array([-1 if is_missing(word) else place[word] for word in words], dtype=np.int64)
    found = known[codes]
    alone = found < 0
    found[alone] = len(place) + np.arange(int(alone.sum()))
    return found.astype(np.int32)


def _conditions(
    raw: RawColumns, name: str, spec: DataSpec, *, missing: bool = False
) -> tuple[NDArray[np.int64], list[str]]:
    """Return codes and names of a column of conditions; '' where none is named and may be."""
    codes, words = raw.words(name)
    by_key = {level_key(one.name): one.name for one in spec.conditions}
    names = [by_key.get(level_key(word), "" if is_missing(word) else None) for word in words]
    counts = np.bincount(codes, minlength=len(words))
    absent = sum(int(n) for one, n in zip(names, counts, strict=True) if one == "")
    unknown = [(word, int(n)) for word, one, n in zip(words, names, counts, strict=True)
               if one is None and n]  # fmt: skip
    if unknown:
        raise _rows(
            raw, name, sum(n for _, n in unknown),
            f"hold {len(unknown)} different values that are no condition of the spec",
            f"The conditions are {_listed(by_key.values())}.",
        )  # fmt: skip
    if absent and not missing:
        raise _rows(raw, name, absent, "have no value", "Leave out cases without a label.")
    return codes, [one or "" for one in names]


def _recommended(
    raw: RawColumns,
) -> tuple[NDArray[np.bool_] | None, NDArray[np.int8] | None]:
    """Whether there is no opinion, and the rank of the urgency in which the case waits."""
    if not raw.has(columns.RECOMMENDATION):
        return None, None
    known = {str(one): one.rank for one in Urgency} | {NO_AI_OPINION: len(Urgency)}
    found = _ranked(raw, columns.RECOMMENDATION, known)
    abstained = found == len(Urgency)
    queue = np.where(abstained, ABSTAINED_PRIORITY.rank, found).astype(np.int8)
    if raw.has(columns.QUEUE):
        queue = _ranked(raw, columns.QUEUE, {str(one): one.rank for one in Urgency})
    return abstained, queue


def _ranked(raw: RawColumns, name: str, known: dict[str, int]) -> NDArray[np.int8]:
    codes, words = raw.words(name)
    ranks = np.array([known.get(_word(word), MISSING) for word in words], dtype=np.int8)
    found: NDArray[np.int8] = ranks[codes]
    if wrong := int((found == MISSING).sum()):
        what = "have no value or a word that is no recommendation"
        raise _rows(raw, name, wrong, what, f"The words are {_listed(known)}.")
    return found


def _word(text: str) -> str:
    return text.casefold().replace("-", "_").replace(" ", "_")


def _scores(raw: RawColumns) -> NDArray[np.float64] | None:
    if not raw.has(columns.OOD):
        return None
    found = columns.number_column(raw, columns.OOD)
    if wrong := int((~np.isfinite(found)).sum()):
        raise _rows(raw, columns.OOD, wrong, "hold no finite number")
    return found


def _levels(raw: RawColumns, axis: Subgroup) -> LevelCodes:
    codes, words = raw.words(axis.column)
    counts = np.bincount(codes, minlength=len(words)).tolist()
    found = _level_names(axis, words, counts)
    names = sorted({*found}, key=level_order)
    if axis.stated_levels:
        names = [name for name in (*axis.stated_levels, UNKNOWN) if name in {*found}]
    if len(names) > MAX_LEVELS:
        raise UsageError(
            f"column {axis.column!r} has {len(names)} levels, more than {MAX_LEVELS}",
            where=raw.where,
            hint="Give it `bands` or `levels` in the data spec.",
        )
    place = {name: at for at, name in enumerate(names)}
    mapped = np.array([place[name] for name in found], dtype=np.int16)
    return LevelCodes(tuple(names), mapped[codes])


def _level_names(axis: Subgroup, words: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Level of each distinct value; a value that is the name of a stated level is that level."""
    if axis.bands is not None or axis.levels is not None:
        parse = band_names if axis.bands is not None else word_names
        by_word: dict[str, str | None] = parse(axis, pd.Series(list(words), dtype=str))
        by_word |= {name: name for name in axis.stated_levels}
        return [by_word.get(word) or UNKNOWN for word in words]
    spelling = most_frequent_spellings(Counter(dict(zip(words, counts, strict=True))))
    return [UNKNOWN if is_missing(word) else spelling[level_key(word)] for word in words]


def _costs(table: AuditTable, spec: DataSpec) -> NDArray[np.float64] | None:
    if table.queue_urgency is None or table.abstained is None or table.predicted is None:
        return None
    given = spec.costs.multipliers.subgroups if spec.costs.multipliers else {}
    if not {*given} <= {*table.axes}:
        return None
    assert table.label_codes is not None
    levels = pd.DataFrame(
        {name: np.array(table.axes[name].levels, dtype=object)[table.axes[name].codes]
         for name in given},
        index=range(len(table)),
    )  # fmt: skip
    factors = subgroup_factors(spec.costs, levels) if given else None
    return case_costs(
        cost_matrix(spec),
        np.array(table.label_names, dtype=object)[table.label_codes].tolist(),
        table.is_outlier,
        table.predicted == table.truth,
        table.queue_urgency.astype(np.int64),
        table.abstained,
        factors,
    )


def _cases_hash(table: AuditTable) -> str:
    digest = hashlib.sha256()
    assert table.case_names is not None
    assert table.label_codes is not None
    for text in (table.case_names.cast(pa.large_binary()),):
        lengths = pc.binary_length(text).to_numpy(zero_copy_only=False)
        digest.update(np.ascontiguousarray(lengths, dtype=np.int64).tobytes())
        digest.update(b"".join(text.to_pylist()))
    names = sorted({*table.label_names})
    place = np.array([names.index(name) for name in table.label_names], dtype=np.int32)
    digest.update("\0".join(names).encode())
    digest.update(place[table.label_codes].tobytes())
    digest.update(table.cluster.tobytes())
    return digest.hexdigest()


def _content_hash(table: AuditTable, cases_hash: str) -> str:
    digest = hashlib.sha256(cases_hash.encode())
    said: dict[str, Any] = {
        name: getattr(table, name)
        for name in ("predicted", "abstained", "queue_urgency", "ood_score", "probabilities")
    }
    for name, values in said.items():
        if values is not None:
            digest.update(name.encode())
            # Adding zero makes -0.0 the same as 0.0.
            exact = values + 0.0 if values.dtype.kind == "f" else values
            digest.update(np.ascontiguousarray(exact).tobytes())
    return digest.hexdigest()


def _missing(raw: RawColumns, spec: DataSpec) -> tuple[str, ...]:
    wanted = [columns.CONDITION, columns.RECOMMENDATION, columns.OOD]
    wanted += [axis.column for axis in spec.subgroups]
    found = [name for name in wanted if not raw.has(name)]
    if not (raw.has(columns.PATIENT) or raw.has(columns.CLUSTER)):
        found.insert(0, columns.PATIENT)
    return tuple(found)


def _rows(raw: RawColumns, name: str, count: int, what: str, hint: str | None = None) -> UsageError:
    rows = f"{count} of {len(raw)} rows"
    return UsageError(f"column {name!r}: {rows} {what}", where=raw.where, hint=hint)


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)
