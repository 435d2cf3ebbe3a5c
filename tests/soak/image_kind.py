"""How often the guard against pictures of another kind is right: false alarms and other pictures.

    python -m tests.soak.image_kind SPEC ROOT [--backbone REFERENCE] [--oct FOLDER]

fits the guard in ten draws of roles and splits, and prints the share of the test split that is
flagged, by Fitzpatrick skin type with 95 % intervals after Clopper and Pearson, and the share of
pictures that are no skin that get A1 or A2: generated ones, those installed with scikit-image, and
the B-scans (.tif) below a folder.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from tests.other_pictures import other_pictures
from tests.tiny import draw_case
from triage.backbones.backbone import Backbone
from triage.cache_folder import cache_path
from triage.data.dataset import load_dataset
from triage.data.manifest import Case
from triage.data.spec_files import load_spec
from triage.evaluation.bootstrap_intervals import clopper_pearson
from triage.models.load_backbone import load_backbone
from triage.systems.photographs.system import embed_with, open_caches, read_pictures
from triage.uncertainty.image_kind import Pictures, fit_image_kind

DRAWS = range(300, 310)
SEEDS = 15


def other_cases(folder: Path, scans: Path | None) -> list[Case]:
    """Pictures that are no photographs of skin, one a case."""
    found = {
        f"{name} {seed}": pixels
        for seed in range(SEEDS)
        for name, pixels in other_pictures(seed).items()
    }
    files = sorted((Path(skimage.__file__).parent / "data").glob("*"))
    files = [path for path in files if path.suffix in {".png", ".jpg"}]
    files += sorted(scans.rglob("*.tif")) if scans else []
    found |= {
        f"{'scan' if path.suffix == '.tif' else 'scikit-image'} {path.stem}": np.asarray(
            Image.open(path).convert("L" if path.suffix == ".tif" else "RGB").convert("RGB")
        )
        for path in files
    }
    return [draw_case(folder, name, pixels) for name, pixels in found.items()]


def measure(
    spec_path: Path, root: Path, backbones: dict[str, Backbone], scans: Path | None
) -> None:
    """Print the table of a data set."""
    spec, caches = load_spec(spec_path), open_caches(backbones, cache_path())
    flagged, counted, missed, rates = Counter[str](), Counter[str](), Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        cases = other_cases(Path(name), scans)
        others = read_pictures(backbones, cases, caches)
        problem = embed_with(backbones, cases, None, caches=caches)[1].quality
    every = load_dataset(spec, root, DRAWS[0], need_outliers=False).cases
    read = read_pictures(backbones, every, caches)

    def of(part: list[Case]) -> Pictures:
        return read.rows(np.isin(read.cases, [case.case_id for case in part]))

    for draw in DRAWS:
        split = spec.split.model_copy(update={"seed": draw})
        data = load_dataset(
            spec.model_copy(update={"split": split}), root, draw, need_outliers=False
        )
        train = [case for case in data.of_split("train") if case.condition in data.draw.classes]
        cluster = {case.case_id: case.cluster for case in train}
        training = of(train)
        guard = fit_image_kind(
            training,
            of(data.of_split("validation")),
            np.array([cluster[case] for case in training.cases]),
            embeddings_learned=False,
        )
        assert guard is not None, "the data set is too small"
        test = data.of_split("test")
        told = guard.problems(of(test))
        for case in test:
            for group in ("all", f"skin type {case.subgroups.get('skin_type', 'unknown')}"):
                counted[group] += 1
                flagged[group] += case.case_id in told
        known = {*guard.problems(others), *problem}
        missed.update(case.case_id for case in cases if case.case_id not in known)
        rates.append(np.mean([case.case_id in known for case in cases]))
    for group, n in sorted(counted.items()):
        low, high = clopper_pearson(flagged[group], n)
        print(
            f"{group}: A1 {flagged[group]} of {n}: {flagged[group] / n:.4f} [{low:.4f}, {high:.4f}]"
        )
    print(f"{len(cases)} other pictures: A1 or A2 {np.mean(rates):.4f}, least {min(rates):.4f}")
    print(f"missed, in so many draws: {missed.most_common(20)}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--backbone", action="append", required=True)
    parser.add_argument("--oct", type=Path)
    given = parser.parse_args()
    networks = [load_backbone(reference) for reference in given.backbone]
    measure(given.spec, given.root, {one.name: one for one in networks}, given.oct)


if __name__ == "__main__":
    main()
