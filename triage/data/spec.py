"""The data spec: which rows and images there are, what the conditions mean, what a mistake costs.

One YAML file under `data_specs/` is one `DataSpec`. Unknown keys are errors, so a
typo never passes silently. The JSON Schema beside the specs is generated from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from triage.data.identifiers import clean_text, is_missing
from triage.data.spec_costs import Capacity, Cost, Costs, OutcomeCosts, UrgencyCosts
from triage.data.spec_rows import Name, Rows, SpecModel
from triage.errors import unknown_name
from triage.modalities import MODALITIES
from triage.predictions import CASE_COLUMNS, DECISION_COLUMNS
from triage.vocabulary.clinical import Risk, Urgency
from triage.vocabulary.modality import Modality

__all__ = [
    "MAX_SOURCE_NAME", "AutoRoles", "Capacity", "Condition", "Cost", "Costs", "DataSpec",
    "Modality", "Name", "OutcomeCosts", "RoleName", "Roles", "Rows", "Share", "Split", "Subgroup",
    "UrgencyCosts", "band_name", "level_key",
]  # fmt: skip

Share = Annotated[float, Field(ge=0.0, le=1.0)]
MAX_SOURCE_NAME = 200


RoleName = Literal["inlier", "outlier_train", "outlier_validation", "outlier_test", "auto"]


class Condition(SpecModel):
    """One condition: its role in out-of-distribution detection and its clinical meaning."""

    name: Name
    role: RoleName
    risk: Risk
    urgency: Urgency
    source: Name = Field(
        description="clinical source of risk and urgency, or the words 'our default'"
    )


class AutoRoles(SpecModel):
    """How many of the `auto` conditions go to each outlier role when roles are drawn."""

    train: int = Field(ge=1)
    validation: int = Field(ge=0)
    test: int = Field(ge=1)


class Roles(SpecModel):
    """How `auto` conditions get their role, and what validates the outlier threshold."""

    seed: int = Field(0, ge=0)
    auto: AutoRoles | None = None
    validation_outliers: Literal["conditions", "held_out_cases"] = Field(
        "conditions",
        description="held_out_cases: a share of the training outliers' cases stands in for "
        "validation conditions where there are too few rare ones",
    )
    held_out_share: Share = 0.3
    note: str = Field("", description="printed under every table made with this spec")

    @model_validator(mode="after")
    def _stand_in_has_a_note(self) -> Self:
        if self.validation_outliers == "held_out_cases" and not self.note:
            raise ValueError("held_out_cases needs a `note` that tables can carry")
        return self


class Split(SpecModel):
    """Shares of the inlier groups; a group's split depends on its name and the seed alone."""

    _LATER = ("gate",)

    seed: int = Field(0, ge=0)
    train: Share = 0.6
    validation: Share = 0.2
    test: Share = 0.2
    gate: Share | None = Field(
        None, description="held out for the promotion gate alone; no report shows these cases"
    )

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = self.train + self.validation + self.test + (self.gate or 0.0)
        if abs(total - 1.0) > 1e-9:
            names = "train + validation + test" + (" + gate" if self.gate is not None else "")
            raise ValueError(f"{names} is {total:g}, not 1")
        return self


class Subgroup(SpecModel):
    """A column to report by; numbers are cut into bands [b0, b1), [b1, b2), ..."""

    _LATER = ("levels",)

    column: Name
    title: str = ""
    bands: tuple[float, ...] | None = Field(None, min_length=2)
    levels: dict[Name, tuple[Name, ...]] | None = Field(
        None, description="the levels there are, each with its further spellings", min_length=1
    )

    @model_validator(mode="after")
    def _bands_increase(self) -> Self:
        if self.bands and any(a >= b for a, b in zip(self.bands, self.bands[1:], strict=False)):
            raise ValueError("bands must increase")
        return self

    @property
    def stated_levels(self) -> tuple[str, ...]:
        """Levels that `bands` or `levels` state; none where the data decide them."""
        if self.bands is not None:
            return tuple(band_name(low, high) for low, high in pairwise(self.bands))
        return tuple(self.levels or ())

    @model_validator(mode="after")
    def _levels_are_told_apart(self) -> Self:
        if self.levels is None:
            return self
        if self.bands is not None:
            raise ValueError("give `bands` for numbers or `levels` for words, not both")
        spellings = [
            spelling
            for level, others in self.levels.items()
            for spelling in {level_key(name) for name in (level, *others)}
        ]
        if doubled := _doubled(spellings):
            raise ValueError(f"spellings of two levels: {doubled}")
        return self


def band_name(low: float, high: float) -> str:
    """Return the name of the level of the numbers in [low, high)."""
    return f"{low:g}-{high:g}"


def level_key(text: str) -> str:
    """Return a text that is the same for spellings of one level: clean, without case."""
    return " ".join(clean_text(text).casefold().split())


class DataSpec(SpecModel):
    """A data set as the system sees it."""

    _LATER = ("source_name", "capacity")

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: Name
    modality: Modality = Field(
        Modality.PHOTOGRAPHS,
        description="photographs (of skin), oct_bscans (single B-scans read as pictures), or "
        "oct_volumes (tissue map, then referral)",
    )
    licence: Name
    source: Name
    source_name: Name | None = Field(
        None,
        description="name of the place the cases come from, within which case and patient "
        "identifiers are unique; by default the spec's name",
        max_length=MAX_SOURCE_NAME,
    )
    generator: Literal["skin_phantoms", "oct_phantoms"] | None = Field(
        None, description="the data are generated when no root is given"
    )
    rows: Rows
    conditions: tuple[Condition, ...] = Field(min_length=2)
    roles: Roles = Roles()
    split: Split = Split()
    subgroups: tuple[Subgroup, ...] = ()
    max_images_per_case: int = Field(6, ge=1, le=64)
    outlier_prevalence: float = Field(
        gt=0.0,
        lt=1.0,
        description="share of outliers expected where the system is used; validation is "
        "weighted to it",
    )
    costs: Costs = Costs()
    capacity: Capacity | None = Field(
        None, description="places of a day that thresholds keep to on validation"
    )

    @field_validator("source_name")
    @classmethod
    def _names_a_source(cls, name: str | None) -> str | None:
        if name is None:
            return None
        if is_missing(name) or not clean_text(name).isprintable():
            raise ValueError("a source needs a name that can be printed and is no word for missing")
        return clean_text(name)

    @field_validator("conditions")
    @classmethod
    def _named_once(cls, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        if doubled := _doubled(condition.name for condition in conditions):
            raise ValueError(f"named twice: {doubled}")
        return conditions

    @field_validator("subgroups")
    @classmethod
    def _columns_are_free(cls, subgroups: tuple[Subgroup, ...]) -> tuple[Subgroup, ...]:
        if doubled := _doubled(axis.column for axis in subgroups):
            raise ValueError(f"columns named twice: {doubled}")
        taken = {axis.column for axis in subgroups} & {*CASE_COLUMNS, *DECISION_COLUMNS}
        if taken:
            raise ValueError(
                f"columns {sorted(taken)} would hide columns of the predictions table: rename them"
            )
        return subgroups

    @model_validator(mode="after")
    def _roles_place_every_auto(self) -> Self:
        automatic = sum(condition.role == "auto" for condition in self.conditions)
        auto = self.roles.auto
        drawn = auto.train + auto.validation + auto.test if auto else 0
        if automatic != drawn:
            raise ValueError(
                f"{automatic} conditions have role auto, but roles.auto places {drawn}: "
                "make train + validation + test their number"
            )
        return self

    @model_validator(mode="after")
    def _volumes_alone_have_diagnoses(self) -> Self:
        kind = MODALITIES[self.modality]
        if not kind.volumes and (self.rows.diagnoses or self.rows.annotation):
            raise ValueError("rows.diagnoses and rows.annotation belong to oct_volumes")
        known = kind.diagnoses
        if kind.volumes and (unknown := {*self.rows.diagnoses} - known.keys()):
            raise ValueError(f"unknown diagnoses {sorted(unknown)}; there are {[*known]}")
        return self

    @model_validator(mode="after")
    def _matrix_has_every_condition(self) -> Self:
        if self.costs.matrix is None:
            return self
        names = [condition.name for condition in self.conditions]
        for given in self.costs.matrix:
            if given not in names:
                raise ValueError(str(unknown_name("condition", given, names, where="costs.matrix")))
        if holes := [name for name in names if name not in self.costs.matrix]:
            urgencies = ", ".join(Urgency)
            raise ValueError(f"costs.matrix has no costs of {holes}: give each {urgencies}")
        return self

    @model_validator(mode="after")
    def _multipliers_name_subgroups(self) -> Self:
        given = self.costs.multipliers.subgroups if self.costs.multipliers else {}
        axes = {axis.column: axis for axis in self.subgroups}
        for column, factors in given.items():
            place = "costs.multipliers.subgroups"
            if column not in axes:
                raise ValueError(str(unknown_name("subgroup", column, axes, where=place)))
            levels = axes[column].stated_levels
            for level in factors:
                if levels and level not in levels:
                    where = f"{place}.{column}"
                    raise ValueError(str(unknown_name("level", level, levels, where=where)))
        return self

    @property
    def case_source(self) -> str:
        """Name of the source of the cases in a case database."""
        return self.source_name or self.name

    @property
    def by_name(self) -> dict[str, Condition]:
        """Conditions by name."""
        return {condition.name: condition for condition in self.conditions}


def _doubled(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)
