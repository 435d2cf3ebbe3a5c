"""Medical image triage that says when it does not know.

The public Python API; arrays and data frames in, data frames out:

- `load` reads a bundle; its `score` returns a data frame with one row a case;
- `audit` measures a table of labels and probabilities, overall and per subgroup;
- `scores` holds out-of-distribution scores on arrays of one's own;
- `errors` holds the errors that all of them raise.

Names are imported when they are first used (PEP 562): `import triage` by itself imports neither
pandas nor torch.

Examples
--------
>>> import triage
>>> score = triage.scores.MaxSoftmax().score([[0.75, 0.25], [0.5, 0.5]])
>>> score.tolist()
[0.25, 0.5]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["__version__", "audit", "errors", "load", "scores"]

if TYPE_CHECKING:
    from triage import errors, scores
    from triage.auditing.audit import audit
    from triage.intake.loaded_system import load

_FUNCTIONS = {"audit": "triage.auditing.audit", "load": "triage.intake.loaded_system"}
"""Module that defines each function."""
_MODULES = ("errors", "scores")


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"triage.{name}")
    if name in _FUNCTIONS:
        found: object = getattr(import_module(_FUNCTIONS[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, those not imported yet too."""
    return sorted(__all__)
