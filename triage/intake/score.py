"""`triage score`: unlabelled cases to a predictions table, and into the case database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triage.backbones.runtime.execution import Precision, RuntimeName
from triage.csv_file import write_csv
from triage.data.identifiers import clean_text, is_missing
from triage.data.manifest import Case
from triage.data.spec import MAX_SOURCE_NAME, DataSpec
from triage.decisions.capacity import capacity_alarms
from triage.errors import PredictionsError, RejectReason, UsageError, count_by_reason
from triage.hashing import hash_bytes
from triage.intake.case_source import user_path
from triage.intake.case_table import read_unlabelled
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
    """
    # str too, from notebooks
    bundle, table, root, out = map(user_path, (bundle, table, root, out))
    named = None if source is None else checked_source(source)
    if not root.is_dir():
        # Else every case would be rejected for its missing file, and stored so.
        raise UsageError(
            "there is no such folder", where=f"--root {root}", hint="Name the folder of the images."
        )
    system, manifest = load_system(bundle)
    spec = load_bundle_spec(bundle)
    warnings = [*filter(None, [run_system_with(system, manifest, runtime, precision)])]
    if manifest.lacks_image_kind:
        warnings.append(
            "the bundle has no guard against pictures of another kind (A1), as those of earlier "
            "releases: train it again to have one"
        )
    cases = read_unlabelled(table, root, spec, warnings)
    readings = out.with_name(f"{out.name}.readings")
    scored = score_cases(system, cases, cache_folder, report, readings=readings)
    if cases and all(
        case.case_id in scored.rejected
        and scored.rejected[case.case_id].reason is RejectReason.MISSING
        for case in cases
    ):
        warnings.append("none of the files is below --root: check that it is the right folder")
    try:
        scored.predictions.save(out)
        _write_findings(out.with_name(f"{out.name}.findings.csv"), scored)
        _write_rejected(out.with_name(f"{out.name}.rejected.csv"), scored)
    except OSError as error:
        raise PredictionsError(f"cannot be written: {error.strerror}", where=str(out)) from error
    if scored.predictions.decisions is not None:
        warnings += capacity_alarms(spec.capacity, scored.predictions.decisions)
    return ScoreResult(
        cases, scored, manifest, source=named or source_of(spec), warnings=tuple(warnings)
    )


def source_of(spec: DataSpec) -> str:
    """Return the name of the place that cases come from, as the spec gives it.

    It does not depend on the folder: a manifest that grows and a folder that moves keep it, so
    cases scored before are not stored again.
    """
    return spec.case_source


def checked_source(name: str) -> str:
    """Return a source's name as it is stored.

    Raises
    ------
    UsageError
        If it is empty, a word for 'missing', too long, or cannot be printed.
    """
    clean = clean_text(name)
    if is_missing(clean) or len(clean) > MAX_SOURCE_NAME or not clean.isprintable():
        raise UsageError(
            "is no name of a source",
            where="--source",
            hint=f"Give a name of 1 to {MAX_SOURCE_NAME} characters that can be printed, such as "
            "clinic_north.",
        )
    return clean


def folder_source(root: Path) -> str:
    """Return the source that earlier releases gave to the cases of a folder: its hashed path.

    A database of such a release knows its cases by this name: pass it as the source, also where
    the folder has moved since.
    """
    return f"folder {hash_bytes(str(root.resolve()).encode())[:16]}"


def stored_source(store: Store, result: ScoreResult, root: Path) -> str:
    """Return the source to store cases under when none is given.

    That is the bundle's, unless the database knows the cases of this folder by the name that
    earlier releases gave it: then they keep that name and are not stored again.

    Parameters
    ----------
    store : Store
    result : ScoreResult
    root : Path
        Folder of the images.
    """
    earlier = folder_source(user_path(root))
    with store.transaction() as session:
        for case in result.cases[:_LOOKED_UP]:
            if find_case(session, earlier, case.case_id) is not None:
                return earlier
    return result.source


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
    write_csv(path, ("case_id", "reason", "message", "file", "hint"), rows)
