"""Optical properties of the skin at each point, and the colour computed from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from triage.phantoms.skin.fields import FloatMap

_DERMIS = np.log(np.array([0.93, 0.80, 0.70], np.float32))
"""Log reflectance of skin without pigment or blood, linear RGB."""
_ABSORPTION = np.array([[0.62, 0.84, 1.00], [0.12, 0.80, 0.62], [0.95, 0.72, 0.45]], np.float32)
"""Effective absorption of melanin, blood and deep (Tyndall-scattered) pigment in linear RGB.

The order of the channels follows the physics (melanin absorbs blue most, haemoglobin
green, deep pigment returns blue); the values were set by eye."""
_KERATIN = np.array([0.80, 0.73, 0.62], np.float32)
_PUS = np.array([0.88, 0.76, 0.40], np.float32)


@dataclass(frozen=True)
class Tissue:
    """Maps of one patch of skin or of one lesion, each float32 [size, size].

    Absorbances (`melanin`, `blood`, `blue`) add up; `bleach`, `keratin`, `pus`, `gloss`
    and `coverage` are shares from 0 to 1; `height` is in image widths.
    """

    coverage: FloatMap
    melanin: FloatMap
    blood: FloatMap
    blue: FloatMap
    bleach: FloatMap
    keratin: FloatMap
    pus: FloatMap
    height: FloatMap
    gloss: FloatMap

    def stack(self) -> FloatMap:
        """Return all maps as one array, float32 [size, size, 9]."""
        return np.stack(list(vars(self).values()), axis=-1, dtype=np.float32)

    @classmethod
    def none(cls, size: int) -> Self:
        """Return a tissue without any absorber."""
        return cls(*np.zeros((len(fields(cls)), size, size), np.float32))

    @classmethod
    def unstack(cls, maps: FloatMap) -> Self:
        """Convert the array of `stack` to a tissue."""
        return cls(*np.moveaxis(maps, -1, 0))


def reflectance(skin: Tissue, lesion: Tissue) -> FloatMap:
    """Return the colour of a lesion in skin under white light.

    Pigment and blood darken as in the Beer-Lambert law; keratin and pus lie above
    them and cover what is below.

    Returns
    -------
    ndarray, float32 [size, size, 3]
        Linear RGB, 0 to 1.
    """
    melanin = skin.melanin * (1 - lesion.bleach) + lesion.melanin
    blood = np.maximum(skin.blood + lesion.blood, 0)
    absorbers = np.stack([melanin, blood, lesion.blue], axis=-1)
    colour = np.exp(_DERMIS - absorbers @ _ABSORPTION)
    colour += lesion.keratin[..., None] * (_KERATIN - colour)
    colour += lesion.pus[..., None] * (_PUS - colour)
    return np.asarray(colour, np.float32)
