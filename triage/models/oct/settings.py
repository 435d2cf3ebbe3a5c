"""Settings of the two stages: sizes for two processor cores by default, for a GPU by configuration.

The defaults are those of the demonstration, which trains in minutes on two processor cores;
`data_specs/training/oct_full_size.yaml` is for a GPU.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.models.settings import FitSettings

Side = Annotated[int, Field(ge=16, le=1024)]
Millimetres = Annotated[float, Field(gt=0, le=20)]


class SegmentationSettings(BaseModel):
    """Stage 1: neighbouring B-scans in, a tissue map of the central one out.

    Parameters
    ----------
    rows, columns : int
        The networks' grid over a whole B-scan, in pixels.
    context : int
        B-scans a prediction sees: the central one and as many on either side.
    channels : tuple of int
        Channels of the U-Net's levels. The first keeps the grid, for membranes are one or two
        pixels thick; each further one halves it, and the last stands on the one before.
    residual_units : int
        Residual units a level; 0 uses one plain convolution.
    bscans_per_volume : int
        Annotated B-scans used of each annotated volume, half of them evenly spaced and half with
        the rarest tissues: annotation is expensive, and neighbours add little information
        (De Fauw et al. 2018 annotated about 3 of 128).
    annotated_volumes : int
        At most so many annotated training volumes are used; 0 uses all.
    fit : FitSettings
        `balance` weighs the tissues by (voxels of the tissue) ** -balance. It is 0: the Dice term
        already minds the rare ones, and weights on top made the networks see them everywhere (on
        validation phantoms Dice 0.839 with 0.5, 0.869 with 0.25, 0.878 with 0).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Side = 96
    columns: Side = 96
    context: int = Field(3, ge=1, le=15)
    channels: tuple[int, ...] = Field((16, 32, 64, 96, 128), min_length=2)
    residual_units: int = Field(0, ge=0, le=4)
    bscans_per_volume: int = Field(3, ge=1)
    annotated_volumes: int = Field(0, ge=0)
    fit: FitSettings = FitSettings(
        epochs=9,
        patience=9,
        batch_size=16,
        learning_rate=1e-2,
        weight_decay=1e-4,
        label_smoothing=0.0,
        balance=0.0,
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.context % 2 == 0:
            raise ValueError("context must be odd: as many B-scans on either side")
        step = 2 ** (len(self.channels) - 2)
        if self.rows % step or self.columns % step:
            raise ValueError(f"rows and columns must be multiples of {step} for these channels")
        return self


class ReferralSettings(BaseModel):
    """Stage 2: a tissue map on a grid of fixed physical size in, referral and diagnoses out.

    Parameters
    ----------
    cells : tuple of 3 int
        Cells along (B-scans, depth, columns).
    field : tuple of 3 float
        Extent of the cells in mm, around the middle of the scan and the level of the retina.
    channels : tuple of int
        Channels that a layer of each level adds (dense blocks).
    diagnosis_weight : float
        Weight of the diagnoses' loss beside that of the referral.
    fit : FitSettings
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: tuple[int, int, int] = (12, 32, 32)
    field: tuple[Millimetres, Millimetres, Millimetres] = (6.0, 1.6, 6.0)
    channels: tuple[int, ...] = Field((12, 16, 24), min_length=1)
    diagnosis_weight: float = Field(1.0, ge=0)
    fit: FitSettings = FitSettings(
        epochs=16, patience=16, batch_size=16, learning_rate=3e-3, label_smoothing=0.05
    )


class OctSettings(BaseModel):
    """All settings that determine a trained OCT system.

    Parameters
    ----------
    instances : int
        Networks of each stage; every pair of them is a member of the ensemble. De Fauw et al. 2018
        used five of each; three keep the demo within minutes.
    seed : int
        Of the first instance; the others follow.
    precision : {'auto', 'float32', 'bfloat16'}
        Arithmetic of stage 1; 'auto' takes bfloat16 where the processor has it.
    device : {'cpu', 'cuda'}
        Where networks are trained and used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["two_stages"] = "two_stages"
    segmentation: SegmentationSettings = SegmentationSettings()
    referral: ReferralSettings = ReferralSettings()
    instances: int = Field(3, ge=1, le=20)
    seed: int = Field(0, ge=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: Literal["cpu", "cuda"] = "cpu"
