"""OCT systems trained again, measured on generated volumes that no training saw.

    python -m tests.soak.oct_retraining --folder work/oct_retraining

Reviews: a system learns from a clinic that sees little oedema and few serous detachments; volumes
of the full mix are reviewed, and only the referral stage is trained again. Another device: the
tissue stage is trained further on a few annotated volumes of it. Bundles and volumes stay in the
folder, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from triage.data.dataset import Dataset, load_dataset
from triage.data.manifest import Case, cases_of_rows, rows_of_spec
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.learning.evaluate import evaluate_system
from triage.learning.train import train
from triage.models.oct.settings import OctSettings
from triage.phantoms.oct import write_oct_phantoms
from triage.systems.bundle import load_system
from triage.systems.families import family_of
from triage.systems.manifest import BundleManifest
from triage.systems.oct.system import OctSystem

SCARCE = ("oedema", "central serous")
"""Phenotypes of which the first clinic sees one in `KEPT`."""
KEPT = 5
REVIEWED, TEST, OTHER, OTHER_TEST = 20_000, 40_000, 60_000, 80_000
"""First index of each series of volumes: none shares a patient with another."""


def phantoms(folder: Path, count: int, start: int, device: str = "A") -> Path:
    """Write one series of volumes; what is there already stays."""
    write_oct_phantoms(folder, count, 7, device=device, start=start)
    return folder


def scarce_mix(folder: Path) -> None:
    """Leave out most rows of scarce phenotypes; the volumes stay."""
    path = folder / "manifest.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    seen, kept = 0, []
    for row in rows:
        if any(word in row["phenotype"] for word in SCARCE):
            seen += 1
            if seen % KEPT:
                continue
        kept.append(row)
    with path.with_name("scarce.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)


def cases_of(spec: DataSpec, folder: Path, tag: str, *, annotated: bool) -> list[Case]:
    """Cases of a folder under names of their own."""
    return [
        replace(
            case,
            case_id=f"{tag}-{case.case_id}",
            patient_id=f"{tag}-{case.patient_id}",
            cluster=f"patient:{tag}-{case.patient_id}",
            annotation=case.annotation if annotated else None,
        )
        for case in cases_of_rows(rows_of_spec(spec, folder), spec, folder)
    ]


def as_test(base: Dataset, cases: Sequence[Case]) -> Dataset:
    """Cases as a data set that is test alone."""
    return replace(base, cases=tuple(cases), splits=("test",) * len(cases))


def measured(
    name: str, system: OctSystem, manifest: BundleManifest, test: Dataset
) -> dict[str, Any]:
    """Referral error, tissue and refusals of a system on test volumes."""
    run = evaluate_system(system, manifest, test, n_resamples=1000)
    assert run.referral is not None
    assert run.findings is not None
    row: dict[str, Any] = {
        "stage": name,
        "volumes": run.referral.n_cases,
        "referral error": _interval(run.referral.error),
        "urgent to observation": run.referral.urgent_to_observation,
        "mean Dice": _interval(run.tissue.mean_dice) if run.tissue else "",
        "refused as unseen": round(
            float((run.findings["device_distance"] > system.shift.limit).mean()), 3
        ),
    }
    print(json.dumps(row), flush=True)
    return row


def refit(
    system: OctSystem,
    manifest: BundleManifest,
    dataset: Dataset,
    folder: Path,
    *,
    annotated: bool,
) -> tuple[OctSystem, BundleManifest, float]:
    """Train again; returns the system and seconds."""
    begin = time.perf_counter()
    fitted = family_of(dataset.spec.modality).refit(
        system,
        manifest,
        dataset,
        "again",
        annotated=annotated,
        cache_folder=folder / "cache",
        checkpoints=folder / f"checkpoints-{annotated}",
        progress=lambda *_: None,
    )
    return fitted.system, fitted.manifest, time.perf_counter() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON object a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--volumes", type=int, default=500)
    parser.add_argument("--reviewed", type=int, default=250)
    parser.add_argument("--test", type=int, default=250)
    parser.add_argument("--annotated", type=int, default=40)
    parser.add_argument("--instances", type=int, default=2)
    given = parser.parse_args(arguments)
    root = given.folder
    spec = load_spec(shipped_spec("oct_phantoms"))
    scarce = spec.model_copy(
        update={"rows": spec.rows.model_copy(update={"manifest": "scarce.csv"})}
    )
    scarce_mix(phantoms(root / "first", given.volumes, 0))
    base = load_dataset(scarce, root / "first")
    settings = OctSettings(instances=given.instances)
    bundle = root / "champion"
    if not bundle.exists():
        _timed("first training", lambda: train(base, settings, bundle, cache_folder=root / "cache"))
    system, manifest = load_system(bundle)
    assert isinstance(system, OctSystem)
    test = as_test(
        base, cases_of(spec, phantoms(root / "test", given.test, TEST), "t", annotated=True)
    )
    measured("champion", system, manifest, test)
    reviewed = cases_of(
        spec, phantoms(root / "reviewed", given.reviewed, REVIEWED), "r", annotated=False
    )
    extended = base.with_training_cases(reviewed)
    added = len(extended.cases) - len(base.cases)
    again, its_manifest, took = refit(system, manifest, extended, root, annotated=False)
    print(json.dumps({"reviewed volumes trained on": added, "seconds": round(took, 1)}))
    assert its_manifest.backbones == manifest.backbones
    measured(f"referral stage after {added} reviews", again, its_manifest, test)
    _, _, took = refit(system, manifest, extended, root / "second", annotated=False)
    print(json.dumps({"the same without a cache": round(took, 1)}))
    other = as_test(
        base,
        cases_of(
            spec, phantoms(root / "other_test", given.test, OTHER_TEST, "B"), "u", annotated=True
        ),
    )
    measured("champion, other device", system, manifest, other)
    new = cases_of(spec, phantoms(root / "other", given.annotated, OTHER, "B"), "n", annotated=True)
    both = extended.with_training_cases(new)
    further, further_manifest, took = refit(system, manifest, both, root, annotated=True)
    count = len(both.cases) - len(extended.cases)
    print(json.dumps({"annotated volumes of the other device": count, "seconds": round(took, 1)}))
    measured("trained further, other device", further, further_manifest, other)
    measured("trained further, first device", further, further_manifest, test)


def _timed(name: str, work: Callable[[], object]) -> None:
    begin = time.perf_counter()
    work()
    print(json.dumps({name: round(time.perf_counter() - begin, 1)}), flush=True)


def _interval(value: Any) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


if __name__ == "__main__":
    main()
