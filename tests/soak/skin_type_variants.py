"""What is tried for skin types that lag: colours of the pictures, weights of the cases.

Colour constancy and tone changes are applied to the resized pictures, as corruptions are, so that
the cache of embeddings tells them apart by their digest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import lab2rgb, rgb2lab

from triage.data.manifest import Case
from triage.hashing import hash_json
from triage.imaging.corruptions import Corruption
from triage.systems.photographs.plan import TrainingPlan

GROUPS = {"1": "I-II", "2": "I-II", "3": "III-IV", "4": "III-IV", "5": "V-VI", "6": "V-VI"}
"""Fitzpatrick types as they are taken together where one has too few cases."""
REPEATS = 3
"""Cases of the rarest skin type of a condition count at most so many times."""


@dataclass(frozen=True)
class Toned(Corruption):
    """A change of colours, written `name:strength`.

    Parameters
    ----------
    name : {'constancy', 'light', 'warmth'}
        Shades of grey (Finlayson & Trezzi 2004) of the norm `strength`, 1 being grey world;
        CIELAB lightness times `strength` percent; or red times and blue divided by it.
    severity : int
        The strength.
    """

    names: ClassVar[tuple[str, ...]] = ("constancy", "light", "warmth")

    def __post_init__(self) -> None:
        """Check the name."""
        if self.name not in self.names:
            raise ValueError(self.name)

    @property
    def digest(self) -> str:
        """Hash of what determines the result."""
        return hash_json(["skin type variants 1", self.name, self.severity])

    def apply(self, frame: NDArray[np.uint8], image_hash: str) -> NDArray[np.uint8]:
        """Change the colours of one frame, uint8 [H, W, 3]."""
        if self.name == "constancy":
            return grey_shades(frame, self.severity)
        factor = self.severity / 100
        if self.name == "warmth":
            return _levels(frame * np.array([factor, 1.0, 1 / factor]))
        lab = rgb2lab(frame)
        lab[..., 0] = np.clip(lab[..., 0] * factor, 0.0, 100.0)
        return _levels(lab2rgb(lab) * 255)


def grey_shades(frame: NDArray[np.uint8], norm: int) -> NDArray[np.uint8]:
    """Scale each channel so that the Minkowski means of the three are equal.

    Parameters
    ----------
    frame : uint8 array [H, W, 3]
    norm : int
        1 is the grey world assumption; 6 is usual for shades of grey.

    Returns
    -------
    uint8 array [H, W, 3]
        Of the same mean over the channels' Minkowski means. Computed on sRGB values, as in
        Finlayson & Trezzi 2004.
    """
    values = frame.reshape(-1, 3) / 255.0
    light = np.maximum((values**norm).mean(axis=0) ** (1 / norm), 1e-3)
    return _levels(frame * (light.mean() / light))


def _levels(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


GREY_WORLD, SHADES = Toned("constancy", 1), Toned("constancy", 6)
TONES = (Toned("light", 70), Toned("light", 120), Toned("warmth", 115), Toned("warmth", 87))
"""Views of the training pictures beside the unchanged one."""


def skin_type(case: Case) -> str:
    """Fitzpatrick type of a case, 'unknown' where there is none."""
    return str(case.subgroups.get("skin_type") or "unknown")


def balanced(plan: TrainingPlan, cases: list[Case]) -> TrainingPlan:
    """Repeat training cases of skin types that are rare within their class.

    A case counts `(most / n) ** 0.5` times, rounded and at most `REPEATS`, n being the cases of
    its skin type in its class and `most` those of the commonest type.
    """
    types = [skin_type(cases[row]) for row in plan.train.tolist()]
    keys = list(zip(plan.train_targets.tolist(), types, strict=True))
    counts = Counter(keys)
    most = {target: max(n for (t, _), n in counts.items() if t == target) for target, _ in counts}
    times = [
        1 if key[1] == "unknown" else min(REPEATS, round((most[key[0]] / counts[key]) ** 0.5))
        for key in keys
    ]
    return _rows(plan, np.repeat(np.arange(len(keys)), times))


def matched(plan: TrainingPlan, cases: list[Case], seed: int) -> TrainingPlan:
    """Keep as many training cases of types I-II and of III-IV a condition as V-VI has.

    Cases of unknown type are left out; a condition has at least two cases of each group.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(plan.train))
    conditions = [str(cases[row].condition) for row in plan.train.tolist()]
    groups = [GROUPS.get(skin_type(cases[row]), "") for row in plan.train.tolist()]
    most = Counter(c for c, group in zip(conditions, groups, strict=True) if group == "V-VI")
    seen = Counter[tuple[str, str]]()
    kept = []
    for row in rows:
        key = conditions[row], groups[row]
        if groups[row] and seen[key] < max(2, most[conditions[row]]):
            seen[key] += 1
            kept.append(row)
    return _rows(plan, np.sort(np.array(kept)))


def _rows(plan: TrainingPlan, rows: NDArray[np.int64]) -> TrainingPlan:
    """A plan that trains on some of its training rows, or on some of them repeatedly."""
    index = torch.from_numpy(rows)
    return replace(
        plan,
        train=plan.train[index],
        train_targets=plan.train_targets[index],
        data_digest=hash_json([plan.data_digest, rows.tolist()]),
    )
