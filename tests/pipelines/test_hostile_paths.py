"""Pipes and devices in place of files that a user names: refused, not waited for, not read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# In a process of its own with limits on memory and time: were one of these opened after all, it
# would wait for ever or fill the memory.
SCRIPT = """
import json, resource, sys
from pathlib import Path

from triage.gating.policy import load_gate_policy as load_policy
from triage.learning.settings import oct_settings
from triage.array_file import load_arrays
from triage.data.csv_table import read_csv
from triage.public_sets.segmentation_spec import load_segmentation_spec
from triage.phantoms.folder import claim_folder
from triage.data.spec_files import load_spec
from triage.errors import TriageError
from triage.benchmark.records import Records
from triage.models.load_backbone import load_backbone
from triage.models.contrastive.settings import load_settings
from triage.oct_reading import OctReading
from triage.predictions import Predictions
from triage.systems.bundle import load_bundle_spec, load_policy as bundle_policy, read_manifest
from triage.uncertainty.combination import load_combination
from triage.uncertainty.fitted_file import load_fitted
from triage.uncertainty.scores import Score

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

READERS = {
    "data spec": load_spec,
    "manifest": read_csv,
    "policy": load_policy,
    "settings": oct_settings,
    "settings of pretraining": load_settings,
    "segmentation spec": load_segmentation_spec,
    "predictions": Predictions.load,
    "reading": OctReading.load,
    "fitted score": lambda path: load_fitted(path, Score),
    "bundle": lambda path: read_manifest(path.parent),
    "policy of a bundle": lambda path: bundle_policy(path.parent),
    "spec of a bundle": lambda path: load_bundle_spec(path.parent),
    "combination": lambda path: load_combination(path.parent),
    "phantoms": lambda path: claim_folder(path.parent, {}),
    "records": lambda path: Records(path.parent, {}),
    "backbone": lambda path: load_backbone(f"file:{path.parent}"),
    "transformers": lambda path: load_backbone(f"hf:{path.parent}"),
    "arrays": load_arrays,
}
found = {}
for folder in map(Path, sys.argv[1:]):
    found[folder.name] = results = {}
    for name, read in READERS.items():
        try:
            results[name] = f"read: {read(folder / 'file')}"
        except TriageError as error:
            results[name] = type(error).__name__
print(json.dumps(found))
"""
NAMES = (
    "file", "manifest.json", "policy.json", "spec.json", "combination.json", "phantoms.json",
    "protocol.json", "backbone.json", "model.safetensors", "config.json",
)  # fmt: skip


EXPECTED = {
    "data spec": "SpecError",
    "manifest": "SpecError",
    "policy": "SpecError",
    "settings": "SpecError",
    "settings of pretraining": "SpecError",
    "segmentation spec": "SpecError",
    "predictions": "PredictionsError",
    "reading": "PredictionsError",
    "fitted score": "UsageError",
    "bundle": "BundleError",
    "policy of a bundle": "BundleError",
    "spec of a bundle": "BundleError",
    "combination": "UsageError",
    "phantoms": "UsageError",
    "records": "UsageError",
    "backbone": "TrainingError",
    "transformers": "TrainingError",
    "arrays": "read: None",
}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_no_reader_opens_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    folders = {kind: tmp_path / kind for kind in ("pipes", "links to a pipe", "devices")}
    for kind, folder in folders.items():
        folder.mkdir()
        for name in NAMES:
            if kind == "pipes":
                os.mkfifo(folder / name)
            else:
                place = Path("/dev/zero") if kind == "devices" else tmp_path / "pipe"
                (folder / name).symlink_to(place)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, folders.values())],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(folders, EXPECTED)
