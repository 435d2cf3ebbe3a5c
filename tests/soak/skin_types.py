"""Why some skin types are worse, and whether anything helps: tables with intervals.

    python -m tests.soak.skin_types SPEC ROOT --backbone REFERENCE [--backbone REFERENCE]

trains an ensemble in several draws of roles and splits, once as it is and once with each variant of
`VARIANTS`, or with those named by `--variant`. It prints the metrics of the test splits by
Fitzpatrick skin type, the differences that the variants make on validation and test, and what the
lag is made of. The spec needs the subgroup columns `skin_type` and `source_site`. Cases of all
draws are pooled; intervals resample clusters, near-duplicates joined, so that a photograph that is
tested in several draws counts once.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from tests.soak.skin_type_tables import print_tables
from tests.soak.skin_type_thresholds import centre_by_type, decide_by_type
from tests.soak.skin_type_variants import (
    GREY_WORLD,
    GROUPS,
    SHADES,
    TONES,
    balanced,
    matched,
    skin_type,
)
from triage.benchmark.protocol import Protocol
from triage.cache_folder import cache_path
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec_files import load_spec
from triage.decoding.read_picture import read_resized
from triage.evaluation.from_predictions import outcomes_of
from triage.evaluation.outcomes import Outcomes
from triage.imaging.corruptions import Corruption
from triage.imaging.views import Views
from triage.models.case_inputs import EmbeddingInputs
from triage.models.settings import TrainSettings, default_settings
from triage.systems.fix_policy import fix_policy
from triage.systems.near_duplicates import SIMILAR
from triage.systems.photographs.frozen_backbones import load_backbones
from triage.systems.photographs.head_training import train_head
from triage.systems.photographs.observe import observe
from triage.systems.photographs.plan import TrainingPlan
from triage.systems.photographs.system import Embedded, Member, embed_with, predict
from triage.uncertainty.combination import fit_combination

FIRST = 300
"""Seed of the first draw; none of those that the tables of the benchmark use."""
SPLITS = ("validation", "test")
Alter = Callable[[TrainingPlan, list[Case], int], TrainingPlan]


@dataclass(frozen=True)
class Variant:
    """One way to train and to decide.

    Parameters
    ----------
    colours : Corruption, optional
        Applied to every picture, in training and in use.
    tones : {'', 'training', 'use'}
        Whether heads train on `TONES` too, and whether pictures are also scored as their mean.
    alter : callable, optional
        Changes the plan of the training.
    by_type : bool
        Whether the abstention threshold is set by skin type.
    centred : bool
        Whether the scores of each skin type are shifted; see `centre_by_type`.
    """

    colours: Corruption | None = None
    tones: str = ""
    alter: Alter | None = None
    by_type: bool = False
    centred: bool = False


BASE = "as it is"
MATCHED = "as few cases of every type"
VARIANTS = {
    BASE: Variant(),
    "threshold by type": Variant(by_type=True),
    "score centred by type": Variant(centred=True),
    "grey world": Variant(colours=GREY_WORLD),
    "shades of grey": Variant(colours=SHADES),
    "tones in training": Variant(tones="training"),
    "tones in training and use": Variant(tones="use"),
    "balanced by type and condition": Variant(alter=lambda plan, cases, _: balanced(plan, cases)),
    MATCHED: Variant(alter=matched),
}


@dataclass
class Pooled:
    """Outcomes of all draws by split; `facts` has case, condition, group, light and contrast."""

    outcomes: dict[str, Outcomes] = field(default_factory=dict)
    facts: dict[str, pd.DataFrame] = field(default_factory=dict)

    def add(self, split: str, outcomes: Outcomes, facts: pd.DataFrame) -> None:
        """Append the outcomes of a draw."""
        if split not in self.outcomes:
            self.outcomes[split], self.facts[split] = outcomes, facts
            return
        old = self.outcomes[split]
        arrays = {
            name: np.concatenate([getattr(old, name), getattr(outcomes, name)])
            for name in Outcomes.__dataclass_fields__
            if isinstance(getattr(old, name), np.ndarray)
        }
        subgroups = pd.concat([old.subgroups, outcomes.subgroups], ignore_index=True)
        self.outcomes[split] = replace(old, subgroups=subgroups, **arrays)
        self.facts[split] = pd.concat([self.facts[split], facts], ignore_index=True)


class Study:
    """The embeddings of all pictures in all colours, and the trainings on them.

    Parameters
    ----------
    protocol : Protocol
        With near-duplicates joined.
    cache : Path
        Of embeddings.
    """

    def __init__(self, protocol: Protocol, cache: Path | None) -> None:
        self.protocol = protocol
        self.settings = protocol.settings
        networks = load_backbones(self.settings)
        self.keys = {ref: network.name for ref, network in networks.items()}
        named = {self.keys[ref]: network for ref, network in networks.items()}
        cases = list(protocol.dataset(FIRST).cases)
        self.embedded: dict[Corruption | None, Embedded] = {}
        for colours in (None, GREY_WORLD, SHADES, *TONES):
            self.embedded[colours], opened = embed_with(named, cases, cache, corruption=colours)
            assert len(opened.cases) == len(cases), "a picture could not be read"
            print(f"embedded {len(cases)} cases, colours {colours}", flush=True)
        self.place = {case.case_id: row for row, case in enumerate(cases)}
        self.light = np.array([lightness(case) for case in cases])
        self.trained: dict[tuple[int, Variant], list[Member]] = {}

    def run(self, variants: dict[str, Variant], draws: int) -> dict[str, Pooled]:
        """Train and decide in every draw; returns the pooled outcomes of each variant."""
        found = {name: Pooled() for name in variants}
        for draw in range(FIRST, FIRST + draws):
            dataset = self.protocol.dataset(draw)
            for name, variant in variants.items():
                for split, outcomes, facts in self._outcomes(dataset, variant, draw):
                    found[name].add(split, outcomes, facts)
                print(f"draw {draw}: {name}", flush=True)
        return found

    def _outcomes(
        self, dataset: Dataset, variant: Variant, draw: int
    ) -> list[tuple[str, Outcomes, pd.DataFrame]]:
        cases = list(dataset.cases)
        assert [self.place[case.case_id] for case in cases] == list(range(len(cases)))
        seen, views = self._pictures(dataset, variant)
        plan = TrainingPlan.of(dataset, self.settings, cases)
        if variant.alter is not None:
            plan = variant.alter(plan, cases, draw)
        training = draw, replace(variant, by_type=False, centred=False)
        if training not in self.trained:
            self.trained = {training: self._train(plan, views)}
        members = self.trained[training]
        inliers = dataset.draw.inliers
        parts = {"train": [c for c in dataset.of_split("train") if c.condition in inliers]}
        parts |= {split: dataset.of_split(split) for split in SPLITS}
        rows = {name: [self.place[case.case_id] for case in part] for name, part in parts.items()}
        if variant.alter is matched:  # the scores are fitted to the training pictures too
            kept = {*plan.train.tolist()}
            rows["train"] = [row for row in rows["train"] if row in kept]
            parts["train"] = [cases[row] for row in rows["train"]]
        own = {name: {k: v[index] for k, v in seen.items()} for name, index in rows.items()}
        return self._decided(dataset, plan, variant, members, parts, own, draw)

    def _decided(
        self,
        dataset: Dataset,
        plan: TrainingPlan,
        variant: Variant,
        members: list[Member],
        parts: dict[str, list[Case]],
        own: dict[str, Embedded],
        draw: int,
    ) -> list[tuple[str, Outcomes, pd.DataFrame]]:
        """Fit combination and policy on validation, and decide on validation and test."""
        inliers = dataset.draw.inliers
        observed = {name: observe(part, members, len(inliers)) for name, part in own.items()}
        labels = np.array([str(case.condition) for case in parts["validation"]])
        combination = fit_combination(
            observed["train"],
            np.array([inliers.index(str(case.condition)) for case in parts["train"]]),
            observed["validation"],
            np.where(np.isin(labels, inliers), "", labels),
            met=dataset.draw.train,
        )
        scores = {split: combination.score(observed[split]) for split in SPLITS}
        predicted = {
            split: predict(own[split], parts[split], members, plan.classes, len(inliers), {})
            for split in SPLITS
        }
        if variant.centred:
            scores = centre_by_type(scores, predicted)
        policy, _ = fix_policy(
            predicted["validation"],
            dataset,
            combined=scores["validation"],
            settings=self.settings,
        )
        decide = (
            decide_by_type(policy, predicted, scores, dataset.spec)
            if variant.by_type
            else {
                split: policy.decide(predicted[split], ood_score=scores[split]) for split in SPLITS
            }
        )
        known = scores["validation"][np.isin(labels, inliers)]
        found = []
        for split in SPLITS:
            outcomes = outcomes_of(
                predicted[split].with_decisions(decide[split]), policy, dataset.spec
            )
            # On one scale in all draws: AUROC pools them.
            alike = (outcomes.ood_score - known.mean()) / known.std()
            outcomes = replace(outcomes, ood_score=alike)
            found.append((split, outcomes, self._facts(parts[split], draw)))
        return found

    def _pictures(self, dataset: Dataset, variant: Variant) -> tuple[Embedded, Embedded]:
        """Embeddings that are scored, [N, D], and those that train, [N, D] or [N, V, D]."""
        seen = self.embedded[variant.colours]
        if not variant.tones:
            return seen, seen
        stacked = {
            key: np.stack([seen[key], *(self.embedded[tone][key] for tone in TONES)], axis=1)
            for key in seen
        }
        if variant.tones == "use":
            return {key: views.mean(axis=1) for key, views in stacked.items()}, stacked
        trains = np.array([split == "train" for split in dataset.splits])
        for key, views in stacked.items():
            views[~trains] = seen[key][~trains, None]
        return seen, stacked

    def _train(self, plan: TrainingPlan, views: Embedded) -> list[Member]:
        members = []
        with tempfile.TemporaryDirectory() as folder:
            for reference, seed in self.settings.pool:
                key = self.keys[reference]
                inputs = EmbeddingInputs(torch.from_numpy(views[key]))
                checkpoint = Path(folder) / f"{len(members)}.safetensors"
                _, (head,) = train_head(plan, inputs, seed, checkpoint)
                members.append(Member(f"{key}-{seed}", key, head))
        return members

    def _facts(self, cases: list[Case], draw: int) -> pd.DataFrame:
        light = self.light[[self.place[case.case_id] for case in cases]]
        return pd.DataFrame(
            {
                "draw": draw,
                "case": [case.case_id for case in cases],
                "condition": [str(case.condition) for case in cases],
                "type": [skin_type(case) for case in cases],
                "group": [GROUPS.get(skin_type(case), "unknown") for case in cases],
                "source": [case.subgroups.get("source_site", "") for case in cases],
                "light": light[:, 0],
                "contrast": light[:, 1],
            }
        )


def lightness(case: Case) -> NDArray[np.float64]:
    """Mean and standard deviation of CIELAB lightness over a case's first picture, [2]."""
    found = read_resized(case.images[0], [(64, Views.WHOLE)], root=case.root)
    values = rgb2lab(found.inputs[0][0])[..., 0]
    return np.array([values.mean(), values.std()])


def settings_of(backbones: list[str], members: int, runtime: str) -> TrainSettings:
    """The usual settings for frozen backbones, on whole pictures."""
    return default_settings(tuple(backbones), members=members, views=Views.WHOLE, runtime=runtime)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--backbone", action="append", required=True)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--variant", action="append", choices=tuple(VARIANTS))
    parser.add_argument("--runtime", default="torch")
    given = parser.parse_args()
    settings = settings_of(given.backbone, given.members, given.runtime)
    protocol = Protocol(load_spec(given.spec), given.root, settings, similar=SIMILAR)
    cache = cache_path()
    protocol = protocol.with_near_duplicates(cache, lambda *_: None)
    chosen = {BASE, MATCHED, *given.variant} if given.variant else {*VARIANTS}
    variants = {name: variant for name, variant in VARIANTS.items() if name in chosen}
    print_tables(Study(protocol, cache).run(variants, given.draws), BASE, MATCHED)


if __name__ == "__main__":
    main()
