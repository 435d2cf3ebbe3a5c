"""Pretraining settings: sizes for a laptop by default, for GPUs by configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triage.backbones.runtime.execution import has_bfloat16
from triage.data.strict_yaml import load_model
from triage.errors import UsageError
from triage.models.settings import FitSettings

KIND = "settings file of pretraining"

Share = Annotated[float, Field(ge=0, le=1)]


class ViewSettings(BaseModel):
    """Strength of the differences between two views of an image.

    Parameters
    ----------
    crop : float
        Least area of the random crop, as a share of the picture; 1 crops nothing.
    brightness, contrast, saturation : float
        Each factor is drawn from 1 - x to 1 + x.
    hue : float
        Largest turn of the colour circle in either direction; 0.5 is half the circle. Small, since
        colour is evidence.
    jitter_probability : float
        Share of the views whose colours change at all.
    blur : float
        Largest standard deviation of the Gaussian blur, as a share of the picture's side.
    blur_probability : float
        Share of the views that are blurred.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop: float = Field(0.3, gt=0, le=1)
    brightness: Share = 0.4
    contrast: Share = 0.4
    saturation: Share = 0.4
    hue: float = Field(0.05, ge=0, le=0.5)
    jitter_probability: Share = 0.8
    blur: float = Field(0.01, ge=0, le=0.1)
    blur_probability: Share = 0.5


class PretrainSettings(BaseModel):
    """All settings that determine the result of pretraining.

    Parameters
    ----------
    method : {'simclr', 'micle'}
        Whether a positive pair is two views of one image, or of two images of one case where
        the case has several.
    backbone : str
        Where to begin, as `load_backbone` reads it: `monai:` networks begin at random, others
        from their weights.
    temperature : float
        Of the loss.
    hidden, projection : int
        Widths of the projection head, which is thrown away afterwards.
    held_out : float
        Share of the training cases that only measure the loss.
    seed : int
    precision : {'float32', 'bfloat16'}
        Arithmetic of the forward pass.
    device : {'cpu', 'cuda'}
        Under torchrun every process takes the GPU of its local rank.
    views : ViewSettings
    fit : FitSettings
        `batch_size` counts cases of one process; `label_smoothing` and `balance` have no meaning
        without labels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["simclr", "micle"] = "simclr"
    backbone: str = Field("monai:resnet10_narrow@64", min_length=1)
    temperature: float = Field(0.1, gt=0)
    hidden: int = Field(256, ge=1)
    projection: int = Field(128, ge=2)
    held_out: float = Field(0.1, gt=0, le=0.5)
    seed: int = Field(0, ge=0, lt=2**31)
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    views: ViewSettings = ViewSettings()
    fit: FitSettings = FitSettings(
        epochs=60, patience=20, batch_size=128, learning_rate=2e-3, weight_decay=1e-4
    )


def load_settings(config: Path | None = None, **chosen: Any) -> PretrainSettings:
    """Return the defaults, overridden by a file's settings and then by the user's.

    Parameters
    ----------
    config : Path, optional
        YAML; what it leaves open, at any depth, stays as it is by default.
    **chosen
        Fields of `PretrainSettings`; None leaves a field as it is.

    Raises
    ------
    SpecError
        If the file cannot be used; lists every problem.
    UsageError
        If a chosen setting is out of range, or the requested processor is not available.
    """
    settings = PretrainSettings()
    if config is not None:
        given = load_model(config, PretrainSettings, KIND).model_dump(exclude_unset=True)
        settings = _changed(settings, given)
    chosen = {key: value for key, value in chosen.items() if value is not None}
    try:
        settings = PretrainSettings.model_validate(settings.model_dump() | chosen)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(first["msg"], where=f"--{first['loc'][0]}") from error
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no GPU here", where="device", hint="Set device to cpu.")
    if (settings.device, settings.precision) == ("cpu", "bfloat16") and not has_bfloat16():
        raise UsageError(
            "this processor has no bfloat16 arithmetic",
            where="precision",
            hint="Set precision to float32.",
        )
    return settings


def _changed(settings: PretrainSettings, given: dict[str, Any]) -> PretrainSettings:
    """Settings overridden by those of a file; keys that the file omits are kept."""
    defaults = settings.model_dump()
    parts = {key: defaults[key] | given[key] for key in ("views", "fit") if key in given}
    return PretrainSettings.model_validate(defaults | given | parts)
