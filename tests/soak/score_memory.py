"""Memory and time of scoring manifests of many rows into a folder, without networks.

`python -m tests.soak.score_memory [ROWS ...]` runs each number of rows in a process of its own. The
system is replaced by one that draws random numbers, so that what is measured is reading and
checking the table, dividing it, writing shards, the lists, and reading the shards one by one.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from triage.data.manifest import Case
from triage.engine import task_function
from triage.hashing import hash_bytes
from triage.imaging.provenance import FileProvenance
from triage.intake import score_dataset as module
from triage.intake.scored_shard import read_shard, write_shard
from triage.intake.shard_plan import read_plan
from triage.predictions import Predictions
from triage.systems.bundle import load_policy, read_manifest
from triage.systems.scored import Scored, case_table

ROWS = (2_000, 20_000, 200_000)
WIDTH = 256
"""Numbers of an embedding."""


@task_function
def fake_shard(**given: Any) -> dict[str, Any]:
    """Write a shard of random opinions on the cases of a plan."""
    root = Path(given["root"])
    cases = read_plan(Path(given["plan"]), given["plan_sha256"], root)
    scored = random_opinions(cases, Path(given["bundle"]), given["number"])
    shard = write_shard(Path(given["out"]), given["number"], given["key"], cases, scored, root)
    return {"shard": shard.model_dump(mode="json"), "execution": ""}


def random_opinions(cases: list[Case], bundle: Path, seed: int) -> Scored:
    """Return random probabilities and embeddings, decided by the policy of a bundle."""
    rng = np.random.default_rng(seed)
    manifest, policy = read_manifest(bundle), load_policy(bundle)
    shape = (len(cases), len(manifest.members))
    embedding = rng.normal(size=(len(cases), WIDTH)).astype(np.float32)
    raw = Predictions(
        cases=case_table(cases),
        classes=manifest.classes,
        n_inliers=manifest.n_inliers,
        members=tuple(member.name for member in manifest.members),
        probabilities=rng.dirichlet(np.ones(len(manifest.classes)), size=shape).astype(np.float32),
        embedding=embedding,
        provenance={"bundle": manifest.digest()},
    )
    score = rng.random(len(cases))
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    return Scored(
        raw.with_decisions(policy.decide(raw, ood_score=score)),
        {},
        {},
        files={
            path: FileProvenance(hash_bytes(path.name.encode()))
            for case in cases
            for path in case.images
        },
        features={case.case_id: vector for case, vector in zip(cases, unit, strict=True)},
    )


def write_table(path: Path, rows: int) -> None:
    """Write a manifest of that many rows, two cases a patient."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("image", "case_id", "patient_id", "age", "sex"))
        for row in range(rows):
            patient = row // 2
            writer.writerow(
                (
                    f"images/{row // 1000:04d}/{row:09d}.jpg",
                    f"case-{row:09d}",
                    f"patient-{patient:09d}",
                    20 + patient % 60,
                    "fm"[patient % 2],
                )
            )


def measure(bundle: Path, rows: int, folder: Path) -> dict[str, float]:
    """Score so many rows in this process and return memory (MiB) and seconds."""
    table, out = folder / "new.csv", folder / "scored"
    write_table(table, rows)
    start, before = time.monotonic(), _peak()
    with patch.object(module, "TASK", f"{__name__}:fake_shard"):
        result = module.score_dataset(bundle, table, folder, out)
    scored = time.monotonic()
    peak = _peak()
    shards = result.manifest.shards
    cases = sum(len(read_shard(out, result.manifest, shard).cases) for shard in shards)
    assert cases == result.manifest.cases == rows
    return {
        "rows": rows, "before": before, "peak": peak, "seconds": scored - start,
        "reading": time.monotonic() - scored, "peak of reading": _peak(),
    }  # fmt: skip


def _peak() -> float:
    """Most memory of this process so far, in MiB; `getrusage` would count that of its parent."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the system does not say it")


def main() -> None:
    """Print a line for each number of rows."""
    if sys.argv[1:2] == ["--one"]:
        bundle, rows = Path(sys.argv[2]), int(sys.argv[3])
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(bundle, rows, Path(folder))))
        return
    from tests.speed.score_workers import trained_bundle

    with tempfile.TemporaryDirectory() as folder:
        bundle = trained_bundle(Path(folder))
        found = []
        for rows in [int(text) for text in sys.argv[1:]] or ROWS:
            command = [sys.executable, "-m", "tests.soak.score_memory", "--one", str(bundle)]
            done = subprocess.run([*command, str(rows)], check=True, capture_output=True, text=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
            print({name: round(value, 1) for name, value in found[-1].items()}, flush=True)
        for less, more in pairwise(found):
            bytes_a_row = (more["peak"] - less["peak"]) * 2**20 / (more["rows"] - less["rows"])
            print(f"{more['rows']:.0f} rows: {bytes_a_row:.0f} bytes more a row")


if __name__ == "__main__":
    main()
