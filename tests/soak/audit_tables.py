"""Memory and time of reading a large table: `python -m tests.soak.audit_tables ROWS`.

It writes a Parquet table of made-up cases, two of each patient, of five conditions and four axes,
reads it in a process of its own, and prints how long that took and the most memory it held.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from triage.audit_sources import read_table
from triage.auditing.audit_plan import AuditPlan, Axis, Columns, PlannedCondition

CLASSES = ("a", "b", "c", "d", "e")
_PIECE = 500_000


def plan() -> AuditPlan:
    return AuditPlan(
        title="Large table",
        source="made up",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        columns=Columns(
            label="y",
            probabilities={name: f"p_{name}" for name in CLASSES},
            case="case",
            patient="patient",
            recommendation="advice",
            ood_score="score",
        ),
        conditions=tuple(
            PlannedCondition(name=name, urgency="urgent" if name == "a" else "routine")
            for name in CLASSES
        ),
        axes=(
            Axis(name="sex", column="sex"),
            Axis(name="age", column="age", bands=(0, 30, 60, 100)),
            Axis(name="site", column="site"),
            Axis(name="sex * age", of=("sex", "age")),
        ),
    )


def write(path: Path, rows: int) -> None:
    """Write a table in pieces."""
    rng, writer = np.random.default_rng(0), None
    for start in range(0, rows, _PIECE):
        n = min(_PIECE, rows - start)
        shares = rng.dirichlet(np.ones(len(CLASSES)), n).astype(np.float32)
        columns = {
            "case": [f"case {row:09d}" for row in range(start, start + n)],
            "patient": [f"patient {row // 2:09d}" for row in range(start, start + n)],
            "y": rng.choice(CLASSES, n),
            **{f"p_{name}": shares[:, at] for at, name in enumerate(CLASSES)},
            "sex": rng.choice(["f", "m", ""], n),
            "age": rng.integers(0, 95, n),
            "site": rng.choice(["s1", "s2", "s3", "s4"], n),
            "advice": rng.choice(["urgent", "routine", "no_ai_opinion"], n),
            "score": rng.random(n),
        }
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def read(path: Path) -> str:
    """Read a table and say what it took."""
    start = time.monotonic()
    cases = len(read_table(plan(), path))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return f"{cases} cases in {time.monotonic() - start:.1f} s, at most {peak} MiB of memory"


if __name__ == "__main__":
    if sys.argv[1] == "read":
        print(read(Path(sys.argv[2])))
    else:
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "table.parquet"
            write(written, int(sys.argv[1]))
            command = [sys.executable, "-m", "tests.soak.audit_tables", "read", str(written)]
            subprocess.run(command, check=True)
