"""A fitted calibrator or kind of prediction set as plain values, for the JSON of a policy.

`triage.uncertainty.fitted_file` writes the same to a file of arrays of its own. A policy is one
JSON file, which is read without any other, so what it holds must be numbers within it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from triage.errors import UsageError
from triage.uncertainty.calibration import CALIBRATORS, Calibrator
from triage.uncertainty.calibration.calibrator import COMMON
from triage.uncertainty.conformal import CONFORMAL, ConformalSet

_SET_ARRAYS = ("n_conditions", "names", "counts", "quantiles")
"""What every fitted kind of prediction set holds."""


class StoredArray(BaseModel):
    """An array as JSON; its numbers come back exactly.

    Parameters
    ----------
    dtype : str
    shape : tuple of int
    values : tuple of float
        In row-major order. Integers of at most 53 bits are floats without loss; infinities are
        written as the text `Infinity`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")

    dtype: Literal["float64", "float32", "int64", "uint8", "bool"]
    shape: tuple[int, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, array: NDArray[Any]) -> Self:
        """Keep an array of one of the types above.

        Raises
        ------
        ValueError
            If it is of another type.
        """
        return cls.model_validate(
            {
                "dtype": array.dtype.name,
                "shape": array.shape,
                "values": array.ravel().astype(np.float64).tolist(),
            }
        )

    def array(self) -> NDArray[Any]:
        """Return the array."""
        return np.array(self.values, dtype=np.float64).astype(self.dtype).reshape(self.shape)


class FittedValues(BaseModel):
    """A fitted method: its key, its settings and what it learned.

    Parameters
    ----------
    kind : {'calibrator', 'prediction set'}
    key : str
        In `CALIBRATORS` or `CONFORMAL`.
    settings : dict
    arrays : dict of StoredArray

    Raises
    ------
    ValidationError
        If no such method can be made of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["calibrator", "prediction set"]
    key: str
    settings: dict[str, bool | int | float | str | tuple[float, ...] | None]
    arrays: dict[str, StoredArray]

    @model_validator(mode="after")
    def _restores(self) -> Self:
        try:
            self._method()
        except (KeyError, TypeError, UsageError) as error:
            raise ValueError(f"no fitted {self.kind} can be made of it: {error}") from error
        return self

    @classmethod
    def of(cls, method: Calibrator | ConformalSet) -> Self:
        """Keep a fitted method.

        Raises
        ------
        UsageError
            If it was not fitted.
        """
        if method.state is None:
            raise UsageError("was not fitted", where=method.info.key, hint="Call fit.")
        return cls(
            kind="calibrator" if isinstance(method, Calibrator) else "prediction set",
            key=method.info.key,
            settings=method.settings(),
            arrays={name: StoredArray.of(array) for name, array in method.state.items()},
        )

    def calibrator(self) -> Calibrator:
        """Return the calibrator, which does exactly what the one that was kept does.

        Raises
        ------
        UsageError
            If it is none.
        """
        method = self._method()
        if not isinstance(method, Calibrator):
            raise UsageError(f"is a {self.kind}, not a calibrator", where=self.key)
        return method

    def prediction_set(self) -> ConformalSet:
        """Return the kind of prediction set; see `calibrator`."""
        method = self._method()
        if not isinstance(method, ConformalSet):
            raise UsageError(f"is a {self.kind}, not a prediction set", where=self.key)
        return method

    def _method(self) -> Calibrator | ConformalSet:
        registry: Mapping[str, type[Calibrator] | type[ConformalSet]]
        registry = CALIBRATORS if self.kind == "calibrator" else CONFORMAL
        given: dict[str, Any] = dict(self.settings)
        method: Any = registry[self.key](**given)
        needed = {*COMMON, *method.arrays} if isinstance(method, Calibrator) else {*_SET_ARRAYS}
        if missing := sorted(needed - {*self.arrays}):
            raise KeyError(f"it lacks {', '.join(missing)}")
        method.state = {name: stored.array() for name, stored in self.arrays.items()}
        made: Calibrator | ConformalSet = method
        return made
