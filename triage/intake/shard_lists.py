"""The lists of a folder of shards for people, over all its cases; and its shards joined."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from triage.csv_file import write_csv
from triage.intake.scored_shard import ScoredShard
from triage.modalities import MODALITIES
from triage.predictions import Predictions
from triage.scored_dataset import FINDINGS, REJECTED, DatasetManifest, read_shard_file
from triage.systems.scored import Scored
from triage.vocabulary.modality import Modality

REJECTED_COLUMNS = ("case_id", "reason", "message", "file", "hint")
_OF_REJECTED = ("case_id", "reject_reason", "reject_message", "reject_file", "reject_hint")


def write_lists(folder: Path, manifest: DatasetManifest) -> None:
    """Write `rejected.csv`, and of OCT volumes `findings.csv`, one shard in memory at a time.

    Raises
    ------
    PredictionsError
        If a shard is missing or damaged.
    OSError
        If they cannot be written.
    """
    refused = (
        tuple(row[name] for name in _OF_REJECTED)
        for row in _rows(folder, manifest, _OF_REJECTED)
        if row["reject_reason"] is not None
    )
    write_csv(folder / REJECTED, REJECTED_COLUMNS, refused)
    if not MODALITIES[Modality(manifest.modality)].volumes:
        return
    columns: dict[str, None] = {}
    for row in _findings(folder, manifest):
        columns |= dict.fromkeys(row)
    names = list(columns)
    values = ([row.get(name) for name in names] for row in _findings(folder, manifest))
    write_csv(folder / FINDINGS, names, values)


def _findings(folder: Path, manifest: DatasetManifest) -> Iterator[dict[str, Any]]:
    for row in _rows(folder, manifest, ("case_id", "findings")):
        if row["findings"] is not None:
            yield {"case_id": row["case_id"], **json.loads(row["findings"])}


def _rows(
    folder: Path, manifest: DatasetManifest, columns: Sequence[str]
) -> Iterator[dict[str, Any]]:
    for shard in manifest.shards:
        data = read_shard_file(folder, shard, shard.all_cases)
        with pq.ParquetFile(io.BytesIO(data)) as file:
            yield from file.read(columns=list(columns)).to_pylist()


def joined_shards(shards: Iterable[ScoredShard], modality: Modality) -> ScoredShard:
    """Put shards together, as if their cases had been scored in one call.

    Parameters
    ----------
    shards : iterable of ScoredShard
        In order; at least one.
    modality : Modality
        Of the bundle that scored them.
    """
    parts = list(shards)
    every = [part.scored for part in parts]
    findings = None
    if MODALITIES[modality].volumes:
        tables = [one.findings for one in every if one.findings is not None]
        findings = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return ScoredShard(
        [case for part in parts for case in part.cases],
        Scored(
            Predictions.joined([one.predictions for one in every]),
            rejected=_merged(one.rejected for one in every),
            quality=_merged(one.quality for one in every),
            other_kind=_merged(one.other_kind for one in every),
            unseen=_merged(one.unseen for one in every),
            files=_merged(one.files for one in every),
            readings=_merged(one.readings for one in every),
            findings=findings,
            features=_merged(one.features for one in every),
        ),
    )


def _merged(parts: Iterable[dict[Any, Any]]) -> dict[Any, Any]:
    joined: dict[Any, Any] = {}
    for part in parts:
        joined |= part
    return joined
