"""Roles of conditions: inlier, or outlier for training, validation or test.

Roy et al. 2022 keep the outlier conditions of the three splits disjoint, so that the system has
never been trained or validated on a test outlier's condition. `auto` conditions are assigned at
random from a seed, so that the draw can be repeated and its spread reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.data.spec import DataSpec


@dataclass(frozen=True)
class RoleDraw:
    """Conditions by role, each in the spec's order.

    Parameters
    ----------
    inliers, train, validation, test : tuple of str
        Inlier conditions, and the outlier conditions of each split.
    seed : int
        The seed of the draw.
    """

    inliers: tuple[str, ...]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    seed: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Inlier conditions, then training outlier conditions: the head's class order."""
        return self.inliers + self.train

    def role_of(self, condition: str) -> str:
        """Return `inlier`, `outlier_train`, `outlier_validation` or `outlier_test`."""
        for role, names in (
            ("inlier", self.inliers),
            ("outlier_train", self.train),
            ("outlier_validation", self.validation),
            ("outlier_test", self.test),
        ):
            if condition in names:
                return role
        raise KeyError(condition)


def draw_roles(spec: DataSpec, seed: int | None = None) -> RoleDraw:
    """Assign the `auto` conditions to the outlier roles at random.

    Parameters
    ----------
    spec : DataSpec
        The data spec.
    seed : int, optional
        Overrides `spec.roles.seed`.

    Returns
    -------
    RoleDraw
        Fixed roles as written, `auto` roles as drawn.
    """
    seed = spec.roles.seed if seed is None else seed
    role = {condition.name: str(condition.role) for condition in spec.conditions}
    automatic = sorted(name for name, value in role.items() if value == "auto")
    if spec.roles.auto is not None:
        counts = spec.roles.auto
        order = np.random.default_rng(seed).permutation(len(automatic))
        dealt = (
            ["outlier_train"] * counts.train
            + ["outlier_validation"] * counts.validation
            + ["outlier_test"] * counts.test
        )
        role |= {automatic[place]: part for place, part in zip(order, dealt, strict=True)}

    def named(part: str) -> tuple[str, ...]:
        return tuple(name for name in role if role[name] == part)

    return RoleDraw(
        inliers=named("inlier"),
        train=named("outlier_train"),
        validation=named("outlier_validation"),
        test=named("outlier_test"),
        seed=seed,
    )
