"""`triage score`: unlabelled cases to a predictions table, and into the case database."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triage.backbones.runtime.execution import Precision, RuntimeName
from triage.csv_file import write_csv
from triage.data.manifest import Case
from triage.decisions.capacity import capacity_alarms
from triage.engine import EngineSettings
from triage.errors import PredictionsError, RejectReason, count_by_reason
from triage.intake.case_source import user_path
from triage.intake.case_table import read_unlabelled
from triage.intake.score_dataset import (
    ALL_MISSING,
    NO_GUARD,
    SHARD_SIZE,
    ShardSettings,
    require_folder,
    score_dataset,
)
from triage.intake.scored_shard import read_shard
from triage.intake.shard_lists import REJECTED_COLUMNS, joined_shards
from triage.intake.source_name import checked_source, folder_source, source_of
from triage.progress import Progress, counting
from triage.store import Store, find_case
from triage.systems.bundle import load_bundle_spec, load_system
from triage.systems.families import run_system_with
from triage.systems.manifest import BundleManifest
from triage.systems.scored import Scored
from triage.systems.trained_system import TrainedSystem

_LOOKED_UP = 1_000
"""Cases looked for under a folder's earlier name; a table that grows keeps its first rows."""


@dataclass(frozen=True)
class ScoreResult:
    """What a scoring run did."""

    cases: list[Case]
    scored: Scored
    manifest: BundleManifest
    source: str
    warnings: tuple[str, ...] = field(default=())

    @property
    def counts(self) -> dict[str, int]:
        """Cases read and rejected by reason."""
        reasons = count_by_reason(self.scored.rejected.values())
        return {"read": len(self.scored.predictions), "rejected": sum(reasons.values()), **reasons}


def score(
    bundle: Path,
    table: Path,
    root: Path,
    out: Path,
    *,
    source: str | None = None,
    cache_folder: Path | None = None,
    report: Progress = lambda *_: None,
    runtime: RuntimeName | None = None,
    precision: Precision | None = None,
    engine: EngineSettings | None = None,
    shard_size: int = SHARD_SIZE,
) -> ScoreResult:
    """Score the cases of a manifest and write `out` (Parquet).

    Rejected cases are listed beside it in `<out>.rejected.csv`, with the file and what to do. Of
    OCT volumes it also writes diagnoses and measurements (`<out>.findings.csv`) and one reading a
    volume, with its tissue maps (`<out>.readings/`). A repeated run overwrites them.

    Parameters
    ----------
    bundle : Path
    table : Path
        CSV manifest.
    root : Path
        Folder of the images.
    out : Path
        Parquet file.
    source : str, optional
        Name of the place the cases come from; default: that of the bundle's spec.
    runtime : {'torch', 'openvino'}, optional
        What runs the backbones of photographs; by default what the bundle records.
    precision : {'float32', 'bfloat16'}, optional
        Arithmetic of their embeddings; by default what the bundle records.
    engine : EngineSettings, optional
        With several processes or Ray, shards of the table are scored in a hidden folder beside
        `out` and joined at the end; a repeated run goes on from what an interrupted one left
        there. By default all is done in this process.
    shard_size : int
        Cases of such a shard.
    """
    # str too, from notebooks
    bundle, table, root, out = map(user_path, (bundle, table, root, out))
    readings = out.with_name(f"{out.name}.readings")
    if engine is None or engine.engine == "local":
        result = _score_here(
            bundle, table, root, readings, source, cache_folder, report, runtime, precision
        )
        _write(result, out)
        return result
    hidden = out.with_name(f".{out.name}.shards")
    settings = ShardSettings(shard_size, engine, runtime, precision, cache_folder)
    done = score_dataset(
        bundle, table, root, hidden, settings, source=source, report=report, readings=readings
    )
    shards = [
        read_shard(hidden, done.manifest, shard, root=root, readings=readings)
        for shard in done.manifest.shards
    ]
    whole = joined_shards(shards, done.bundle.modality)
    result = ScoreResult(
        whole.cases, whole.scored, done.bundle, done.manifest.source, done.warnings
    )
    _write(result, out)
    shutil.rmtree(hidden, ignore_errors=True)
    return result


def _score_here(
    bundle: Path,
    table: Path,
    root: Path,
    readings: Path,
    source: str | None,
    cache_folder: Path | None,
    report: Progress,
    runtime: RuntimeName | None,
    precision: Precision | None,
) -> ScoreResult:
    """Score all cases in this process, in one call."""
    named = None if source is None else checked_source(source)
    require_folder(root)
    system, manifest = load_system(bundle)
    spec = load_bundle_spec(bundle)
    warnings = [*filter(None, [run_system_with(system, manifest, runtime, precision)])]
    if manifest.lacks_image_kind:
        warnings.append(NO_GUARD)
    cases = read_unlabelled(table, root, spec, warnings)
    scored = score_cases(system, cases, cache_folder, report, readings=readings)
    if cases and all(
        case.case_id in scored.rejected
        and scored.rejected[case.case_id].reason is RejectReason.MISSING
        for case in cases
    ):
        warnings.append(ALL_MISSING)
    if scored.predictions.decisions is not None:
        warnings += capacity_alarms(spec.capacity, scored.predictions.decisions)
    return ScoreResult(
        cases, scored, manifest, source=named or source_of(spec), warnings=tuple(warnings)
    )


def _write(result: ScoreResult, out: Path) -> None:
    """Write the table, and the lists beside it."""
    try:
        result.scored.predictions.save(out)
        _write_findings(out.with_name(f"{out.name}.findings.csv"), result.scored)
        _write_rejected(out.with_name(f"{out.name}.rejected.csv"), result.scored)
    except OSError as error:
        raise PredictionsError(f"cannot be written: {error.strerror}", where=str(out)) from error


def known_source(store: Store, cases: Sequence[Case], root: Path) -> str | None:
    """Return the name by which earlier releases stored some cases of a folder; None if none is."""
    earlier = folder_source(user_path(root))
    with store.transaction() as session:
        for case in cases[:_LOOKED_UP]:
            if find_case(session, earlier, case.case_id) is not None:
                return earlier
    return None


def score_cases(
    system: TrainedSystem,
    cases: Sequence[Case],
    cache_folder: Path | None,
    report: Progress,
    *,
    readings: Path | None = None,
) -> Scored:
    """Score cases with a progress bar over the files.

    Parameters
    ----------
    readings : Path, optional
        Folder for the readings of OCT volumes.
    """
    total = sum(len(case.images) for case in cases) * system.passes
    tick = counting(report, system.stage, total)
    return system.score(cases, cache_folder, tick, readings=readings)


def _write_findings(path: Path, scored: Scored) -> None:
    if scored.findings is not None:
        rows = scored.findings.itertuples(index=False, name=None)
        write_csv(path, list(scored.findings.columns), rows)


def _write_rejected(path: Path, scored: Scored) -> None:
    rows = [
        (case_id, str(error.reason), error.what, error.where, error.hint)
        for case_id, error in scored.rejected.items()
    ]
    write_csv(path, REJECTED_COLUMNS, rows)
