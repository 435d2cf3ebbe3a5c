"""`triage segment`: folds of whole groups, every one tested once, against every grader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.oct_imaging.samples import retina
from tests.pipelines.command import Command
from tests.tiny import tiny_oct_settings
from triage.errors import UsageError
from triage.learning.segmentation import cross_validate
from triage.public_sets.segmentation_spec import load_segmentation_spec

GROUPS = 4


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Twelve B-scans of four eyes with masks of two graders, and their spec."""
    root = tmp_path / "masks"
    root.mkdir()
    lines = ["image,mask,eye"]
    for number in range(12):
        scan = retina(1, 48, 40, seed=number)[0]
        first = (scan > 60).astype(np.uint8)
        second = first.copy()
        second[:, :4] = 0
        if number == 0:
            first[0, 0] = second[5, 5] = 255  # not judged
        for name, pixels in ((f"{number}", scan), (f"{number}a", first), (f"{number}b", second)):
            Image.fromarray(pixels).save(root / f"{name}.png")
        lines.append(f"{number}.png,{number}a.png;{number}b.png,eye{number % GROUPS}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    content = {
        "name": "tiny", "title": "Tiny", "licence": "none", "source": "made up", "leak": "none",
        "layout": "manifest", "classes": ["dark", "bright"], "ignore": 255, "context": False,
        "rows": {"group": ["eye"]},
    }  # fmt: skip
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content))
    fit = {"epochs": 4, "patience": 4, "batch_size": 4, "learning_rate": 0.01}
    settings = {
        "instances": 2,
        "segmentation": {
            "rows": 32, "columns": 32, "context": 1, "channels": [8, 16], "fit": fit,
        },
    }  # fmt: skip
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(settings))
    return root


def test_every_group_is_tested_once_against_both_graders(triage: Command, masks: Path) -> None:
    folder = masks.parent
    out = folder / "new" / "result.json"
    answer = triage(
        "segment", folder / "tiny.yaml", "--root", masks, "--folds", "2",
        "--config", folder / "settings.yaml", "--out", out,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    for words in ("Tiny: 2 folds, against grader 2", "Second grader against the first", "bright"):
        assert words in answer.out
    written = json.loads(out.read_text())
    assert (written["spec"], written["folds"], len(written["results"])) == ("tiny", 2, 2)
    for result in written["results"]:
        assert (result["n_volumes"], result["n_patients"]) == (12, GROUPS)
        assert 0.5 < result["mean_dice"]["value"] <= 1
    bright = written["between_graders"]["classes"][1]
    assert bright["dice"]["value"] == pytest.approx(agreement(masks), abs=1e-9)


def agreement(root: Path) -> float:
    """Mean Dice of the second grader's bright pixels against the first's."""
    found = []
    for number in range(12):
        a, b = (np.asarray(Image.open(root / f"{number}{grader}.png")) for grader in "ab")
        judged = (a < 2) & (b < 2)
        one, other = (a == 1) & judged, (b == 1) & judged
        found.append(2 * (one & other).sum() / (one.sum() + other.sum()))
    return float(np.mean(found))


def test_as_json(triage: Command, masks: Path) -> None:
    folder = masks.parent
    answer = triage(
        "segment", folder / "tiny.yaml", "--root", masks, "--folds", "9", "--json",
        "--config", folder / "settings.yaml",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert answer.json["folds"] == GROUPS
    assert answer.json["settings"]["segmentation"]["rows"] == 32


def test_a_set_that_cannot_be_read_is_refused_whole(triage: Command, masks: Path) -> None:
    (masks / "3a.png").write_bytes(b"")
    (masks / "5.png").unlink()
    answer = triage("segment", masks.parent / "tiny.yaml", "--root", masks)
    assert answer.code == 2
    assert "5.png" in answer.err
    (masks / "5.png").write_bytes((masks / "4.png").read_bytes())
    answer = triage("segment", masks.parent / "tiny.yaml", "--root", masks)
    assert answer.code == 2
    assert "3a.png" in answer.err
    assert triage("segment", masks.parent / "none.yaml", "--root", masks).code == 2
    assert triage("segment", masks.parent / "tiny.yaml", "--root", masks / "none").code == 2


def test_phantoms_with_their_truth(oct_root: Path, tmp_path: Path) -> None:
    """Whole volumes through the same interface, with neighbours and all fifteen tissues."""
    from triage.public_sets.segmentation import SegmentationSet
    from triage.public_sets.segmentation_spec import shipped_segmentation_spec

    spec = load_segmentation_spec(shipped_segmentation_spec("oct_phantoms"))
    assert len(SegmentationSet(spec, oct_root)) == 72
    run = cross_validate(spec, oct_root, tiny_oct_settings(instances=1), folds=2)
    (result,) = run.results
    assert result.n_volumes == 72
    assert run.between_graders is None
    assert result["neurosensory retina"].assd.value is not None


def test_one_group_is_not_enough(masks: Path) -> None:
    manifest = masks / "manifest.csv"
    lines = manifest.read_text().splitlines()
    one = [lines[0], *(line for line in lines[1:] if line.endswith("eye0"))]
    manifest.write_text("\n".join(one) + "\n")
    spec = load_segmentation_spec(masks.parent / "tiny.yaml")
    with pytest.raises(UsageError, match="two groups"):
        cross_validate(spec, masks, tiny_oct_settings())
