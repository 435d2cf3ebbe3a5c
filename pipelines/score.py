"""`triage score`: unlabelled cases to a predictions table, and into the case database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.csv_file import write_csv
from triage.data.manifest import Case
from triage.data.unlabelled import read_unlabelled
from triage.errors import PredictionsError, count_by_reason
from triage.hashing import hash_bytes
from triage.systems.bundle import AnySystem, load_bundle_spec, load_system
from triage.systems.manifest import BundleManifest
from triage.systems.progress import Progress, counting
from triage.systems.scored import Scored


@dataclass(frozen=True)
class ScoreResult:
    """What a scoring run did."""

    cases: list[Case]
    scored: Scored
    manifest: BundleManifest
    source: str

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
    cache_folder: Path | None = None,
    report: Progress = lambda *_: None,
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
    """
    system, manifest = load_system(bundle)
    cases = read_unlabelled(table, root, load_bundle_spec(bundle))
    readings = out.with_name(f"{out.name}.readings")
    scored = score_cases(system, cases, cache_folder, report, readings=readings)
    try:
        scored.predictions.save(out)
        _write_findings(out.with_name(f"{out.name}.findings.csv"), scored)
        _write_rejected(out.with_name(f"{out.name}.rejected.csv"), scored)
    except OSError as error:
        raise PredictionsError(f"cannot be written: {error.strerror}", where=str(out)) from error
    return ScoreResult(cases, scored, manifest, source=source_of(root))


def source_of(root: Path) -> str:
    """Name where cases come from by their folder, hashed: folders can be named after patients.

    A manifest that grows keeps its source, so cases scored before are not stored again.
    """
    return f"folder {hash_bytes(str(root.resolve()).encode())[:16]}"


def score_cases(
    system: AnySystem,
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
        (case_id, str(error.reason), error.what, error.where, error.mend)
        for case_id, error in scored.rejected.items()
    ]
    write_csv(path, ("case_id", "reason", "message", "file", "hint"), rows)
