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
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from triage.data.dataset import Dataset, load_dataset
from triage.data.manifest import Case, cases_of_rows, rows_of_spec
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.learning.evaluate import evaluate_system
from triage.learning.train import train
from triage.models.oct.settings import OctSettings, SegmentationSettings
from triage.phantoms.oct import write_oct_phantoms
from triage.systems.bundle import load_system
from triage.systems.families import family_of
from triage.systems.manifest import BundleManifest
from triage.systems.oct.system import OctSystem

SCARCE = ("oedema", "central serous")
"""Phenotypes of which the first clinic sees one in `KEPT`."""
KEPT = 5
BSCANS = 8
REVIEWED, TEST, OTHER, OTHER_TEST = 20_000, 40_000, 60_000, 80_000
"""First index of each series of volumes: none shares a patient with another."""


def phantoms(folder: Path, count: int, start: int, side: int, device: str = "A") -> Path:
    """Write one series of volumes of square B-scans; what is there already stays."""
    size = (BSCANS, side, side)
    write_oct_phantoms(folder, count, 7, device=device, start=start, size=size)
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
    """Referral error of a system on test volumes, and how many it refuses as unseen."""
    run = evaluate_system(system, manifest, test, n_resamples=1000)
    assert run.referral is not None
    assert run.findings is not None
    row: dict[str, Any] = {
        "stage": name,
        "volumes": run.referral.n_cases,
        "referral error": _interval(run.referral.error),
        "urgent to observation": run.referral.urgent_to_observation,
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
) -> tuple[OctSystem, BundleManifest]:
    """Train a system again."""
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
    return fitted.system, fitted.manifest


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON object a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--side", type=int, default=96, help="of a B-scan, in pixels")
    parser.add_argument("--volumes", type=int, default=500)
    parser.add_argument("--reviewed", type=int, default=250)
    parser.add_argument("--test", type=int, default=250)
    parser.add_argument("--annotated", type=int, default=40)
    parser.add_argument("--instances", type=int, default=2)
    given = parser.parse_args(arguments)
    root, side = given.folder, given.side
    spec = load_spec(shipped_spec("oct_phantoms"))
    scarce = spec.model_copy(
        update={"rows": spec.rows.model_copy(update={"manifest": "scarce.csv"})}
    )
    scarce_mix(phantoms(root / "first", given.volumes, 0, side))
    base = load_dataset(scarce, root / "first")
    stage = SegmentationSettings(rows=side, columns=side)
    settings = OctSettings(instances=given.instances, segmentation=stage)
    bundle = root / "champion"
    if not bundle.exists():
        begin = time.perf_counter()
        train(base, settings, bundle, cache_folder=root / "cache")
        say("first training", begin, volumes=len(base.cases))
    system, manifest = load_system(bundle)
    assert isinstance(system, OctSystem)

    def series(name: str, count: int, start: int, device: str, annotated: bool) -> list[Case]:
        folder = phantoms(root / name, count, start, side, device)
        return cases_of(spec, folder, name, annotated=annotated)

    test = as_test(base, series("test", given.test, TEST, "A", False))
    measured("champion", system, manifest, test)
    extended = base.with_training_cases(series("reviewed", given.reviewed, REVIEWED, "A", False))
    added = len(extended.cases) - len(base.cases)
    begin = time.perf_counter()
    again, its_manifest = refit(system, manifest, extended, root, annotated=False)
    say("referral stage trained again", begin, reviewed_volumes=added)
    assert its_manifest.backbones == manifest.backbones
    measured("after reviews", again, its_manifest, test)
    other = as_test(base, series("other_test", given.test, OTHER_TEST, "B", False))
    measured("champion, other device", system, manifest, other)
    new = series("other", given.annotated, OTHER, "B", True)
    both = extended.with_training_cases(new)
    count = len(both.cases) - len(extended.cases)
    begin = time.perf_counter()
    further, further_manifest = refit(system, manifest, both, root, annotated=True)
    say("both stages trained", begin, new_annotated_volumes=count)
    measured("trained further, other device", further, further_manifest, other)
    measured("trained further, first device", further, further_manifest, test)


def say(what: str, begin: float, **facts: int) -> None:
    """Print how long something took."""
    print(json.dumps({what: round(time.perf_counter() - begin, 1), **facts}), flush=True)


def _interval(value: Any) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


if __name__ == "__main__":
    main()
