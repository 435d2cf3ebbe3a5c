"""Specification of a set with masks: its layout on disk and the meaning of its mask values."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.data.spec import Name
from triage.data.strict_yaml import load_model

Value = Annotated[int, Field(ge=0, le=255)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MaskRows(_Model):
    """How to find images and masks in a CSV table, one row an image."""

    manifest: Name = Field("manifest.csv", description="CSV file below the root")
    image: Name = Field("image", description="column with the image, relative to the manifest")
    mask: Name = Field("mask", description="column with the masks, one a grader")
    separator: Name = Field(";", description="between the masks of several graders")
    group: tuple[Name, ...] = Field(
        (), description="columns that join what must stay in one split; none: every image alone"
    )
    group_mark: str = Field(
        "", description="between the parts of a group, such as patient / eye: one shared joins"
    )
    where: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict, description="keep rows whose column has one of these values"
    )
    surfaces: tuple[Name, ...] = Field(
        (),
        description="masks are CSV tables of these boundaries from the top, in rows, a line a "
        "column of the image: class i lies below i of them",
    )


class SegmentationSpec(_Model):
    """A set of B-scans or volumes with a class for every pixel."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] = Field(
        description="short name in small letters, digits and `_`"
    )
    title: Name = Field(description="for people")
    licence: Name = Field(description="under what licence the data may be used")
    source: Name = Field(description="where the data come from, and whom to cite")
    leak: Name = Field(description="what must not be split apart, and what stays optimistic")
    layout: Literal["manifest", "phantoms", "retouch", "duke_dme"] = Field(
        description="how it lies on disk: `manifest`, `phantoms`, `retouch` or `duke_dme`"
    )
    classes: tuple[Name, ...] = Field(
        min_length=2, max_length=255, description="name of each class; its place is its mask value"
    )
    ignore: Value | None = Field(
        None, description="mask value of pixels nobody judged; in no loss and no metric"
    )
    values: dict[Value, Value] = Field(
        default_factory=dict, description="stored mask value: class, where they differ"
    )
    context: bool = Field(description="whether neighbouring B-scans come with the annotated ones")
    rows: MaskRows | None = Field(None, description="only and always with layout manifest")
    target: Literal["fluid", "layers"] | None = Field(
        None, description="which masks of Duke DME; only and always with layout duke_dme"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.layout == "manifest") != (self.rows is not None):
            raise ValueError("layout manifest needs `rows`, and no other layout takes them")
        if (self.layout == "duke_dme") != (self.target is not None):
            raise ValueError("layout duke_dme needs a `target`, and no other layout takes one")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class is named twice")
        known = {*range(len(self.classes))}
        if self.ignore in known:
            raise ValueError(f"ignore value {self.ignore} is that of a class")
        if unknown := sorted({*self.values.values()} - known - {self.ignore}):
            raise ValueError(f"values lead to {unknown}, which are no classes")
        surfaces = self.rows.surfaces if self.rows else ()
        if surfaces and (len(surfaces) + 1 != len(self.classes) or self.ignore is None):
            raise ValueError("N surfaces need N + 1 classes and an ignore value for gaps")
        if self.layout == "duke_dme" and self.ignore is None:
            raise ValueError("duke_dme needs an ignore value for columns nobody judged")
        return self


def load_segmentation_spec(path: Path) -> SegmentationSpec:
    """Read and validate one YAML file of `data_specs/segmentation/`.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML or breaks a rule; lists every problem.
    """
    return load_model(path, SegmentationSpec, "segmentation spec")


def shipped_segmentation_spec(name: str) -> Path:
    """Return the path of a spec shipped in `data_specs/segmentation/`, such as `retouch`."""
    return Path(str(files("data_specs").joinpath(f"segmentation/{name}.yaml")))
