"""Labels that were made wrong on purpose, and how many of them the search finds.

`python -m tests.soak label_errors --bundle B --spec S --root R [--seeds 3] [--share 0.1]`: prints
one line a kind of error. Labels that were wrong before count as false alarms, so that precision is
at least what is printed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.cli.console import cache_folder
from triage.data.dataset import Dataset, load_dataset
from triage.data.spec_files import load_spec
from triage.labels.confident_learning import label_errors
from triage.learning.out_of_fold import SPLITS, out_of_fold
from triage.models.settings import TrainSettings
from triage.systems.bundle import load_system

KINDS = ("symmetric", "pair")


@dataclass(frozen=True)
class Found:
    """How a search did.

    Parameters
    ----------
    cases, planted, candidates : int
    precision, recall : float
        Of the candidates.
    at_planted : float
        Precision, and recall, of as many of the first candidates as errors were planted; those
        that lack count as wrong.
    at_half : float
        Precision of half as many.
    accuracy : float
        Share of the cases with the label that the heads find, wrong labels included.
    """

    cases: int
    planted: int
    candidates: int
    precision: float
    recall: float
    at_planted: float
    at_half: float
    accuracy: float


def with_errors(
    dataset: Dataset, kind: str, share: float, seed: int
) -> tuple[Dataset, frozenset[str]]:
    """Return the data set with a share of its training labels changed, and of which cases.

    `symmetric`: to another condition, each as likely. `pair`: to the next condition in the order
    of the classes, as readers confuse two that look alike.
    """
    classes = dataset.draw.classes
    rng = np.random.default_rng(seed)
    eligible = [
        row
        for row, case in enumerate(dataset.cases)
        if dataset.splits[row] in SPLITS
        and case.condition in classes
        # Outliers of validation are no class; inliers there stop the training.
        and (dataset.splits[row] == "train" or case.condition in dataset.draw.inliers)
    ]
    chosen = rng.choice(eligible, int(len(eligible) * share), replace=False)
    cases = list(dataset.cases)
    for row in chosen:
        place = classes.index(str(cases[row].condition))
        step = 1 if kind == "pair" else int(rng.integers(1, len(classes)))
        cases[row] = replace(cases[row], condition=classes[(place + step) % len(classes)])
    return replace(dataset, cases=tuple(cases)), frozenset(cases[row].case_id for row in chosen)


def measure(
    dataset: Dataset,
    settings: TrainSettings,
    cache: Path | None,
    kind: str,
    share: float,
    seed: int,
) -> Found:
    """Plant errors, search them, and count."""
    altered, wrong = with_errors(dataset, kind, share, seed)
    predicted = out_of_fold(altered, settings, cache_folder=cache)
    found = label_errors(predicted.probabilities, predicted.labels)
    hits = np.array([predicted.cases[row].case_id in wrong for row in found.cases], dtype=bool)
    planted = sum(case.case_id in wrong for case in predicted.cases)
    return Found(
        len(predicted.cases),
        planted,
        len(hits),
        float(hits.mean()) if len(hits) else 0.0,
        float(hits.sum() / planted),
        float(hits[:planted].sum() / planted),
        float(hits[: planted // 2].sum() / (planted // 2)),
        float((predicted.probabilities.argmax(1) == predicted.labels).mean()),
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.1)
    given = parser.parse_args()
    if not (given.bundle and given.spec and given.root):
        print("label_errors: needs --bundle, --spec and --root of real photographs; skipped")
        return
    _, manifest = load_system(given.bundle)
    assert isinstance(manifest.settings, TrainSettings)
    dataset = load_dataset(load_spec(given.spec), given.root, manifest.roles.seed)
    print("kind       cases planted candidates precision recall at_planted at_half agrees")
    for kind in KINDS:
        runs = [
            measure(dataset, manifest.settings, cache_folder(), kind, given.share, seed)
            for seed in range(given.seeds)
        ]
        mean = {name: np.mean([vars(run)[name] for run in runs]) for name in vars(runs[0])}
        print(
            f"{kind:10} {mean['cases']:5.0f} {mean['planted']:7.0f} {mean['candidates']:10.0f} "
            f"{mean['precision']:9.2f} {mean['recall']:6.2f} {mean['at_planted']:10.2f} "
            f"{mean['at_half']:7.2f} {mean['accuracy']:6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
