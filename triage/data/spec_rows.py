"""Keys of a data spec that locate its rows and describe their columns; see `triage.data.spec`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

Name = Annotated[str, Field(min_length=1)]


class SpecModel(BaseModel):
    """What every part of a data spec shares: unknown keys are errors, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    _LATER: ClassVar[tuple[str, ...]] = ()
    """Optional keys that came after the first release: not written where they are not given, so
    that a spec without them keeps its hash."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        return {
            key: value
            for key, value in content.items()
            if key not in self._LATER or value is not None
        }


class Rows(SpecModel):
    """How to find images: a CSV manifest with one row an image, or a folder per condition."""

    _LATER = ("visit", "laterality", "age", "licence", "consent")

    manifest: Name | None = Field(None, description="CSV file below the root, one row an image")
    folders: Name | None = Field(
        None, description="folder below the root with one folder a condition"
    )
    image: Name = Field("image", description="column with the image path, relative to the manifest")
    condition: Name = Field("condition", description="column with the condition")
    case: Name | None = Field(None, description="column joining the images of one case")
    patient: Name | None = Field(None, description="column with the patient")
    group: tuple[Name, ...] = Field(
        (), description="further columns that join what must stay in one split (near-duplicates)"
    )
    split: Name | None = Field(None, description="column with train, validation, test or gate")
    visit: Name | None = Field(
        None, description="column with the whole days since the patient's first visit; no dates"
    )
    laterality: Name | None = Field(None, description="column with left, right or both")
    age: Name | None = Field(None, description="column with the patient's age in years")
    licence: Name | None = Field(
        None, description="column with the licence of the case, where it is not the data set's"
    )
    consent: Name | None = Field(
        None, description="column with given or withdrawn; withdrawn cases are never used"
    )
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
