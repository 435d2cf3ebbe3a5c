"""A folder of scored cases of any number, made of a few that were scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from triage.data.manifest import Case
from triage.hashing import hash_bytes
from triage.imaging.provenance import FileProvenance
from triage.intake.scored_shard import write_shard
from triage.scored_dataset import DatasetManifest
from triage.systems.bundle import read_manifest
from triage.systems.scored import Scored

PATIENTS_PER_CASE = 0.7


def repeated_folder(
    folder: Path,
    bundle: Path,
    cases: Sequence[Case],
    scored: Scored,
    count: int,
    *,
    root: Path,
    shard_size: int = 500,
    derived: bool = False,
    renamed: bool = False,
) -> Path:
    """Write shards of `count` cases whose opinions are those of the scored ones, in turn.

    Their files do not exist; each has a hash of its own. With `derived` the cases have no ids.
    """
    folder.mkdir(parents=True)
    system = read_manifest(bundle)
    known = [case for case in cases if case.case_id not in scored.rejected]
    shards = []
    for number, start in enumerate(range(0, count, shard_size)):
        places = range(start, min(start + shard_size, count))
        named = [
            _case(known[place % len(known)], place, root, derived, renamed) for place in places
        ]
        shards.append(
            write_shard(folder, number, "0" * 64, named, _scored(scored, named, places), root)
        )
    manifest = DatasetManifest(
        state="complete",
        code_version="1",
        bundle_name=system.name,
        bundle_digest=system.digest(),
        bundle_path=str(bundle),
        modality=str(system.modality),
        table_sha256="0" * 64,
        spec_hash="0" * 64,
        root=str(root),
        source="clinic",
        shard_size=shard_size,
        shards=tuple(shards),
    )
    manifest.write(folder)
    return folder


def _case(case: Case, place: int, root: Path, derived: bool, renamed: bool) -> Case:
    image = root / ("later" if renamed else "") / f"{place:07d}.png"
    patient = f"P-{int(place * PATIENTS_PER_CASE):07d}"
    return replace(
        case,
        case_id=str(image.relative_to(root)) if derived else f"C-{place:07d}",
        patient_id=patient,
        cluster=f"patient:{patient}",
        images=(image,),
        root=root,
        id_derived=derived,
    )


def _scored(scored: Scored, cases: Sequence[Case], places: Sequence[int]) -> Scored:
    table = scored.predictions
    assert table.decisions is not None
    at = np.array(places) % len(table)
    frame = table.cases.iloc[at].reset_index(drop=True)
    named = {
        "case_id": [case.case_id for case in cases],
        "patient_id": [case.patient_id for case in cases],
        "cluster": [case.cluster for case in cases],
    }
    features = list(scored.features.values())
    return Scored(
        replace(
            table,
            cases=frame.assign(**named),
            probabilities=table.probabilities[at],
            embedding=table.embedding[at],
            decisions=table.decisions.iloc[at].reset_index(drop=True),
        ),
        rejected={},
        quality={},
        files={
            case.images[0]: FileProvenance(hash_bytes(case.images[0].name.encode()))
            for case in cases
        },
        features={
            case.case_id: features[place % len(features)]
            for case, place in zip(cases, places, strict=True)
            if features
        },
    )
