"""Metrics that a user writes as Python functions.

A function `f(cases, weights)` takes a data frame of cases and how often each counts, and returns
a number, NaN where it is undefined. Nothing is known of its form, so its influence is that of the
jackknife: the value with all patients less the value without one of them, for each patient. That
costs one call a patient and one a resample: above `MOST_PATIENTS` patients only the value is
measured, and no interval printed.

The functions of a plan are in its `metrics_file`, a Python file with a mapping `METRICS` of keys to
functions; the plan has its hash. The file is run as code of this program.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from triage.auditing.audit_plan import AuditPlan, IntervalSettings
from triage.auditing.engine.audit_cases import AuditCases
from triage.auditing.engine.resamples import draws
from triage.auditing.engine.scope import Scope
from triage.auditing.measured import Measured
from triage.errors import UsageError
from triage.evaluation.metrics.audit_registry import ALIASES, AUDIT_METRICS
from triage.evaluation.metrics.weighted import FloatArray
from triage.hashing import hash_bytes
from triage.named_file import MAX_JSON_BYTES, read_named

MOST_PATIENTS = 2000
Function = Callable[[pd.DataFrame, FloatArray], float]
_FIELD = "metrics_file"
_COLUMNS = (
    "ood_score", "abstained", "cost", "true_urgency", "queue_urgency", "p_urgent", "first_right",
    "final_right", "first_urgency", "final_urgency", "seconds", "ai_shown",
)  # fmt: skip


@dataclass(frozen=True)
class UserMetric:
    """A user's own metric.

    Parameters
    ----------
    key : str
        Its name, also in tables.
    function : callable
        Data frame of N cases and weights [N] to a number. Columns are `label` (a class,
        "outlier", or missing), `predicted`, a column `p_` and the class for each probability, and
        those columns of `AuditTable` that the audited table has.
    """

    key: str
    function: Function


def user_metrics(functions: Mapping[str, Function] | Sequence[Function]) -> list[UserMetric]:
    """Return metrics from functions, by key or by the names of the functions.

    Raises
    ------
    UsageError
        If one is no function, has no name or a name that is taken.
    """
    if isinstance(functions, Mapping):
        named = list(functions.items())
    elif isinstance(functions, list | tuple):
        named = [(getattr(each, "__name__", ""), each) for each in functions]
    else:
        raise _refused(f"are of type {type(functions).__name__}, not a list or mapping")
    keys = [key for key, _ in named]
    for key, function in named:
        if not callable(function):
            raise _refused(f"hold {key!r} of type {type(function).__name__}, not a function")
        if not isinstance(key, str) or not key.isidentifier():
            raise _refused(f"name a metric {key!r}, which is not a plain name")
        if key in AUDIT_METRICS or key in ALIASES or keys.count(key) > 1:
            raise _refused(f"name a metric {key!r}, which there is already")
    return [UserMetric(key, function) for key, function in named]


def _refused(what: str) -> UsageError:
    return UsageError(
        what, where="metrics", hint="Give functions f(cases, weights), named as in METRICS = {...}."
    )


def planned_user_metrics(plan: AuditPlan) -> list[UserMetric]:
    """Return the metrics of a plan's own file.

    Raises
    ------
    UsageError
        If the file cannot be read, is not the one that the plan was made with, or is no Python
        file with a mapping `METRICS`.
    """
    if plan.metrics_file is None:
        return []
    path = Path(plan.metrics_file)
    text = read_named(path, "file of metrics", UsageError, MAX_JSON_BYTES)
    if hash_bytes(text) != plan.metrics_sha256:
        raise UsageError(
            "is not the file that the plan was made with", where=_FIELD,
            hint="Restore it, or make the plan anew.",
        )  # fmt: skip
    module = _module(text)
    if not isinstance(getattr(module, "METRICS", None), Mapping):
        raise UsageError(
            "has no mapping METRICS", where=_FIELD, hint='Add METRICS = {"key": function}.'
        )
    return user_metrics(module.METRICS)


class _Source(importlib.abc.InspectLoader):
    """Loads the text that was checked, whatever the file holds by now."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def get_source(self, fullname: str) -> str:
        return self.text.decode()


def _module(text: bytes) -> ModuleType:
    spec = importlib.util.spec_from_loader("audit_metrics", _Source(text))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's file raises
        raise UsageError(
            f"cannot be run: {type(error).__name__}: {error}", where=_FIELD,
            hint="Run it with Python to see where.",
        ) from error  # fmt: skip
    return module


def measure_user_metrics(
    scope: Scope, metrics: Sequence[UserMetric], settings: IntervalSettings
) -> list[Measured]:
    """Measure a user's metrics on one set of cases.

    Raises
    ------
    UsageError
        If a function fails, or returns no number.
    """
    if not metrics:
        return []
    frame = frame_of(scope.cases)
    return [_measured(scope, metric, frame, settings) for metric in metrics]


def frame_of(cases: AuditCases) -> pd.DataFrame:
    """Return the cases as users' functions read them, N rows."""
    names = np.array([*cases.classes, "outlier", None], dtype=object)
    unknown = len(cases.classes)
    data: dict[str, object] = {
        "label": names[np.where(cases.is_inlier, cases.truth, unknown + ~cases.labelled)]
    }
    if cases.predicted is not None:
        data["predicted"] = names[np.where(cases.named, cases.predicted, unknown + 1)]
    if cases.probabilities is not None:
        data |= {f"p_{name}": cases.probability(i) for i, name in enumerate(cases.classes)}
    given = {name: getattr(cases, name) for name in _COLUMNS}
    return pd.DataFrame(data | {name: x for name, x in given.items() if x is not None})


def _measured(
    scope: Scope, metric: UserMetric, frame: pd.DataFrame, settings: IntervalSettings
) -> Measured:
    c = len(scope.patients)
    value = _call(metric, frame, np.ones(len(frame)))
    influence, replicates = np.full(c, np.nan), None
    note = f"no interval of one's own metrics above {MOST_PATIENTS} patients"
    if c <= min(MOST_PATIENTS, settings.max_bootstrap_patients):
        note = ""
        left_out = (np.arange(c) != each for each in range(c))
        influence = value - np.array(
            [_call(metric, frame, kept[scope.local].astype(np.float64)) for kept in left_out]
        )
        influence -= influence.mean()
        name = f"{scope.axis}\n{scope.level}\n"
        drawn = draws(
            scope.strata, n_resamples=settings.replicates, seed=settings.seed,
            name=name,
        )  # fmt: skip
        replicates = np.array(
            [_call(metric, frame, row) for piece in drawn for row in piece[scope.local].T]
        )
    return Measured(
        key=metric.key, title=metric.key, unit="", larger_is_better=None, value=value,
        n=len(frame), n_patients=c, patients=scope.patients, influence=influence,
        replicates=replicates, note=note,
    )  # fmt: skip


def _call(metric: UserMetric, frame: pd.DataFrame, weights: FloatArray) -> float:
    try:
        return float(metric.function(frame, weights))
    except Exception as error:  # whatever a user's function raises
        raise UsageError(
            f"{metric.key} fails: {type(error).__name__}", where="metrics",
            hint="It takes a data frame of cases and an array of weights and returns a number, NaN "
            "where it is undefined.",
        ) from error  # fmt: skip
