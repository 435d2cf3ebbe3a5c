"""The data spec: which rows and images there are, what the conditions mean, what a mistake costs.

One YAML file under `data_specs/` is one `DataSpec`. Unknown keys are errors, so a
typo never passes silently. The JSON Schema beside the specs is generated from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from triage.data.clinical import Risk, Urgency
from triage.data.diagnoses import DIAGNOSES
from triage.predictions import CASE_COLUMNS, DECISION_COLUMNS

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Cost = Annotated[float, Field(ge=0.0)]
Name = Annotated[str, Field(min_length=1)]


class Modality(StrEnum):
    """What a case is made of."""

    PHOTOGRAPHS = "photographs"
    OCT_BSCANS = "oct_bscans"
    OCT_VOLUMES = "oct_volumes"


RoleName = Literal["inlier", "outlier_train", "outlier_validation", "outlier_test", "auto"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Rows(_Model):
    """How to find images: a CSV manifest with one row an image, or a folder per condition."""

    manifest: Name | None = Field(None, description="CSV file below the root, one row an image")
    folders: Name | None = Field(
        None, description="folder below the root with one folder a condition"
    )
    image: Name = Field("image", description="column with the image path, relative to the manifest")
    condition: Name = Field("condition", description="column with the condition")
    case: Name | None = Field(None, description="column joining the images of one case")
    patient: Name | None = Field(None, description="column with the patient")
    group: tuple[Name, ...] = Field(
        (), description="further columns that join what must not straddle a split (near-duplicates)"
    )
    split: Name | None = Field(None, description="column with train, validation or test")
    diagnoses: tuple[Name, ...] = Field(
        (), description="columns with 1 or 0 for each diagnosis of an OCT volume, empty if unknown"
    )
    annotation: Name | None = Field(
        None, description="column with the tissue map of an OCT volume, relative to the manifest"
    )
    where: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict, description="keep rows whose column has one of these values"
    )
    unlisted_conditions: Literal["error", "ignore"] = Field(
        "error", description="what to do with conditions this spec does not name"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.manifest is None) == (self.folders is None):
            raise ValueError("give exactly one of `manifest` and `folders`")
        return self


class Condition(_Model):
    """One condition: its role in out-of-distribution detection and its clinical meaning."""

    name: Name
    role: RoleName
    risk: Risk
    urgency: Urgency
    source: Name = Field(
        description="clinical source of risk and urgency, or the words 'our default'"
    )


class AutoRoles(_Model):
    """How many of the `auto` conditions go to each outlier role when roles are drawn."""

    train: int = Field(ge=1)
    validation: int = Field(ge=0)
    test: int = Field(ge=1)


class Roles(_Model):
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


class Split(_Model):
    """Shares of the inlier groups; a group's split depends on its name and the seed alone."""

    seed: int = Field(0, ge=0)
    train: Share = 0.6
    validation: Share = 0.2
    test: Share = 0.2

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"train + validation + test is {total:g}, not 1")
        return self


class Subgroup(_Model):
    """A column to report by; numbers are cut into bands [b0, b1), [b1, b2), ..."""

    column: Name
    title: str = ""
    bands: tuple[float, ...] | None = Field(None, min_length=2)

    @model_validator(mode="after")
    def _bands_increase(self) -> Self:
        if self.bands and any(a >= b for a, b in zip(self.bands, self.bands[1:], strict=False)):
            raise ValueError("bands must increase")
        return self


class OutcomeCosts(_Model):
    """Cost of each outcome of an opinion; outcomes and values are our default."""

    wrong_inlier: Cost = 1.0
    abstain_inlier: Cost = 0.5
    miss_outlier: Cost = 1.0
    abstain_outlier: Cost = 0.0


class UrgencyCosts(_Model):
    """Cost per step of urgency given too low or too high (ours); under-triage costs more."""

    under_triage: Cost = 2.0
    over_triage: Cost = 1.0


class Costs(_Model):
    """The clinical cost matrix, in units of one wrong label on a known condition."""

    outcomes: OutcomeCosts = OutcomeCosts()
    urgency: UrgencyCosts = UrgencyCosts()
    source: str = "our default"


class DataSpec(_Model):
    """A data set as the system sees it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: Name
    modality: Modality = Field(
        Modality.PHOTOGRAPHS,
        description="photographs (of skin), oct_bscans (single B-scans read as pictures), or "
        "oct_volumes (tissue map, then referral)",
    )
    licence: Name
    source: Name
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
        volumes = self.modality is Modality.OCT_VOLUMES
        if not volumes and (self.rows.diagnoses or self.rows.annotation):
            raise ValueError("rows.diagnoses and rows.annotation belong to oct_volumes")
        if volumes and (unknown := {*self.rows.diagnoses} - DIAGNOSES.keys()):
            raise ValueError(f"unknown diagnoses {sorted(unknown)}; there are {[*DIAGNOSES]}")
        return self

    @property
    def by_name(self) -> dict[str, Condition]:
        """Conditions by name."""
        return {condition.name: condition for condition in self.conditions}


def _doubled(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)
