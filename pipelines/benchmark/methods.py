"""The methods a benchmark can compare, by the names of the registries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from triage.errors import UsageError, nearest_name
from triage.models.heads import HeadKind
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.conformal import CONFORMAL
from triage.uncertainty.scores import SCORES

ALL = "all"
Kind = Literal["score", "calibrator", "conformal"]
DEPLOYED = HeadKind.HOD
"""The head whose probabilities are calibrated and turned into sets: what `triage train` makes."""
WITH_OUTLIERS = (HeadKind.REJECT, HeadKind.HOD)


@dataclass(frozen=True)
class Method:
    """One registered method on one kind of head.

    Parameters
    ----------
    kind : {'score', 'calibrator', 'conformal'}
    key : str
        Its name in the registry.
    head : HeadKind
        Whose ensemble it works on.
    """

    kind: Kind
    key: str
    head: HeadKind

    @property
    def name(self) -> str:
        """Name in tables and records: `knn@softmax`."""
        return f"{self.key}@{self.head}"


def parse_methods(text: str) -> list[Method]:
    """Read a list of methods.

    Parameters
    ----------
    text : str
        `all`, or names separated by commas. A name may carry its head: `energy@hod`. Without
        one, scores work on the softmax head (those that need outliers: on the heads trained
        with outliers), calibrators and conformal sets on the head that is deployed.

    Raises
    ------
    UsageError
        If a name is unknown (the nearest is suggested) or no method is named.
    """
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    if not wanted:
        raise UsageError("no method is named", where="--methods", mend=f"Write {ALL} or names.")
    if wanted == [ALL]:
        wanted = list(_known())
    methods = [method for name in wanted for method in _methods_of(name)]
    return list(dict.fromkeys(methods))


def _known() -> dict[str, Kind]:
    kinds: dict[str, Kind] = dict.fromkeys(SCORES, "score")
    kinds |= dict.fromkeys(CALIBRATORS, "calibrator")
    return kinds | dict.fromkeys(CONFORMAL, "conformal")


def _methods_of(name: str) -> Iterator[Method]:
    key, _, head = name.partition("@")
    known = _known()
    if key not in known:
        near = nearest_name(key, known, cutoff=0.4)
        raise UsageError(
            f"there is no method {key!r}",
            where="--methods",
            mend=f"Did you mean {near}?" if near else f"There are {', '.join(known)}.",
        )
    if head and head not in tuple(HeadKind):
        raise UsageError(
            f"there is no head {head!r}", where="--methods", mend=f"Use {', '.join(HeadKind)}."
        )
    kind = known[key]
    learns_outliers = kind == "score" and SCORES[key].info.needs_outliers
    if head == HeadKind.SOFTMAX and learns_outliers:
        raise UsageError(
            f"{key} needs a head trained with outliers",
            where="--methods",
            mend=f"Use {' or '.join(f'{key}@{each}' for each in WITH_OUTLIERS)}.",
        )
    if head:
        heads: tuple[HeadKind, ...] = (HeadKind(head),)
    elif learns_outliers:
        heads = WITH_OUTLIERS
    else:
        heads = (HeadKind.SOFTMAX if kind == "score" else DEPLOYED,)
    yield from (Method(kind, key, each) for each in heads)


def heads_of(methods: Sequence[Method]) -> list[HeadKind]:
    """Kinds of ensemble that these methods work on; the deployed one where there are none."""
    used = {method.head for method in methods} or {DEPLOYED}
    return [head for head in HeadKind if head in used]
