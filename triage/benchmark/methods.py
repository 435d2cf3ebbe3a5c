"""Methods that a benchmark can compare, by their names in the registries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from triage.benchmark.arms import Arm
from triage.errors import UsageError, unknown_name
from triage.heads import HEADS, HeadKind
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.combination import COMBINATION
from triage.uncertainty.conformal import CONFORMAL
from triage.uncertainty.scores import SCORES

ALL = "all"
Kind = Literal["score", "calibrator", "conformal"]
EVERY_HEAD = "heads"
DEPLOYED = str(HeadKind.HOD)
"""The arm whose probabilities are calibrated and turned into sets: what `triage train` makes."""
WITH_OUTLIERS = (str(HeadKind.REJECT), str(HeadKind.HOD))


@dataclass(frozen=True)
class Method:
    """One registered method on one kind of head.

    Parameters
    ----------
    kind : {'score', 'calibrator', 'conformal'}
    key : str
        Its name in the registry.
    head : str
        Name of the arm whose ensemble it works on.
    """

    kind: Kind
    key: str
    head: str

    @property
    def name(self) -> str:
        """Name in tables and records: `knn@softmax`."""
        return f"{self.key}@{self.head}"


def parse_methods(text: str) -> list[Method]:
    """Parse a list of methods.

    Parameters
    ----------
    text : str
        Words separated by commas: `all` (every method), `heads` (every kind of head with its own
        score), or names of methods. A name may carry its head: `energy@hod`, or an arm:
        `outlier_mass@hod+mixup`. Without one, scores work on the softmax head (those that need
        outliers: on the heads trained with outliers), calibrators and conformal sets on the head
        that is deployed.

    Raises
    ------
    UsageError
        If a name is unknown (the nearest is suggested) or no method is named.
    """
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    if not wanted:
        raise UsageError("no method is named", where="--methods", hint=f"Write {ALL} or names.")
    methods = [method for name in wanted for method in _expanded(name)]
    return list(dict.fromkeys(methods))


def _known() -> dict[str, Kind]:
    kinds: dict[str, Kind] = dict.fromkeys((*SCORES, COMBINATION), "score")
    kinds |= dict.fromkeys(CALIBRATORS, "calibrator")
    return kinds | dict.fromkeys(CONFORMAL, "conformal")


def _expanded(name: str) -> Iterator[Method]:
    if name == ALL:
        for known in _known():
            yield from _methods_of(known)
        return
    if name != EVERY_HEAD:
        yield from _methods_of(name)
        return
    for kind in HeadKind:
        mass = HEADS[kind].info.has_outlier_mass
        yield Method("score", "outlier_mass" if mass else "max_softmax", str(kind))


def _methods_of(name: str) -> Iterator[Method]:
    key, at, head = name.partition("@")
    known = _known()
    if key not in known:
        raise unknown_name("method", key, (ALL, EVERY_HEAD, *known), where="--methods")
    if at and not head:
        raise UsageError(
            f"{name} names no head",
            where="--methods",
            hint=f"Write {key}, or {key}@{DEPLOYED} or another head.",
        )
    kind = known[key]
    learns_outliers = key in SCORES and SCORES[key].info.needs_outliers
    arm = Arm.parse(head) if head else None
    if arm and learns_outliers and not arm.info.has_outlier_mass:
        raise UsageError(
            f"{key} needs a head with a class for outliers",
            where="--methods",
            hint=f"Use {' or '.join(f'{key}@{each}' for each in WITH_OUTLIERS)}.",
        )
    if arm:
        heads: tuple[str, ...] = (arm.name,)
    elif learns_outliers:
        heads = WITH_OUTLIERS
    else:
        plain = kind == "score" and key != COMBINATION
        heads = (str(HeadKind.SOFTMAX) if plain else DEPLOYED,)
    yield from (Method(kind, key, each) for each in heads)


def heads_of(methods: Sequence[Method]) -> list[str]:
    """Arms that these methods use; the default arm if there are none."""
    used = {method.head for method in methods} or {DEPLOYED}
    order = list(HeadKind)
    return sorted(used, key=lambda name: (order.index(Arm.parse(name).head), name))
