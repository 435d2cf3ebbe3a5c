"""One shard of scored cases on disk: its predictions, and what storing its cases later needs.

Two Parquet files, see `triage.scored_dataset`. The second has one row a case, refused ones too:

| column                  | type                  | meaning                              |
|-------------------------|-----------------------|--------------------------------------|
| case_id, patient_id, cluster | text             | as in predictions                    |
| images                  | list of text          | names of the files below the root    |
| subgroups               | map of text to text   | level on each axis                   |
| visit                   | int or null           | days since the patient's first visit |
| laterality              | text or null          | left, right or both                  |
| age                     | float or null         | years                                |
| id_derived              | bool                  | whether the name is the image's path |
| sha256                  | list of text or null  | of each image's content              |
| flags                   | list of lists of text | how each image was decoded           |
| reject_reason, reject_message, reject_file, reject_hint, reject_sha256 | text or null | refusal |
| quality, other_kind, unseen | text or null      | why the system abstained             |
| reading                 | text or null          | file of the reading of an OCT volume |
| findings                | text or null          | its findings as a JSON object        |
| feature                 | D float32 or null     | for similar cases; absent where none |
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from triage.atomic_write import whole_file
from triage.data.manifest import Case
from triage.errors import ImageRejected, PredictionsError, RejectReason, count_by_reason
from triage.hashing import hash_file
from triage.imaging.provenance import FileProvenance
from triage.intake.shard_plan import case_of_plan, plan_rows
from triage.predictions import Predictions
from triage.scored_dataset import (
    AGAIN,
    READINGS,
    DatasetManifest,
    Shard,
    ShardFile,
    read_shard_file,
    shard_names,
)
from triage.systems.case_features import Features
from triage.systems.scored import Scored
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency

FORMAT = "triage-scored-cases-1"
_KEY = b"triage"
_MALFORMED = (OSError, LookupError, ValueError, TypeError, RecursionError, pa.ArrowException)
_TEXT = pa.string()
_FIELDS: dict[str, pa.DataType] = {
    "case_id": _TEXT,
    "patient_id": _TEXT,
    "cluster": _TEXT,
    "images": pa.list_(_TEXT),
    "subgroups": pa.map_(_TEXT, _TEXT),
    "visit": pa.int32(),
    "laterality": _TEXT,
    "age": pa.float64(),
    "id_derived": pa.bool_(),
    "sha256": pa.list_(_TEXT),
    "flags": pa.list_(pa.list_(_TEXT)),
    "reject_reason": _TEXT,
    "reject_message": _TEXT,
    "reject_file": _TEXT,
    "reject_hint": _TEXT,
    "reject_sha256": _TEXT,
    "quality": _TEXT,
    "other_kind": _TEXT,
    "unseen": _TEXT,
    "reading": _TEXT,
    "findings": _TEXT,
}
_FEATURE = "feature"


@dataclass(frozen=True)
class ScoredShard:
    """The cases of a shard and what became of them.

    Parameters
    ----------
    cases : list of Case
        All of them, in the order of the table.
    scored : Scored
    """

    cases: list[Case]
    scored: Scored


def write_shard(
    folder: Path, number: int, key: str, cases: Sequence[Case], scored: Scored, root: Path
) -> Shard:
    """Write the two files of a shard, each whole or not at all.

    Parameters
    ----------
    folder : Path
    number : int
    key : str
        Of what decides its content, see `triage.scored_dataset.Shard`.
    cases : sequence of Case
    scored : Scored
        Of those cases.
    root : Path
        Folder that the names of images are relative to.

    Returns
    -------
    Shard
        What the manifest says of it.

    Raises
    ------
    PredictionsError
        If it cannot be written.
    """
    predictions, every = (folder / name for name in shard_names(number))
    table = scored.predictions
    scored.predictions.save(predictions)
    header = {"format": FORMAT, "shard": number, "bundle": table.provenance.get("bundle", "")}
    content = _table(cases, scored, root).replace_schema_metadata({_KEY: json.dumps(header)})
    try:
        with whole_file(every) as partial, partial.open("wb") as stream:
            pq.write_table(content, stream, compression="zstd")
        hashes = {path.name: hash_file(path) for path in (predictions, every)}
        readings = {path.name: hash_file(path) for path in scored.readings.values()}
    except OSError as error:
        raise PredictionsError(
            f"cannot be written: {error.strerror or error}", where=str(folder)
        ) from error
    decisions = table.decisions if table.decisions is not None else pd.DataFrame()
    return Shard(
        number=number,
        key=key,
        cases=len(cases),
        scored=len(table),
        rejected=count_by_reason(scored.rejected.values()),
        no_opinion=_count(decisions, "recommendation", NO_AI_OPINION),
        urgent=_count(decisions, "queue_urgency", Urgency.URGENT),
        predictions=ShardFile(name=predictions.name, sha256=hashes[predictions.name]),
        all_cases=ShardFile(name=every.name, sha256=hashes[every.name]),
        readings=readings,
    )


def read_shard(
    folder: Path,
    manifest: DatasetManifest,
    shard: Shard,
    *,
    root: Path | None = None,
    readings: Path | None = None,
) -> ScoredShard:
    """Read a shard as scoring left it; hashes are compared on what is read.

    Parameters
    ----------
    folder : Path
    manifest : DatasetManifest
    shard : Shard
        Of the manifest.
    root : Path, optional
        Where the images lie by now; by default where they were scored.
    readings : Path, optional
        Where the readings of volumes lie; by default within the folder.

    Raises
    ------
    PredictionsError
        If one of its files is missing, damaged, or not what the manifest tells of. The files of
        readings are not opened here.
    """
    predictions = Predictions.of_shard(folder, manifest, shard)
    data = read_shard_file(folder, shard, shard.all_cases)
    path = folder / shard.all_cases.name
    try:
        with pq.ParquetFile(io.BytesIO(data)) as file:
            table = file.read()
        header = json.loads((table.schema.metadata or {})[_KEY])
        expected = {"format": FORMAT, "shard": shard.number, "bundle": manifest.bundle_digest}
        if header != expected or table.num_rows != shard.cases:
            raise PredictionsError(
                f"is not that of shard {shard.number} of this folder", where=str(path), hint=AGAIN
            )
        return _content(
            table,
            predictions,
            Path(manifest.root) if root is None else root,
            folder / READINGS if readings is None else readings,
        )
    except _MALFORMED as error:
        raise PredictionsError(
            f"holds no cases of shard {shard.number}", where=str(path), hint=AGAIN
        ) from error


def read_contents(folder: Path, shard: Shard) -> Iterator[tuple[str, tuple[str | None, ...], bool]]:
    """Yield the name of each case of a shard, the hashes of its images, whether it is a path.

    Raises
    ------
    PredictionsError
        If the file is missing or damaged.
    """
    data = read_shard_file(folder, shard, shard.all_cases)
    columns = ["case_id", "sha256", "id_derived"]
    try:
        with pq.ParquetFile(io.BytesIO(data)) as file:
            rows = file.read(columns=columns).to_pylist()
    except _MALFORMED as error:
        raise PredictionsError(
            f"holds no cases of shard {shard.number}",
            where=str(folder / shard.all_cases.name),
            hint=AGAIN,
        ) from error
    for row in rows:
        yield row["case_id"], tuple(row["sha256"]), row["id_derived"]


def is_intact(folder: Path, shard: Shard, *, readings: Path | None = None) -> bool:
    """Say whether the files of a shard are there and have their hashes, readings included."""
    read = folder / READINGS if readings is None else readings
    expected = {
        folder / file.name: file.sha256 for file in (shard.predictions, shard.all_cases)
    } | {read / name: sha256 for name, sha256 in shard.readings.items()}
    try:
        return all(hash_file(path) == sha256 for path, sha256 in expected.items())
    except OSError:
        return False


def _count(decisions: pd.DataFrame, column: str, value: str) -> int:
    return int((decisions[column] == value).sum()) if column in decisions else 0


def _table(cases: Sequence[Case], scored: Scored, root: Path) -> pa.Table:
    found = _findings_by_case(scored)
    rows = [
        facts | _row(case, scored) | {"findings": found.get(case.case_id)}
        for facts, case in zip(plan_rows(cases, root), cases, strict=True)
    ]
    columns = [pa.array([row[name] for row in rows], type) for name, type in _FIELDS.items()]
    table = pa.Table.from_arrays(columns, names=list(_FIELDS))
    if scored.features:
        width = len(next(iter(scored.features.values())))
        vectors = [scored.features.get(case.case_id) for case in cases]
        array = pa.array(vectors, pa.list_(pa.float32(), width))
        table = table.append_column(_FEATURE, array)
    return table


def _row(case: Case, scored: Scored) -> dict[str, Any]:
    """What became of a case, beside the facts that its plan states."""
    files = [scored.files.get(path, FileProvenance(None)) for path in case.images]
    refused = scored.rejected.get(case.case_id)
    reading = scored.readings.get(case.case_id)
    return {
        "sha256": [file.sha256 for file in files],
        "flags": [list(file.flags) for file in files],
        "reject_reason": None if refused is None else str(refused.reason),
        "reject_message": None if refused is None else _utf8(refused.what),
        "reject_file": None if refused is None else _utf8(refused.where),
        "reject_hint": None if refused is None else _utf8(refused.hint),
        "reject_sha256": None if refused is None else refused.sha256,
        "quality": scored.quality.get(case.case_id),
        "other_kind": scored.other_kind.get(case.case_id),
        "unseen": scored.unseen.get(case.case_id),
        "reading": None if reading is None else reading.name,
    }


def _utf8(text: str | None) -> str | None:
    """A text that Parquet can hold: names within the folder of a volume may not be UTF-8."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _findings_by_case(scored: Scored) -> dict[str, str]:
    if scored.findings is None or scored.findings.empty:
        return {}
    numbers = scored.findings.drop(columns="case_id").to_dict("records")
    return {
        case: json.dumps({str(k): None if pd.isna(v) else float(v) for k, v in row.items()})
        for case, row in zip(scored.findings["case_id"], numbers, strict=True)
    }


def _content(table: pa.Table, predictions: Predictions, root: Path, readings: Path) -> ScoredShard:
    features = _features(table)
    rows = table.select(list(_FIELDS)).to_pylist()
    cases = [case_of_plan(row, root) for row in rows]
    by_case = {row["case_id"]: row for row in rows}

    def told(column: str) -> dict[str, str]:
        return {case: row[column] for case, row in by_case.items() if row[column] is not None}

    found = {case: json.loads(text) for case, text in told("findings").items()}
    volumes = bool(found) or any(row["reading"] for row in rows)
    return ScoredShard(
        cases,
        Scored(
            predictions,
            rejected={case: _refusal(by_case[case]) for case in told("reject_reason")},
            quality=told("quality"),
            other_kind=told("other_kind"),
            unseen=told("unseen"),
            files={
                path: FileProvenance(sha256, tuple(flags))
                for case, row in zip(cases, rows, strict=True)
                for path, sha256, flags in zip(
                    case.images, row["sha256"], row["flags"], strict=True
                )
            },
            readings={case: readings / name for case, name in told("reading").items()},
            findings=findings_table(found) if volumes else None,
            features=features,
        ),
    )


def findings_table(found: dict[str, dict[str, float | None]]) -> pd.DataFrame:
    """Return the findings of volumes as scoring returns them: one row a case, NaN for None."""
    return pd.DataFrame(
        [
            {"case_id": case} | {k: np.nan if v is None else v for k, v in row.items()}
            for case, row in found.items()
        ]
    )


def _refusal(row: dict[str, Any]) -> ImageRejected:
    return ImageRejected(
        RejectReason(row["reject_reason"]),
        row["reject_message"],
        where=row["reject_file"],
        hint=row["reject_hint"],
        sha256=row["reject_sha256"],
    )


def _features(table: pa.Table) -> Features:
    if _FEATURE not in table.column_names:
        return {}
    column = table.column(_FEATURE)
    kept = column.is_valid().to_numpy(zero_copy_only=False)
    names = [name for name, there in zip(table["case_id"].to_pylist(), kept, strict=True) if there]
    flat = column.drop_null().combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = np.asarray(flat, dtype=np.float32).reshape(len(names), column.type.list_size)
    return dict(zip(names, vectors, strict=True))
