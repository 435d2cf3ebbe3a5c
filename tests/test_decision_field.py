"""A new field of the decision is added in three product files: record, policy, page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.test_architecture import ROOT

FIELD, VALUE = "second_opinion", "SECOND-OPINION-OF-THE-POLICY"
ADDED = {
    "triage/decision.py": (
        "    differential: tuple[RankedCondition, ...] = ()\n",
        f'    {FIELD}: str = ""\n',
    ),
    "triage/decisions/policy.py": (
        '                "differential": differentials(probabilities, names),\n',
        f'                "{FIELD}": "{VALUE}",\n',
    ),
    "ui/opinion_content.py": (
        '        "kind": "opinion",\n',
        f'        "{FIELD}": decision.{FIELD},\n',
    ),
}
"""By file: the code before or after which one line is added, and the line."""


def test_a_new_field_needs_a_line_in_three_files(tmp_path: Path) -> None:
    assert len(ADDED) <= 3
    product = tmp_path / "product"
    for package in ("triage", "ui", "pipelines"):
        shutil.copytree(
            ROOT / package, product / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name, (code, line) in ADDED.items():
        path = product / name
        text = path.read_text(encoding="utf-8")
        assert text.count(code) == 1, name
        changed = line + code if name.startswith("ui/") else code + line
        path.write_text(text.replace(code, changed), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.decision_to_page", str(tmp_path)],
        cwd=product,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(product), str(ROOT)))},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["triage"]).is_relative_to(product)
    assert FIELD in found["columns"]
    assert VALUE in found["pages"]["opinion"]
    # Of an abstention a reader sees only what is named in `Decision.for_reader`.
    assert "No AI opinion" in found["pages"]["abstention"]
    assert VALUE not in found["pages"]["abstention"]
